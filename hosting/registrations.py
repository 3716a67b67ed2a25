"""What hosting makes known at start: event kinds, and what must be over before a contract ends."""

from crm.domain.contracts import register_end_guard
from crm.domain.renewals import register_renewed
from hashinsight.common.gauges import register_gauges
from hashinsight.common.hold import register_inward
from hashinsight.common.secret_rotation import register_secrets
from hashinsight.events.registry import EventKind
from hashinsight.events.registry import register as register_kind
from hashinsight.jobs.registry import register_handler
from hashinsight.notify.enums import Severity
from hashinsight.notify.registry import AlertKind, register_alert_kind
from hosting import periodic, retention
from hosting.domain.alert_rules import look_at
from hosting.domain.caps import terms_above_cap
from hosting.domain.collection_watch import late_collections, other_machines
from hosting.domain.gauges import gauges
from hosting.domain.meters.watch import silent_meters
from hosting.domain.miner_import.steps import WORK as MINER_IMPORT
from hosting.domain.miner_secrets import renewed
from hosting.domain.partitions import missing_partitions
from hosting.domain.place_counts import drifted_counts
from hosting.domain.terms import end_with_contract, renew_with_contract
from hosting.domain.ticket_clock import late_tickets
from hosting.enums import MinerAlertKind
from hosting.models import MinerSecret
from hosting.tiles import register_tiles
from hosting.work import work_on_import

_MINER = {"miner_id": "string", "serial": "string", "intent": "string", "site_id": "string?"}
_DEVICE = {"device_id": "string", "serial": "string", "site_id": "string", "status": "string"}
_HEALTH = {**_MINER, "before": "string", "health": "string"}
_READINGS = {
    "site_id": "string?",
    "source": "string",
    "machines": "integer",
    "stored": "integer",
    "duplicates": "integer",
    "quarantined": "integer",
    "first_at": "string",
    "last_at": "string",
}
_TICKET = {"ticket_id": "string", "reference": "string", "status": "string", "priority": "string"}
_REPAIR = {"repair_id": "string", "miner_id": "string", "status": "string"}
_TERMS = {"terms_id": "string", "contract_id": "string", "valid_from": "string"}
EVENT_KINDS = [
    EventKind("miner.registered", "A machine was entered.", _MINER),
    EventKind("miner.changed", "Data of a machine were edited.", _MINER),
    EventKind("miner.deployed", "A machine was placed, or moved to another place.", _MINER),
    EventKind("miner.taken_out", "A machine left its place.", _MINER),
    EventKind("miner.assigned", "A machine was given to a customer, or back to the house.", _MINER),
    EventKind("miner.intent_changed", "What a machine should do has changed.", _MINER),
    EventKind("miner.retired", "A machine was retired.", _MINER),
    EventKind("miner.offline", "A machine that should hash gives no answer.", _HEALTH),
    EventKind("miner.lost", "A machine that should hash has given no answer for a day.", _HEALTH),
    EventKind("miner.degraded", "A machine hashes less than it should.", _HEALTH),
    EventKind("miner.recovered", "A machine that was offline, lost or degraded is well again.", _HEALTH),
    EventKind("miner.health_changed", "The health of a machine changed in another way.", _HEALTH),
    EventKind("miner.telemetry_updated", "A batch of readings was stored.", _READINGS),
    EventKind("edge_device.registered", "An edge device was entered.", _DEVICE),
    EventKind("edge_device.code_given", "An edge device was given a new code.", _DEVICE),
    EventKind("edge_device.enrolled", "An edge device traded its code for a token.", _DEVICE),
    EventKind("edge_device.token_rotated", "An edge device has a new token.", _DEVICE),
    EventKind("edge_device.revoked", "An edge device is refused from now on.", _DEVICE),
    EventKind("hosting_terms.agreed", "Hosting terms of a contract were agreed.", _TERMS),
    EventKind("hosting_terms.amended", "Hosting terms were ended and begun anew with changes.", _TERMS),
    EventKind("hosting_terms.ended", "Hosting terms end on a day.", _TERMS),
    EventKind("ticket.opened", "A ticket was opened.", _TICKET),
    EventKind("ticket.changed", "A ticket was edited, assigned or begun.", _TICKET),
    EventKind("ticket.waiting", "A ticket waits for an answer of the client.", _TICKET),
    EventKind("ticket.note_added", "A note was added to a ticket.", {**_TICKET, "note_id": "string?"}),
    EventKind("ticket.resolved", "A ticket was resolved.", _TICKET),
    EventKind("ticket.closed", "A ticket was closed.", _TICKET),
    EventKind("ticket.reopened", "A ticket was opened again.", _TICKET),
    EventKind("repair.ordered", "A repair of a machine was ordered.", _REPAIR),
    EventKind("repair.changed", "A repair went on.", _REPAIR),
    EventKind("repair.finished", "A repair is over.", _REPAIR),
]

ALERTS = [
    (
        AlertKind("places.miscounted", "The kept counts of machines by place were wrong.", "counts", Severity.WARNING),
        drifted_counts,
    ),
    (
        AlertKind(
            "terms.above_cap", "More power stands under hosting terms than their cap.", "terms", Severity.WARNING
        ),
        terms_above_cap,
    ),
    (
        AlertKind("collection.late", "The machines of a site are not read any more.", "site", Severity.ERROR),
        late_collections,
    ),
    (
        AlertKind(
            "collection.other_machines", "Machines say they are others than our data have.", "site", Severity.WARNING
        ),
        other_machines,
    ),
    (AlertKind("meter.silent", "A meter is not read any more.", "meter", Severity.ERROR), silent_meters),
]

RULE_ALERTS = {
    MinerAlertKind.HASHRATE: ("miner.low_hashrate", "Machines hash less than a rule allows.", "rule and machine"),
    MinerAlertKind.CHIP: ("miner.hot_chip", "Chips of machines are hotter than a rule allows.", "rule and machine"),
    MinerAlertKind.BOARD: ("miner.hot_board", "Boards of machines are hotter than a rule allows.", "rule and machine"),
    MinerAlertKind.FAN: ("miner.slow_fan", "Fans of machines stand or are too slow.", "rule and machine"),
    MinerAlertKind.RESTARTS: ("miner.restarts", "Machines restart more often than a rule allows.", "rule and machine"),
    MinerAlertKind.REJECTS: ("miner.rejects", "Pools reject more shares than a rule allows.", "rule and machine"),
    MinerAlertKind.SILENT_ZONE: ("zone.silent", "Nothing is heard from a zone.", "rule and zone"),
}


def register() -> None:
    """Called once from ``ready()``."""
    register_tiles()
    for kind in EVENT_KINDS:
        register_kind(kind)
    register_end_guard(end_with_contract)
    register_renewed(renew_with_contract)
    register_gauges(gauges)
    register_alert_kind(
        AlertKind("ticket.late", "A ticket is not answered or resolved as promised.", "ticket", Severity.WARNING),
        watch=late_tickets,
    )
    for watched, (kind_of_alert, text, key) in RULE_ALERTS.items():
        register_alert_kind(AlertKind(kind_of_alert, text, key, Severity.WARNING), watch=look_at(watched))
    for alert, watch in ALERTS:
        register_alert_kind(alert, watch=watch)
    register_handler(MINER_IMPORT, work_on_import)
    register_inward([MINER_IMPORT])
    register_alert_kind(
        AlertKind(
            "telemetry.no_partition", "Readings of the next days would have no place.", "series", Severity.CRITICAL
        ),
        watch=missing_partitions,
    )
    register_secrets(MinerSecret, renewed)
    periodic.register()
    retention.register()

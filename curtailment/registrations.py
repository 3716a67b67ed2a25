"""What curtailment makes known at start: event kinds, alerts, jobs."""

from curtailment import dispatch_registrations, periodic, retention
from curtailment.domain import alarms, watching
from curtailment.domain.control import leases
from curtailment.domain.rules import evaluating
from curtailment.tiles import register_tiles
from hashinsight.events.registry import EventKind
from hashinsight.events.registry import register as register_kind
from hashinsight.notify.enums import Severity
from hashinsight.notify.registry import AlertKind, register_alert_kind
from hosting.domain.edge_leases import register_results

_PLAN = {
    "plan_id": "string", "number": "integer", "site_id": "string", "status": "string", "cause": "string",
    "reason": "string", "target_kw": "string?", "starts_at": "string", "ends_at": "string?",
}  # fmt: skip
_EVENT = {
    "event_id": "string", "number": "integer", "site_id": "string", "status": "string", "started_at": "string",
    "ended_at": "string?", "machines": "integer", "saved_kwh": "string", "revision": "integer",
}  # fmt: skip
_SWITCH = {"site_id": "string?", "reason": "string"}
EVENT_KINDS = [
    EventKind("curtailment.planned", "A curtailment plan was made.", _PLAN),
    EventKind("curtailment.first_approval", "One of two people has approved a plan.", _PLAN),
    EventKind("curtailment.second_approval", "A second person stands behind a plan that was approved by one.", _PLAN),
    EventKind("curtailment.approved", "A plan is approved.", _PLAN),
    EventKind("curtailment.executing", "Machines of a plan are being switched off.", _PLAN),
    EventKind("curtailment.executed", "As much is off as was planned.", _PLAN),
    EventKind("curtailment.recovering", "The time of a plan is over; machines are switched on again.", _PLAN),
    EventKind("curtailment.ended", "Somebody ended a plan; machines are switched on again.", _PLAN),
    EventKind("curtailment.recovered", "All machines of a plan are back.", _PLAN),
    EventKind("curtailment.partially_executed", "A plan is over and never reached its target.", _PLAN),
    EventKind("curtailment.failed", "A plan is over and switched nothing off.", _PLAN),
    EventKind("curtailment.expired", "Nobody approved a plan in time.", _PLAN),
    EventKind("curtailment.cancelled", "A plan was taken back before it began.", _PLAN),
    EventKind("curtailment.emergency", "One person curtails alone.", _PLAN),
    EventKind(
        "curtailment.restored", "All plans of a site were ended at once.",
        {"site_id": "string", "restore_id": "string", "plans": "integer", "reason": "string"},
    ),
    EventKind("curtailment.event_started", "Machines of a site are being switched off.", _EVENT),
    EventKind("curtailment.event_ended", "All machines of a curtailment are back.", _EVENT),
    EventKind("curtailment.event_measured", "A curtailment was reckoned.", _EVENT),
    EventKind("curtailment.frozen", "The kill switch was set.", _SWITCH),
    EventKind("curtailment.released", "The kill switch was released.", _SWITCH),
    EventKind(
        "curtailment.invariant_broken", "The control of a site has stopped itself.",
        {"site_id": "string", "what": "array"},
    ),
]  # fmt: skip
ALERTS = [
    ("curtailment.late", "Machines are not back after a plan.", "plan", Severity.CRITICAL, watching.late_machines),
    ("curtailment.short", "A plan does not reach its target.", "plan", Severity.WARNING, watching.short_plans),
    (alarms.EMERGENCY, "One person curtails alone.", "plan", Severity.CRITICAL, watching.emergencies),
    (alarms.RESTORE, "One person has ended all plans of a site; until it is reviewed.", "restore", Severity.CRITICAL,
     watching.restores),
    ("curtailment.review", "What one person did alone is to be reviewed.", "plan or restore", Severity.WARNING,
     watching.reviews_due),
    ("curtailment.waits", "A plan of a rule waits for approval.", "plan", Severity.CRITICAL, watching.waiting_plans),
    ("curtailment.stale_input", "Data of a rule are not to be trusted.", "rule", Severity.CRITICAL,
     evaluating.stale_inputs),
    ("curtailment.open", "A plan without an end has run for days.", "plan and day", Severity.WARNING,
     watching.open_plans),
    ("curtailment.lease_late", "An edge device does not fetch its lease, or switches nothing.", "edge device",
     Severity.CRITICAL, watching.late_leases),
    ("curtailment.meter_differs", "Machines and the meter of a site say different things.", "event", Severity.ERROR,
     watching.meters_differ),
    ("curtailment.frozen", "The kill switch is set.", "switch", Severity.WARNING, watching.switches_set),
    ("curtailment.stopped", "The control of a site has stopped itself.", "site", Severity.CRITICAL,
     watching.broken_invariants),
]  # fmt: skip


def register() -> None:
    """Called once from ``ready()``."""
    periodic.register()
    register_tiles()
    dispatch_registrations.register()
    retention.register()
    register_results(leases.take_results)
    for kind in EVENT_KINDS:
        register_kind(kind)
    for name, text, key, severity, watch in ALERTS:
        register_alert_kind(AlertKind(name, text, key, severity), watch=watch)

"""What notifications make known at start: alert kinds with their watches, due work, the watch job, the consumer."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.utils.translation import gettext_lazy

from hashinsight.common.hold import register_inward
from hashinsight.events.consumers import EVERYTHING, Consumer, Event, register_consumer
from hashinsight.events.registry import EventKind
from hashinsight.events.registry import register as register_event
from hashinsight.jobs.registry import PeriodicJob, register_handler, register_job
from hashinsight.notify import retention, tiles
from hashinsight.notify.domain import oncall, sending, watching
from hashinsight.notify.domain.events import GROUP
from hashinsight.notify.domain.routing import DELIVER_WORK, DIGEST_WORK, ESCALATE_WORK
from hashinsight.notify.enums import Severity
from hashinsight.notify.registry import AlertKind, Look, allow_for_clients, register_alert_kind

EVENT_KINDS = [
    EventKind(
        sending.DISABLED_EVENT,
        "A webhook was switched off because nothing could be delivered to it.",
        {"webhook_id": "string", "name": "string", "reason": "string"},
    )
]
ALERT_KINDS: list[tuple[AlertKind, Look | None]] = [
    (AlertKind(watching.LATE_JOB, "A periodic job has not run when it should have.", "job"), watching.late_jobs),
    (AlertKind(watching.FAILED_JOB, "The last run of a periodic job failed.", "job"), watching.failed_jobs),
    (AlertKind(watching.FAILED_WORK, "Work that must happen was given up.", "kind of work"), watching.failed_work),
    (AlertKind(watching.DEAD_LETTER, "A consumer has given up events.", "kind of event"), watching.dead_letters),
    (AlertKind(watching.DISK, "The disk is filling up.", "folder", Severity.ERROR), watching.full_disk),
    (AlertKind(oncall.GAP_ALERT, "Nobody is on call.", "rota", Severity.WARNING), oncall.gaps),
    (AlertKind("ledger.mismatch", "Books that must agree do not.", "what was compared", Severity.CRITICAL), None),
    (AlertKind(sending.FAILED_ALERT, "Messages could not be delivered in three days.", "channel"), None),
    (AlertKind(sending.DISABLED_ALERT, "A channel was switched off after days of failure.", "channel"), None),
]


def register() -> None:
    """Called once from ``ready()``."""
    for kind in EVENT_KINDS:
        register_event(kind)
    for alert, look in ALERT_KINDS:
        register_alert_kind(alert, watch=look)
    allow_for_clients(sending.DISABLED_EVENT)
    register_handler(DELIVER_WORK, _lazy("deliver"), reviver=sending.revive)
    register_handler(DIGEST_WORK, _lazy("send_digest"))
    register_handler(ESCALATE_WORK, _lazy("escalate"))
    register_inward([DIGEST_WORK, ESCALATE_WORK])  # they only write what is to be sent
    register_job(
        PeriodicJob(
            name="notify.watch",
            task="notify.watch",
            every=timedelta(minutes=1),
            description=gettext_lazy(
                "Looks for late and failed jobs, given-up work and events, and a full disk; raises alerts."
            ),
            grace=timedelta(minutes=2),
        )
    )
    register_consumer(Consumer(GROUP, "Sends notifications and webhooks.", EVERYTHING, _consume))
    retention.register()
    tiles.register_tiles()


def _consume(events: Sequence[Event]) -> None:
    import_module("hashinsight.notify.work").consume(events)


def _lazy(name: str) -> Callable[[Mapping[str, Any], Callable[[], bool]], None]:
    """The handler is imported when it runs: the services of others bring slow imports along."""

    def handle(payload: Mapping[str, Any], finish: Callable[[], bool]) -> None:
        getattr(import_module("hashinsight.notify.work"), name)(payload, finish)

    return handle

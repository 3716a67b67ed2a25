"""What programmes and dispatches make known at start: event kinds and alerts."""

from curtailment.domain.dispatch import dispatch_watch
from hashinsight.events.registry import EventKind
from hashinsight.events.registry import register as register_kind
from hashinsight.notify.enums import Severity
from hashinsight.notify.registry import AlertKind, register_alert_kind

_DISPATCH = {
    "dispatch_id": "string", "reference": "string", "programme": "string", "site_id": "string", "state": "string",
    "revision": "integer", "goal": "string", "kw": "string", "starts_at": "string", "ends_at": "string?",
    "is_test": "boolean",
}  # fmt: skip
EVENT_KINDS = [
    EventKind("curtailment.dispatch_received", "A dispatch waits to be authorised.", _DISPATCH),
    EventKind("curtailment.dispatch_refused", "A new dispatch is refused.", _DISPATCH),
    EventKind("curtailment.dispatch_logged", "A dispatch that is a test was written down.", _DISPATCH),
    EventKind("curtailment.dispatch_accepted", "A dispatch is accepted, or was changed.", _DISPATCH),
    EventKind("curtailment.dispatch_running", "The time of a dispatch has come, or it was changed.", _DISPATCH),
    EventKind("curtailment.dispatch_ended", "The time of a dispatch is over.", _DISPATCH),
    EventKind("curtailment.dispatch_cancelled", "A dispatch was taken back.", _DISPATCH),
    EventKind(
        "curtailment.dispatch_turned_away", "A message about a dispatch was refused.",
        {"programme": "string", "reference": "string", "code": "string"},
    ),
]  # fmt: skip
ALERTS = [
    ("curtailment.dispatch", "A programme calls on our load.", "dispatch", Severity.WARNING, dispatch_watch.called),
    ("curtailment.dispatch_refused", "A message about a dispatch was refused.", "message", Severity.ERROR,
     dispatch_watch.turned_away),
    ("curtailment.dispatch_waits", "A dispatch waits to be authorised.", "dispatch", Severity.CRITICAL,
     dispatch_watch.waiting),
    ("curtailment.dispatch_unplanned", "No plan can be made of a dispatch.", "dispatch", Severity.CRITICAL,
     dispatch_watch.unplanned),
    ("curtailment.dispatch_open", "A dispatch without an end has run for days.", "dispatch and day", Severity.WARNING,
     dispatch_watch.open_ended),
    ("curtailment.vtn_silent", "An OpenADR server does not answer.", "server", Severity.CRITICAL,
     dispatch_watch.silent_servers),
    ("curtailment.vtn_clock", "The clock of an OpenADR server differs from ours.", "server", Severity.WARNING,
     dispatch_watch.wrong_clocks),
]  # fmt: skip


def register() -> None:
    """Called once from ``ready()``."""
    for kind in EVENT_KINDS:
        register_kind(kind)
    for name, text, key, severity, watch in ALERTS:
        register_alert_kind(AlertKind(name, text, key, severity), watch=watch)

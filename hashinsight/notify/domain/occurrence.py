"""What may be told: one event, or one turn of an alert, in the form that rules and channels read."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from hashinsight.events.consumers import Event
from hashinsight.events.registry import all_kinds
from hashinsight.notify.enums import Occasion, Severity
from hashinsight.notify.models import Alert
from hashinsight.notify.registry import describe_alert

LONGEST_SUBJECT = 250


@dataclass(frozen=True)
class Occurrence:
    """``source`` is the same whenever the same thing is told; ``key`` is what a repeat limit counts by."""

    source: str
    occasion: Occasion
    kind: str
    key: str
    severity: str
    subject: str
    body: str
    data: dict[str, Any]
    at: datetime
    customer_id: int | None = None
    legal_entity_id: int | None = None
    alert: Alert | None = field(default=None, compare=False)

    @property
    def payload(self) -> dict[str, Any]:
        """The body of a webhook, as Standard Webhooks advises: type, timestamp, data."""
        moment = self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {"type": self.kind, "timestamp": moment, "data": self.data}


def of_event(event: Event) -> Occurrence:
    """An event, in words and as data. Repeats are counted by kind: a rule with a limit wants few messages."""
    described = {kind.kind: kind.description for kind in all_kinds()}
    description = described.get(event.kind, event.kind)
    lines = [f"{name}: {value}" for name, value in event.payload.items() if value not in (None, "")]
    return Occurrence(
        source=f"event:{event.event_id}",
        occasion=Occasion.EVENT,
        kind=event.kind,
        key=event.kind,
        severity=Severity.INFO,
        subject=description[:LONGEST_SUBJECT],
        body="\n".join([description, "", *lines]),
        data=dict(event.payload),
        at=event.created_at,
        customer_id=event.customer_id,
    )


def of_alert(alert: Alert, occasion: Occasion, *, at: datetime, turn: str = "") -> Occurrence:
    """A turn of an alert: raised, repeated, escalated, over."""
    prefix = {
        Occasion.RAISED: alert.get_severity_display().capitalize(),
        Occasion.ESCALATED: _("Not acknowledged"),
        Occasion.ENDED: _("Over"),
    }[occasion]
    subject = f"{prefix}: {alert.title}"[:LONGEST_SUBJECT]
    url = alert_url(alert)
    return Occurrence(
        source=f"alert:{alert.public_id}:{occasion.value}{turn}",
        occasion=occasion,
        kind=alert.kind,
        key=f"{alert.kind}:{alert.key}",
        severity=alert.severity,
        subject=subject,
        body="\n\n".join(part for part in (subject, alert.text, describe_alert(alert.kind), url) if part),
        data={
            "alert_id": str(alert.public_id),
            "occasion": occasion.value,
            "key": alert.key,
            "severity": alert.severity,
            "state": alert.state,
            "title": alert.title,
            "text": alert.text,
            "count": alert.count,
            "url": url,
        },
        at=at,
        customer_id=alert.customer_id,
        legal_entity_id=alert.legal_entity_id,
        alert=alert,
    )


def alert_url(alert: Alert) -> str:
    """Where a person acknowledges it."""
    return settings.BASE_URL.rstrip("/") + reverse("admin:notify_alert_change", args=[alert.pk])

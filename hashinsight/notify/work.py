"""Due work of notifications: sending, summaries, escalations. Safe to run twice, safe to kill.

A webhook may arrive twice when a worker dies between the answer and its note: it then carries the same webhook-id.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hashinsight.events.consumers import Event
from hashinsight.notify.clients import mail, vendors, webhook
from hashinsight.notify.clients.answers import Answer
from hashinsight.notify.domain import alerts, channels, events, routing, sending
from hashinsight.notify.enums import ChannelKind, Occasion
from hashinsight.notify.models import Channel, Delivery

Finish = Callable[[], bool]


def deliver(payload: Mapping[str, Any], finish: Finish) -> None:
    """Send one message once; what came of it and the end of this work are one transaction."""
    delivery = sending.due(payload["delivery_id"])
    if delivery is None:
        finish()
        return
    answer = send(delivery, at=timezone.now())
    with transaction.atomic():
        finish()
        sending.note(delivery, sending.Outcome(**asdict(answer)), at=timezone.now())


def send(delivery: Delivery, *, at: datetime) -> Answer:
    """By the way of its channel, without one by e-mail. There are these five and no other."""
    channel: Channel | None = delivery.channel
    if channel is None:
        return _mail(delivery, None, at)
    return _SENDERS[ChannelKind(channel.kind)](delivery, channel, at)


def send_digest(payload: Mapping[str, Any], finish: Finish) -> None:
    """The summary of what a repeat limit has held back."""
    with transaction.atomic():
        routing.send_digest(
            payload["window_id"],
            kind=payload["kind"],
            subject=payload["subject"],
            severity=payload["severity"],
            at=timezone.now(),
        )
        finish()


def escalate(payload: Mapping[str, Any], finish: Finish) -> None:
    """The second channel, when nobody has acknowledged."""
    with transaction.atomic():
        alerts.escalate(payload["alert_id"], payload["rule_id"], at=timezone.now())
        finish()


def consume(batch: Sequence[Event]) -> None:
    """Events from the relay, in its transaction."""
    events.consume(batch, at=timezone.now())


def _mail(delivery: Delivery, channel: Channel | None, at: datetime) -> Answer:
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    return mail.send(
        recipient=delivery.recipient,
        subject=delivery.subject,
        body=delivery.body,
        message_id=f"<{delivery.public_id}@{host}>",
    )


def _webhook(delivery: Delivery, channel: Channel, at: datetime) -> Answer:
    return webhook.post(
        channel.address,
        payload=delivery.payload,
        secrets=channels.live_secrets(channel, at),
        message_id=str(delivery.public_id),
        timestamp=int(at.timestamp()),
    )


def _slack(delivery: Delivery, channel: Channel, at: datetime) -> Answer:
    return vendors.slack(credential=channel.reveal_credential(), **_words(delivery))


def _telegram(delivery: Delivery, channel: Channel, at: datetime) -> Answer:
    return vendors.telegram(credential=channel.reveal_credential(), chat=channel.address, **_words(delivery))


def _pagerduty(delivery: Delivery, channel: Channel, at: datetime) -> Answer:
    incident = delivery.alert.public_id if delivery.alert else delivery.public_id
    return vendors.pagerduty(
        credential=channel.reveal_credential(),
        region=channel.address or "us",
        subject=delivery.subject,
        severity=delivery.severity,
        incident=str(incident),
        over=delivery.occasion == Occasion.ENDED,
    )


def _words(delivery: Delivery) -> dict[str, str]:
    return {"subject": delivery.subject, "body": delivery.body, "severity": delivery.severity}


_SENDERS: dict[ChannelKind, Callable[[Delivery, Channel, datetime], Answer]] = {
    ChannelKind.EMAIL: _mail,
    ChannelKind.WEBHOOK: _webhook,
    ChannelKind.SLACK: _slack,
    ChannelKind.TELEGRAM: _telegram,
    ChannelKind.PAGERDUTY: _pagerduty,
}

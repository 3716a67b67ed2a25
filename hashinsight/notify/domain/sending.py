"""One delivery on its way: what to send, and what became of the attempt."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_for_move
from hashinsight.events.domain import publish
from hashinsight.jobs.domain.work import reopen_work
from hashinsight.notify.domain.alerts import raise_alert, recover_alert
from hashinsight.notify.domain.routing import DELIVER_WORK
from hashinsight.notify.engine.timing import next_attempt
from hashinsight.notify.enums import DELIVERY_MOVES, DeliveryState, Occasion
from hashinsight.notify.models import Channel, Delivery

FAILED_ALERT = "delivery.failed"
DISABLED_ALERT = "channel.disabled"
DISABLED_EVENT = "webhook.disabled"
# What is told about channels never raises an alert about a channel: that would go round for ever.
ABOUT_CHANNELS = frozenset({FAILED_ALERT, DISABLED_ALERT, DISABLED_EVENT})
LONGEST_EXCERPT = 1000
GONE = 410


class ChannelOff(DomainError):
    """The channel is switched off."""

    code = "channel_off"


@dataclass(frozen=True)
class Outcome:
    """What the other side said. ``status`` is None where no answer came, ``asked`` its Retry-After."""

    ok: bool
    status: int | None = None
    excerpt: str = ""
    error: str = ""
    asked: timedelta | None = None


def due(delivery_id: int) -> Delivery | None:
    """The delivery when it is still to be sent; one whose channel was switched off meanwhile is given up."""
    delivery: Delivery | None = Delivery.objects.select_related("channel", "alert").filter(pk=delivery_id).first()
    if delivery is None or delivery.state != DeliveryState.PENDING:
        return None
    channel = delivery.channel
    if channel is not None and not channel.is_active and delivery.occasion != Occasion.TEST:
        Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.PENDING).update(
            state=DeliveryState.FAILED, next_at=None, error=_("The channel is switched off.")
        )
        return None
    return delivery


@transaction.atomic
def note(delivery: Delivery, outcome: Outcome, *, at: datetime) -> Delivery:
    """Write down one attempt: delivered, to be tried again, or given up. Its work is finished before."""
    locked: Delivery = Delivery.objects.select_for_update(of=("self",)).get(pk=delivery.pk)
    if locked.state != DeliveryState.PENDING:
        return locked
    locked.attempts += 1
    locked.last_at, locked.response_status = at, outcome.status
    locked.response_excerpt = outcome.excerpt.replace("\x00", "")[:LONGEST_EXCERPT]
    locked.error = outcome.error.replace("\x00", "")[:500]
    channel = None
    if locked.channel_id is not None:
        channel = Channel.objects.select_for_update(of=("self",)).get(pk=locked.channel_id)
    if outcome.ok:
        _succeeded(locked, channel, at=at)
    else:
        _failed(locked, channel, outcome, at=at)
    return locked


def _succeeded(delivery: Delivery, channel: Channel | None, *, at: datetime) -> None:
    delivery.state, delivery.delivered_at, delivery.next_at = DeliveryState.DELIVERED, at, None
    delivery.save()
    if channel is None:
        recover_alert(FAILED_ALERT, delivery.recipient, at=at)
    elif channel.failing_since is not None:
        channel.failing_since = None
        channel.save(update_fields=["failing_since"])
        recover_alert(FAILED_ALERT, str(channel.public_id), at=at)


def _failed(delivery: Delivery, channel: Channel | None, outcome: Outcome, *, at: datetime) -> None:
    again = None
    if outcome.status != GONE:
        again = next_attempt(attempts=delivery.attempts, since=delivery.retry_since, at=at, asked=outcome.asked)
    if delivery.occasion == Occasion.TEST:
        again = None  # somebody is waiting for the answer to this one attempt
    delivery.next_at = again
    if again is None:
        delivery.state = DeliveryState.FAILED
    delivery.save()
    if again is not None:
        reopen_work(DELIVER_WORK, key=str(delivery.pk), payload={"delivery_id": delivery.pk}, at=again)
    if channel is None:
        _given_up(delivery, outcome, key=delivery.recipient, name=delivery.recipient, at=at)
    elif delivery.occasion != Occasion.TEST:
        _count_against(channel, delivery, outcome, at=at)


def _count_against(channel: Channel, delivery: Delivery, outcome: Outcome, *, at: datetime) -> None:
    if channel.failing_since is None:
        channel.failing_since = at
        channel.save(update_fields=["failing_since"])
    patience = timedelta(days=settings.NOTIFY_DISABLE_AFTER_DAYS)
    if outcome.status == GONE:
        disable(channel, reason=_("The receiver says that it is gone (410)."), at=at)
    elif at - channel.failing_since >= patience:
        text = _("Nothing has been delivered for %(days)s days.") % {"days": settings.NOTIFY_DISABLE_AFTER_DAYS}
        disable(channel, reason=text, at=at)
    _given_up(delivery, outcome, key=str(channel.public_id), name=channel.name, at=at)


def _given_up(delivery: Delivery, outcome: Outcome, *, key: str, name: str, at: datetime) -> None:
    if delivery.state == DeliveryState.FAILED and delivery.kind not in ABOUT_CHANNELS:
        raise_alert(
            FAILED_ALERT,
            key,
            at=at,
            title=_("Messages to %(channel)s were given up") % {"channel": name},
            text=f"{delivery.subject}\n{outcome.error}",
            customer_id=delivery.customer_id,
        )


def disable(channel: Channel, *, reason: str, at: datetime) -> None:
    """Switch a locked channel off by itself, and tell: an alert for the house, an event for the customer."""
    if not channel.is_active:
        return
    channel.is_active, channel.disabled_at, channel.disabled_reason = False, at, reason[:200]
    channel.save(update_fields=["is_active", "disabled_at", "disabled_reason"])
    raise_alert(
        DISABLED_ALERT,
        str(channel.public_id),
        at=at,
        title=_("%(channel)s was switched off") % {"channel": channel.name},
        text=reason,
        customer_id=channel.customer_id,
    )
    if channel.customer_id is not None:
        publish(
            DISABLED_EVENT,
            aggregate_type="notify.channel",
            aggregate_id=channel.public_id,
            customer_id=channel.customer_id,
            payload={"webhook_id": str(channel.public_id), "name": channel.name, "reason": reason},
        )


@transaction.atomic
def redeliver(delivery: Delivery, *, by: Any, at: datetime) -> Delivery:
    """Send a message again: the same content, the same id. Raises MoveRefused while it is on its way, ChannelOff."""
    with audit_context(actor=by):
        locked: Delivery = lock_for_move(delivery, field="state", to=DeliveryState.PENDING, moves=DELIVERY_MOVES)
        if locked.channel is not None and not locked.channel.is_active:
            raise ChannelOff(_("%(channel)s is switched off.") % {"channel": locked.channel})
        _pend(locked, at=at)
        reopen_work(DELIVER_WORK, key=str(locked.pk), payload={"delivery_id": locked.pk}, at=at)
    locked.refresh_from_db()
    return locked


def revive(payload: Mapping[str, Any], at: datetime) -> None:
    """The work of a delivery is tried again by hand: the delivery with it."""
    locked = Delivery.objects.select_for_update(of=("self",)).get(pk=payload["delivery_id"])
    if locked.state != DeliveryState.DELIVERED:
        _pend(locked, at=at)


def _pend(locked: Delivery, *, at: datetime) -> None:
    locked.state, locked.next_at, locked.retry_since, locked.attempts = DeliveryState.PENDING, at, at, 0
    locked.save(update_fields=["state", "next_at", "retry_since", "attempts"])

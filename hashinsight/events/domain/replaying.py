"""Handing events on again: chosen ones to one consumer group, and dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_row
from hashinsight.events.consumers import EVERYTHING, Consumer, all_consumers
from hashinsight.events.domain.claiming import REPLAY_LOCK
from hashinsight.events.domain.holding import park, settle
from hashinsight.events.enums import OutboxStatus, ReplayMode
from hashinsight.events.models import WAKE_CHANNEL, DeadLetter, InboxEntry, OutboxEvent, Replay

MOST_REPLAYED = 100_000


class ReplayRefused(DomainError):
    """The events cannot be handed on again like this."""

    code = "replay_refused"


@dataclass(frozen=True)
class Selection:
    """Which events: all conditions given must hold; at least one must be given."""

    since: datetime | None = None
    until: datetime | None = None
    kind: str = ""
    aggregate_type: str = ""
    aggregate_id: str = ""
    event_id: UUID | None = None

    def is_empty(self) -> bool:
        """Nothing narrows it down."""
        return not (self.since or self.kind or self.aggregate_id or self.event_id)


def events_to_replay(group: str, selection: Selection, mode: str) -> QuerySet[OutboxEvent]:
    """The events a replay would hand on, oldest first. Raises ReplayRefused, saying what to change."""
    target = _consumer(group)
    if selection.is_empty():
        raise ReplayRefused(_("Say which events: a moment, a kind, an aggregate or an event id."))
    if mode == ReplayMode.AGAIN and not target.repeatable:
        raise ReplayRefused(
            _("%(group)s may not have an event twice; choose “only what it has not had”.") % {"group": group}
        )
    rows = _matching(selection).exclude(status=OutboxStatus.PENDING).order_by("id")
    if target.kinds != EVERYTHING:
        rows = rows.filter(kind__in=target.kinds)
    rows = rows.exclude(held_deliveries__consumer_group=group)
    if mode == ReplayMode.MISSED:
        had = InboxEntry.objects.filter(event_id=OuterRef("event_id"), consumer_group=group)
        rows = rows.filter(~Exists(had))
    return rows


def _consumer(group: str) -> Consumer:
    for one in all_consumers():
        if one.group == group:
            return one
    raise ReplayRefused(_("There is no consumer group %(group)s.") % {"group": group})


def _matching(selection: Selection) -> QuerySet[OutboxEvent]:
    rows = OutboxEvent.objects.all()
    wanted: dict[str, Any] = {
        "created_at__gte": selection.since,
        "created_at__lt": selection.until,
        "kind": selection.kind,
        "aggregate_type": selection.aggregate_type,
        "aggregate_id": selection.aggregate_id,
        "event_id": selection.event_id,
    }
    return rows.filter(**{name: value for name, value in wanted.items() if value})


@transaction.atomic
def replay_events(group: str, *, selection: Selection, mode: str, reason: str, by: Any, at: datetime) -> Replay:
    """Have these events handed to the group once more, in their order; newer ones of an aggregate wait behind them.

    Waits until no batch is under way. Raises ReplayRefused, also when there are none or more than MOST_REPLAYED.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [REPLAY_LOCK])
    chosen = list(events_to_replay(group, selection, mode).values_list("id", "event_id")[: MOST_REPLAYED + 1])
    if not chosen:
        raise ReplayRefused(_("No event matches; those not yet taken up come by themselves."))
    if len(chosen) > MOST_REPLAYED:
        raise ReplayRefused(_("More than %(most)s events match; narrow it down.") % {"most": MOST_REPLAYED})
    keys, ids = [key for key, _event in chosen], [event for _key, event in chosen]
    with audit_context(actor=by, reason=reason):
        if mode == ReplayMode.AGAIN:
            InboxEntry.objects.filter(consumer_group=group, event_id__in=ids).delete()
        letters = DeadLetter.objects.filter(consumer_group=group, event_id__in=ids, replayed_at=None)
        letters.update(replayed_at=at)
        done = Replay.objects.create(
            consumer_group=group, mode=mode, since=selection.since, until=selection.until, kind=selection.kind,
            aggregate_type=selection.aggregate_type, aggregate_id=selection.aggregate_id,
            event_id=selection.event_id, reason=reason, requested_by_id=getattr(by, "pk", None), count=len(keys),
        )  # fmt: skip
    _hand_out(group, keys, at=at)
    return done


@transaction.atomic
def redeliver(letter: DeadLetter, *, by: Any, at: datetime, reason: str = "") -> DeadLetter:
    """Send a dead letter again under its original event id. Raises ReplayRefused when it was, or nobody wants it."""
    locked = lock_row(letter)
    _consumer(locked.consumer_group)
    if locked.replayed_at is not None:
        raise ReplayRefused(_("%(letter)s was sent again already.") % {"letter": locked})
    locked.replayed_at = at
    with audit_context(actor=by, reason=reason):
        locked.save(update_fields=["replayed_at"])
    event, _created = OutboxEvent.objects.get_or_create(
        event_id=locked.event_id,
        defaults={
            "kind": locked.kind,
            "aggregate_type": locked.aggregate_type,
            "aggregate_id": locked.aggregate_id,
            "customer_id": locked.customer_id,
            "user_id": locked.user_id,
            "payload": locked.payload,
            "status": OutboxStatus.HELD,  # the others have had it: it is no new event
        },
    )
    _hand_out(locked.consumer_group, [event.pk], at=at)
    return locked


def _hand_out(group: str, keys: Sequence[int], *, at: datetime) -> None:
    park(group, keys, at=at)
    settle(keys, at=at)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [WAKE_CHANNEL])

"""Rows of the events app that may go once they are old; what a legal hold protects stays."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from hashinsight.events.domain import forgetting
from hashinsight.events.enums import OutboxStatus
from hashinsight.events.models import DeadLetter, HeldDelivery, InboxEntry, OutboxEvent, RelayProcess
from hashinsight.jobs.retention import Held, RetentionKind, register_kind

Rows = Callable[[datetime, Held], QuerySet[Any]]


def _free(rows: QuerySet[Any], held: Held) -> QuerySet[Any]:
    """Without events of a held customer, or about something held."""
    rows = rows.exclude(customer_id__in=held.ids("crm.customer")) if held.of("crm.customer") else rows
    for subject, keys in held.keys.items():
        rows = rows.exclude(aggregate_type=subject.rpartition(".")[2], aggregate_id__in=sorted(keys))
    return rows


def _processed(before: datetime, held: Held) -> QuerySet[Any]:
    waiting = Exists(HeldDelivery.objects.filter(event_id=OuterRef("pk")))
    dead = Exists(DeadLetter.objects.filter(event_id=OuterRef("event_id"), replayed_at__isnull=True))
    rows = OutboxEvent.objects.filter(~waiting, ~dead, status=OutboxStatus.PROCESSED, processed_at__lt=before)
    return _free(rows, held)


def _failed(before: datetime, held: Held) -> QuerySet[Any]:
    waiting = Exists(HeldDelivery.objects.filter(event_id=OuterRef("pk")))
    dead = Exists(DeadLetter.objects.filter(event_id=OuterRef("event_id")))
    rows = OutboxEvent.objects.filter(~waiting, ~dead, status=OutboxStatus.FAILED, created_at__lt=before)
    return _free(rows, held)


def _dead(before: datetime, held: Held) -> QuerySet[Any]:
    return _free(DeadLetter.objects.filter(failed_at__lt=before), held)


def _inbox(before: datetime, held: Held) -> QuerySet[Any]:
    event = Exists(OutboxEvent.objects.filter(event_id=OuterRef("event_id")))
    return InboxEntry.objects.filter(Q(~event), processed_at__lt=before)


def _relays(before: datetime, held: Held) -> QuerySet[Any]:
    return RelayProcess.objects.filter(heartbeat_at__lt=before)


def _unless_held(forget: Callable[..., int], rows: Rows) -> Callable[[datetime, Held, int], int]:
    """The quick statement while nothing is held; row by row around what is."""

    def delete(before: datetime, held: Held, most: int) -> int:
        if not held.keys:
            return forget(at=before, most=most)
        due = rows(before, held)
        keys = list(due.order_by("pk").values_list("pk", flat=True)[:most])
        return due.filter(pk__in=keys).delete()[0]

    return delete


def _plain(forget: Callable[..., int]) -> Callable[[datetime, Held, int], int]:
    return lambda before, _held, most: forget(at=before, most=most)


KINDS = [
    RetentionKind(
        name="events.processed",
        label=_("Events handed on"),
        what=_("Events every consumer has had, by the moment the last one had it. What is unprocessed stays."),
        table="events.OutboxEvent",
        moment="processed_at",
        rows=_processed,
        keep_days=7,
        delete=_unless_held(forgetting.forget_processed_before, _processed),
    ),
    RetentionKind(
        name="events.failed",
        label=_("Events given up"),
        what=_("Events that were given up and whose dead letter is gone, by the moment they were written."),
        table="events.OutboxEvent",
        moment="created_at",
        rows=_failed,
        keep_days=30,
        minimum_days=7,
        delete=_unless_held(forgetting.forget_failed_before, _failed),
    ),
    RetentionKind(
        name="events.dead_letters",
        label=_("Dead letters"),
        what=_("Deliveries given up, by the last failure."),
        table="events.DeadLetter",
        moment="failed_at",
        rows=_dead,
        keep_days=30,
        minimum_days=7,
        delete=_unless_held(forgetting.forget_dead_letters_before, _dead),
    ),
    RetentionKind(
        name="events.inbox",
        label=_("Inbox entries"),
        what=_("What keeps an event from happening twice, once the event itself is gone."),
        table="events.InboxEntry",
        moment="processed_at",
        rows=_inbox,
        keep_days=30,
        minimum_days=7,
        delete=_plain(forgetting.forget_inbox_before),
    ),
    RetentionKind(
        name="events.relays",
        label=_("Relays that ended"),
        what=_("Processes that handed events on, by their last heartbeat."),
        table="events.RelayProcess",
        moment="heartbeat_at",
        rows=_relays,
        keep_days=7,
        delete=_plain(forgetting.forget_relays_before),
    ),
]


def register() -> None:
    """Called once from ``ready()``."""
    for kind in KINDS:
        register_kind(kind)

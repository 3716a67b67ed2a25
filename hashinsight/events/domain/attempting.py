"""One attempt to hand events to one consumer, so that the failure of one event costs no other its turn."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from hashinsight.events.consumers import Consumer, ConsumerUnavailable, Event
from hashinsight.events.domain import inbox

logger = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What became of the events: had, failed (with the reason), behind a failed one, or none tried."""

    done: list[Event] = field(default_factory=list)
    failed: list[tuple[Event, str]] = field(default_factory=list)
    behind: list[Event] = field(default_factory=list)
    unavailable: str = ""


def attempt(consumer: Consumer, events: Sequence[Event], *, at: datetime) -> Outcome:
    """Hand over all at once; when that fails, one by one, the later ones of a failed aggregate left out."""
    try:
        _hand_over(consumer, events, at=at)
    except ConsumerUnavailable as error:
        return Outcome(behind=list(events), unavailable=str(error) or "unavailable")
    except Exception as error:  # noqa: BLE001  (whatever a consumer raises is its failure)
        _raise_if_ours()
        if len(events) == 1:
            return Outcome(failed=[(events[0], _said(consumer, events[0], error))])
    else:
        return Outcome(done=list(events))
    return _one_by_one(consumer, events, at=at)


def _one_by_one(consumer: Consumer, events: Sequence[Event], *, at: datetime) -> Outcome:
    outcome = Outcome()
    stopped: set[tuple[str, str]] = set()
    for number, event in enumerate(events):
        if event.aggregate in stopped:
            outcome.behind.append(event)
            continue
        try:
            _hand_over(consumer, [event], at=at)
        except ConsumerUnavailable as error:
            outcome.behind += events[number:]
            outcome.unavailable = str(error) or "unavailable"
            break
        except Exception as error:  # noqa: BLE001  (the same)
            _raise_if_ours()
            outcome.failed.append((event, _said(consumer, event, error)))
            stopped.add(event.aggregate)
        else:
            outcome.done.append(event)
    return outcome


def _hand_over(consumer: Consumer, events: Sequence[Event], *, at: datetime) -> None:
    """Inbox entries and effect, both or neither; events the group has had already have no effect again."""
    try:
        with transaction.atomic():
            inbox.enter(consumer.group, events, at=at)
            consumer.handle(events)
    except inbox.HadBefore:
        with transaction.atomic():
            if new := inbox.enter_new(consumer.group, events, at=at):
                consumer.handle(new)


def _raise_if_ours() -> None:
    """A lost connection or a broken transaction is nobody's event: the whole batch is tried again."""
    if connection.connection is None or connection.connection.closed or connection.needs_rollback:
        raise


def _said(consumer: Consumer, event: Event, error: Exception) -> str:
    """Log it with its traceback once, and keep the short form."""
    logger.warning("%s failed on event %s %s", consumer.group, event.kind, event.event_id, exc_info=error)
    return f"{type(error).__name__}: {error}"[:2000]

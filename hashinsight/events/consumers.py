"""Registry of consumers: who wants which events, and the function that does something about them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Event(NamedTuple):
    """One event as a consumer sees it; ``position`` grows with time and orders the events of an aggregate.

    A tuple, because a relay makes tens of thousands of them a second.
    """

    position: int
    event_id: UUID
    kind: str
    schema_version: int
    aggregate_type: str
    aggregate_id: str
    customer_id: int | None
    user_id: UUID | None
    payload: dict[str, Any]
    request_id: str
    created_us: int  # microseconds since 1970

    @property
    def created_at(self) -> datetime:
        """When it was written."""
        return _EPOCH + timedelta(microseconds=self.created_us)

    @property
    def aggregate(self) -> tuple[str, str]:
        """What the order of events is kept for."""
        return (self.aggregate_type, self.aggregate_id)


class ConsumerUnavailable(Exception):
    """What the consumer needs cannot be reached now; no event is to blame, so none counts an attempt."""


class Lane(Enum):
    """Where a consumer runs."""

    INNER = "inner"  # in the relay's own transaction: short, database only
    SINK = "sink"  # outside systems: by a relay of its own, from the held deliveries


# Events oldest first, several at once. Raising undoes what was written for all of them; the relay then tries
# each by itself. Runs inside a transaction that holds the inbox entries: everything commits together or not at all.
Handle = Callable[[Sequence[Event]], None]
EVERYTHING = frozenset({"*"})


@dataclass(frozen=True)
class Consumer:
    """A consumer group: its name (never change it: the inbox knows it), the kinds it wants, what it does.

    ``repeatable`` says that a person may have events handed to it again that it has had: only where doing so is
    harmless, as with a copy or a cache, never where it writes to people.
    """

    group: str
    description: str
    kinds: frozenset[str]
    handle: Handle
    repeatable: bool = False
    lane: Lane = Lane.INNER

    def wants(self, kind: str) -> bool:
        """Whether events of this kind are handed to the group."""
        return kind in self.kinds or self.kinds == EVERYTHING


_consumers: dict[str, Consumer] = {}


def register_consumer(consumer: Consumer) -> None:
    """Make a consumer known; called from ``ready()``. A second one under a known name is an error."""
    known = _consumers.get(consumer.group)
    if known is not None and known != consumer:
        raise ValueError(f"consumer group {consumer.group} is registered twice")
    _consumers[consumer.group] = consumer


def all_consumers() -> list[Consumer]:
    """Every registered consumer, by name."""
    return [_consumers[name] for name in sorted(_consumers)]


def consumers_of(lane: Lane) -> list[Consumer]:
    """The consumers of one lane."""
    return [one for one in all_consumers() if one.lane is lane]


def consumer(group: str) -> Consumer:
    """The consumer of a group; raises KeyError."""
    return _consumers[group]

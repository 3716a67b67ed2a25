"""How the events stand: what waits, how long, what was given up, and whether a relay is at work."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Min

from hashinsight.events.consumers import Lane, consumers_of
from hashinsight.events.models import DeadLetter, HeldDelivery, RelayProcess

# A backlog is counted this far; beyond it "more than" is all anybody needs to know.
COUNTED = 10_000
SILENT_AFTER = timedelta(seconds=30)


@dataclass(frozen=True)
class Lag:
    """Figures for tiles, health and metrics; ages in seconds, 0 when nothing waits."""

    pending: int  # not yet taken up, counted up to COUNTED
    oldest_pending_seconds: float
    held: Mapping[str, int]  # consumer group → deliveries it is still to have
    oldest_held_seconds: float
    dead_letters: int  # open ones

    @property
    def oldest_unsent_seconds(self) -> float:
        """Age of the oldest event that somebody is still to have."""
        return max(self.oldest_pending_seconds, self.oldest_held_seconds)


def lag(*, at: datetime) -> Lag:
    """Four short queries, none over more than what waits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT 1 FROM events_outboxevent WHERE status = 'pending' LIMIT %s) counted",
            [COUNTED],
        )
        pending: int = cursor.fetchone()[0]
        cursor.execute("SELECT created_at FROM events_outboxevent WHERE status = 'pending' ORDER BY id LIMIT 1")
        first = cursor.fetchone()
    held = HeldDelivery.objects.order_by().values("consumer_group").annotate(count=Count("pk"), oldest=Min("held_at"))
    groups = {row["consumer_group"]: row for row in held}
    return Lag(
        pending=pending,
        oldest_pending_seconds=_age(first[0] if first else None, at),
        held={group: row["count"] for group, row in sorted(groups.items())},
        oldest_held_seconds=max((_age(row["oldest"], at) for row in groups.values()), default=0.0),
        dead_letters=DeadLetter.objects.filter(replayed_at=None).count(),
    )


def _age(moment: datetime | None, at: datetime) -> float:
    return max(0.0, (at - moment).total_seconds()) if moment else 0.0


def lanes_without_relay(*, at: datetime) -> list[str]:
    """Lanes that have consumers, and no relay with a fresh heartbeat; empty is the healthy state."""
    alive = RelayProcess.objects.filter(stopped_at=None, heartbeat_at__gte=at - SILENT_AFTER)
    lanes = set(alive.values_list("lane", flat=True))
    wanted = [Lane.INNER, *([Lane.SINK] if consumers_of(Lane.SINK) else [])]
    return [lane.value for lane in wanted if lane.value not in lanes]


def is_silent(relay: RelayProcess, *, at: datetime) -> bool:
    """It did not say that it stopped, and nothing was heard of it for too long."""
    return relay.stopped_at is None and relay.heartbeat_at < at - SILENT_AFTER

"""What machines drew before they were told: the last hour in which we did not hold them, by their own readings.

Left out is what was our doing: off, or at a limit, for whichever plan at whichever site, and the quarter-hour a machine
takes to settle. What it did by itself counts as it was: a machine that was dead saves nothing by being off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from curtailment.engine.before import HOUR, SETTLING, Piece, last_free
from curtailment.engine.spans import FIVE, five
from curtailment.enums import OrderAction, OrderOutcome
from curtailment.models import CurtailmentEvent

# Most machines need the first step alone. A load of last week is still the machine's, and better than what is printed.
REACHES = (HOUR, timedelta(hours=6), timedelta(days=1), timedelta(days=7))


@dataclass(frozen=True)
class Before:
    """Mean load (W) and hashrate (TH/s; None: not said) of a machine.

    ``earlier``: it was held in the hour before, so that the figures are, or partly are, of the time before that.
    """

    watts: float
    ths: float | None
    earlier: bool


def before_of(event: CurtailmentEvent, told: Mapping[int, datetime]) -> dict[int, Before]:
    """By machine, from the moment at which each was told first in the event.

    Who was not read in its last hour of its own is not there.
    """
    hours = _hours(event, told)
    pieces = [(miner, *piece) for miner, some in hours.items() for piece in some]
    if not pieces:
        return {}
    miners, starts, ends = zip(*pieces, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_MEANS, [list(miners), list(starts), list(ends)])
        return {
            miner: Before(watts, ths, earlier=hours[miner] != [(five(told[miner]) - HOUR, five(told[miner]))])
            for miner, watts, ths in cursor.fetchall()
        }


# Sums for each piece by itself: it is found by its key, however far back the pieces of others lie.
_MEANS = """
    SELECT own.miner_id, sum(read.watts) / sum(read.n), sum(read.ths) / nullif(sum(read.told_ths), 0)
      FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS own (miner_id, starts_at, ends_at)
     CROSS JOIN LATERAL (
           SELECT sum(power_w) AS watts, count(*) AS n, sum(hashrate_ths) AS ths, count(hashrate_ths) AS told_ths
             FROM hosting_telemetry_5min
            WHERE miner_id = own.miner_id AND bucket_start >= own.starts_at AND bucket_start < own.ends_at
              AND power_w IS NOT NULL AND online_samples > 0
         ) read
     GROUP BY own.miner_id HAVING sum(read.n) > 0
"""


def _hours(event: CurtailmentEvent, told: Mapping[int, datetime]) -> dict[int, list[Piece]]:
    """The last hour of each machine without us, in pieces; further back for those alone that were held meanwhile."""
    found: dict[int, list[Piece]] = {}
    missing = dict(told)
    for reach in REACHES:
        if not missing:
            break
        first, last = min(missing.values()) - reach - SETTLING - FIVE, max(missing.values())
        events = CurtailmentEvent.objects.filter(started_at__lt=last).exclude(pk=event.pk)
        events = events.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=first))
        held = _held(list(missing), list(events.values_list("pk", flat=True)), until=last)
        for miner, moment in missing.items():
            found[miner] = last_free(five(moment), held.get(miner, ()), step=FIVE, reach=reach)
        missing = {miner: moment for miner, moment in missing.items() if _length(found[miner]) < HOUR}
    return found


def _length(pieces: list[Piece]) -> timedelta:
    return sum((end - start for start, end in pieces), timedelta(0))


def _held(miners: list[int], events: list[int], *, until: datetime) -> dict[int, list[Piece]]:
    """From when to when machines were off or at a limit in these events; what is not over: ``until`` then."""
    if not events:
        return {}
    values: dict[str, Any] = {
        "miners": miners, "events": events, "until": until, "downs": [OrderAction.PAUSE, OrderAction.LIMIT],
        "limits": [OrderAction.LIMIT, OrderAction.LIFT],
        "nothing": [OrderOutcome.LAPSED, OrderOutcome.REFUSED, OrderOutcome.UNSUPPORTED],
    }  # fmt: skip
    held: dict[int, list[Piece]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_HELD, values)
        for miner, start, end in cursor.fetchall():
            held.setdefault(miner, []).append((start, end))
    return held


# A row of a plan has the last time of its machine; earlier ones are in the plan's orders, each until the next one back.
_HELD = """
WITH machine AS (SELECT unnest(%(miners)s::bigint[]) AS miner_id),
     plan AS (SELECT id, recovered_at FROM curtailment_curtailmentplan WHERE event_id = ANY (%(events)s)),
sent AS (
    SELECT miner_id, created_at, action = ANY (%(downs)s) AS down,
           min(CASE WHEN NOT action = ANY (%(downs)s) THEN greatest(created_at, answered_at) END) OVER (
               PARTITION BY plan_id, miner_id, action = ANY (%(limits)s) ORDER BY created_at, id
               ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
           ) AS up_at
      FROM curtailment_machineorder
      JOIN machine USING (miner_id)
     WHERE plan_id IN (SELECT id FROM plan) AND NOT outcome = ANY (%(nothing)s)
), held AS (
    SELECT miner_id,
           tstzrange(ordered_at, greatest(off_at, ordered_at, coalesce(back_at, plan.recovered_at, %(until)s))) AS span
      FROM curtailment_curtailmentplanminer
      JOIN plan ON plan.id = plan_id
      JOIN machine USING (miner_id)
     WHERE off_at IS NOT NULL AND ordered_at IS NOT NULL
     UNION ALL
    SELECT miner_id, tstzrange(created_at, up_at) FROM sent WHERE down AND up_at IS NOT NULL
)
SELECT miner_id, lower(span), upper(span)
  FROM (SELECT miner_id, unnest(range_agg(span)) AS span FROM held GROUP BY miner_id) joined
"""

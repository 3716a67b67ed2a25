"""Difficulty in time: which one was in force when, and what the running period says of the next.

Moments are aware datetimes, spans seconds as Decimal, changes percent as Decimal. Nothing here reads the clock.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from marketdata.engine.chain import RETARGET_BLOCKS, TARGET_SPACING_S, Piece, next_halving_height, subsidy_btc
from marketdata.engine.numbers import HUNDRED, ONE, Number, NumberRefused, exactly, number, whole
from marketdata.engine.targets import difficulty_of

ESTIMATE_FROM_BLOCKS = 146  # 7.2 % of a period; before, chance outweighs everything
WINDOW_BLOCKS = 504  # a quarter of a period: what the estimate looks back on while the period itself is shorter
MOST_CHANGE_PERCENT = Decimal(300)
LEAST_CHANGE_PERCENT = Decimal(-75)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class RunningEstimate:
    """What a running period says of its end.

    ``change_percent`` is None before 146 blocks; the retarget is then taken to come at the usual 600 s per block.
    ``expected_blocks`` is what 600 s per block would have given since the period began.
    """

    height: int
    blocks: int
    remaining_blocks: int
    next_height: int
    progress_percent: Decimal
    expected_blocks: Decimal
    interval_s: Decimal
    retarget_at: datetime
    change_percent: Decimal | None


@dataclass(frozen=True, slots=True)
class Window:
    """The block 503 intervals before the newest, and the last retarget's change: for a period shorter than that."""

    began_at: datetime
    previous_change_percent: Decimal


def running_estimate(
    height: int, began_at: datetime, now: datetime, *, window: Window | None = None, newest_at: datetime | None = None
) -> RunningEstimate:
    """The estimate at ``now`` with ``height`` as newest block, in a period whose first block came at ``began_at``.

    The published method of mempool.space, with the silence of its first 146 blocks. The change compares 600 s with the
    time per block, the block that ends the period counted in: so at its last block (whose own time ``newest_at`` is
    what counts then) it is exactly what the rule will do. Up to block 503 of the period the span is that of the last
    503 intervals, where ``window`` is known; its part before the retarget is stretched as the difficulty was.
    """
    blocks = whole("height", height) % RETARGET_BLOCKS
    elapsed = _seconds(began_at, now)
    if elapsed < 0:
        raise NumberRefused("the period begins after the moment of the estimate")
    with exactly():
        interval, change = _pace(blocks, elapsed, _actual(blocks, began_at, now, newest_at), _before(began_at, window))
        return RunningEstimate(
            height=height,
            blocks=blocks,
            remaining_blocks=RETARGET_BLOCKS - blocks,
            next_height=height + RETARGET_BLOCKS - blocks,
            progress_percent=HUNDRED * blocks / RETARGET_BLOCKS,
            expected_blocks=elapsed / TARGET_SPACING_S,
            interval_s=interval,
            retarget_at=now + timedelta(seconds=float(interval * (RETARGET_BLOCKS - blocks))),
            change_percent=change,
        )


def _actual(blocks: int, began_at: datetime, now: datetime, newest_at: datetime | None) -> Decimal:
    """The span the rule will see: with the period's last block there, its own time and not the clock's."""
    ended_at = newest_at if newest_at is not None and blocks == RETARGET_BLOCKS - 1 else now
    return _seconds(began_at, ended_at)


def _before(began_at: datetime, window: Window | None) -> Decimal | None:
    """Seconds of the window before the period, as long as they would have been at today's difficulty."""
    if window is None:
        return None
    change = number("the previous change", window.previous_change_percent, least=LEAST_CHANGE_PERCENT)
    return _seconds(window.began_at, began_at) * (1 + change / HUNDRED)


def _pace(blocks: int, elapsed: Decimal, actual: Decimal, before: Decimal | None) -> tuple[Decimal, Decimal | None]:
    """Seconds per block, and the change in percent (None: too early, or no time has passed to tell)."""
    if blocks < ESTIMATE_FROM_BLOCKS:
        return Decimal(TARGET_SPACING_S), None
    if before is not None and blocks < WINDOW_BLOCKS - 1:
        span, counted, intervals = elapsed + before, WINDOW_BLOCKS, WINDOW_BLOCKS - 1
        interval = span / intervals
    else:
        span, counted = actual, blocks + 1
        interval = elapsed / blocks
    if span <= 0:
        return interval, MOST_CHANGE_PERCENT
    change = (TARGET_SPACING_S * counted / span - 1) * HUNDRED
    return interval, min(max(change, LEAST_CHANGE_PERCENT), MOST_CHANGE_PERCENT)


@dataclass(frozen=True, slots=True)
class SubsidySteps:
    """A subsidy in BTC, and the moments at which another one takes its place, in their order."""

    first: Decimal
    later: tuple[tuple[datetime, Decimal], ...] = ()

    @classmethod
    def from_block(cls, height: int, halvings: Sequence[datetime] = ()) -> "SubsidySteps":
        """From the subsidy of the block at ``height`` on, halved at each of the moments."""
        later, at = [], height
        for moment in halvings:
            at = next_halving_height(at)
            later.append((moment, subsidy_btc(at)))
        return cls(subsidy_btc(height), tuple(later))

    def spans(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, Decimal]]:
        """``start`` to ``end`` split where the subsidy changes."""
        moments = [moment for moment, _ in self.later]
        if sorted(moments) != moments:
            raise NumberRefused("the moments of the subsidies do not rise")
        while start < end:
            place = bisect_right(moments, start)
            subsidy = self.first if place == 0 else self.later[place - 1][1]
            until = min(end, moments[place]) if place < len(moments) else end
            yield start, until, subsidy
            start = until


@dataclass(frozen=True, slots=True)
class DifficultyPeriod:
    """The 2,016 blocks from ``first_height`` on, and the moment of the first of them where it is known."""

    first_height: int
    difficulty: Decimal
    first_at: datetime | None = None
    bits: int | None = None

    @classmethod
    def of_bits(cls, first_height: int, bits: int, first_at: datetime | None = None) -> "DifficultyPeriod":
        """With the difficulty of a packed target. Raises TargetRefused."""
        return cls(first_height, difficulty_of(bits), first_at, bits)


class DifficultyPeriods:
    """Periods in their order; says which difficulty was in force, or None where nobody can know it.

    Rows may be missing and moments may be unknown: heights of a missing row and moments that could belong to a period
    without one have no answer, never a neighbour's. The newest period holds until the next is told.
    """

    def __init__(self, rows: Sequence[DifficultyPeriod], *, blocks: int = RETARGET_BLOCKS) -> None:
        """``rows`` in rising order of heights and moments. Raises NumberRefused, naming the row out of order."""
        self.blocks = whole("the blocks of a period", blocks, least=1)
        self.rows = tuple(rows)
        self._heights = [whole("the first height", row.first_height) for row in self.rows]
        self._dated = [(row.first_at, place) for place, row in enumerate(self.rows) if row.first_at is not None]
        self._moments = [moment for moment, _ in self._dated]
        self._check()

    def _check(self) -> None:
        for row in self.rows:
            number("the difficulty", row.difficulty, above=0)
            if row.first_at is not None:
                _aware(row.first_at)
        _rising("heights", self._heights)
        _rising("moments", [moment.timestamp() for moment in self._moments])

    def at_height(self, height: int) -> DifficultyPeriod | None:
        """The period of a block; None before the first row, in a gap and beyond the newest period's blocks."""
        place = bisect_right(self._heights, whole("height", height)) - 1
        if place < 0 or height >= self._heights[place] + self.blocks:
            return None
        return self.rows[place]

    def at_instant(self, moment: datetime) -> DifficultyPeriod | None:
        """The period in force at a moment, from its first block's on; None where that cannot be told."""
        _aware(moment)
        found = bisect_right(self._moments, moment) - 1
        if found < 0:
            return None
        place = self._dated[found][1]
        # Somewhere before the next known moment another period begins whose moment, or whose row, is missing.
        follower = self.rows[place + 1] if place + 1 < len(self.rows) else None
        if follower is not None and (
            follower.first_at is None or follower.first_height != self.rows[place].first_height + self.blocks
        ):
            return None
        return self.rows[place]

    def spans(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, DifficultyPeriod]]:
        """``start`` to ``end`` split where the difficulty changes. Raises NumberRefused where it is not known."""
        if _seconds(start, end) < 0:
            raise NumberRefused("the span ends before it begins")
        while start < end:
            period = self.at_instant(start)
            if period is None:
                raise NumberRefused(f"the difficulty at {start.isoformat()} is not known")
            following = bisect_right(self._moments, start)
            until = min(end, self._moments[following]) if following < len(self._moments) else end
            yield start, until, period
            start = until

    def pieces(self, start: datetime, end: datetime, subsidies: SubsidySteps, *, fees: Number = 0) -> list[Piece]:
        """``start`` to ``end`` split where difficulty or subsidy change; ``fees`` in BTC per block throughout."""
        found = []
        for began, ended, period in self.spans(start, end):
            for first, last, subsidy in subsidies.spans(began, ended):
                found.append(Piece(_seconds(first, last), period.difficulty, subsidy, number("the fees", fees)))
        return found


def change_percent(before: Number, after: Number) -> Decimal:
    """By how much ``after`` is more than ``before``, in percent."""
    with exactly():
        later = number("the difficulty after", after, above=0)
        return (later / number("the difficulty before", before, above=0) - ONE) * HUNDRED


def _rising(name: str, values: Sequence[float]) -> None:
    for place, (one, two) in enumerate(pairwise(values)):
        if one >= two:
            raise NumberRefused(f"the {name} of the periods do not rise at place {place + 1}")


def _aware(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise NumberRefused("a moment without a time zone")


def _seconds(start: datetime, end: datetime) -> Decimal:
    """Exact, by the microsecond."""
    _aware(start)
    _aware(end)
    return Decimal((end - start) // _MICROSECOND).scaleb(-6)

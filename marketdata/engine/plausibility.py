"""Rules that keep a wrong figure from becoming a number somebody trusts.

Each rule looks at one answer, or at what answers say together, and names what is wrong. What fails a rule is kept and
shown as invalid; it is never repaired, scaled or used.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from marketdata.engine.figures import Figures

HASHES_PER_DIFFICULTY = 2**32
BLOCK_SECONDS = 600
# The estimate of a day swings with the luck of 144 blocks (one sixth or so), an early network's with more. A unit that
# is wrong is wrong by a thousand.
HASHRATE_BAND = (Decimal("0.2"), Decimal(5))
JUMP = Decimal(10)
RETARGET_STEP = Decimal(4)  # the most the rule of the chain allows in two weeks or so
COMPARE_WITHIN = timedelta(days=7)  # what is older says too little about now
STALE_AFTER = timedelta(minutes=45)
AHEAD = timedelta(minutes=10)
SPREAD = Decimal("0.05")
HIGHEST_PRICE = Decimal(10) ** 9
HIGHEST_FEES = Decimal(500)  # per block, in BTC: ten times the first subsidy


@dataclass(frozen=True)
class Limits:
    """What a setting may move: how old an answer may be, and how far sources may be apart (a share)."""

    stale_after: timedelta = STALE_AFTER
    spread: Decimal = SPREAD


USUAL = Limits()


@dataclass(frozen=True)
class Wrong:
    """A rule that failed: its name, and what was seen."""

    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


def troubles(figures: Figures, *, at: datetime, last: Figures | None = None, limits: Limits = USUAL) -> list[Wrong]:
    """What is wrong with one answer that came at ``at``, beside the last good figures (None: there are none)."""
    return [*_signs(figures), *_age(figures, at, limits), *_units(figures), *_jumps(figures, at, last)]


def _signs(figures: Figures) -> Iterator[Wrong]:
    for name in ("price_usd", "difficulty", "hashrate_hps"):
        value = getattr(figures, name)
        if value is not None and value <= 0:
            yield Wrong("not_positive", f"{name} is {value}")
    for name in ("fees_per_block_btc", "fee_rate_sat_vb", "volume_24h_usd"):
        value = getattr(figures, name)
        if value is not None and value < 0:
            yield Wrong("negative", f"{name} is {value}")
    if figures.price_usd is not None and figures.price_usd > HIGHEST_PRICE:
        yield Wrong("too_high", f"price_usd is {figures.price_usd}")
    if figures.fees_per_block_btc is not None and figures.fees_per_block_btc > HIGHEST_FEES:
        yield Wrong("too_high", f"fees_per_block_btc is {figures.fees_per_block_btc}")
    if figures.difficulty is not None and 0 < figures.difficulty < 1:
        yield Wrong("too_low", f"difficulty is {figures.difficulty}")


def _age(figures: Figures, at: datetime, limits: Limits) -> Iterator[Wrong]:
    seen = figures.observed_at
    if seen is None:
        return
    if seen < at - limits.stale_after:
        yield Wrong("stale", f"it is of {seen.isoformat()}")
    if seen > at + AHEAD:
        yield Wrong("from_the_future", f"it is of {seen.isoformat()}")


def _units(figures: Figures) -> Iterator[Wrong]:
    if not figures.difficulty or not figures.hashrate_hps:
        return
    expected = figures.difficulty * HASHES_PER_DIFFICULTY / BLOCK_SECONDS
    share = figures.hashrate_hps / expected
    if not HASHRATE_BAND[0] <= share <= HASHRATE_BAND[1]:
        yield Wrong("unit", f"the hashrate is {share:.3g} times what the difficulty stands for")


def _jumps(figures: Figures, at: datetime, last: Figures | None) -> Iterator[Wrong]:
    if last is None or last.observed_at is None or at - last.observed_at > COMPARE_WITHIN:
        return
    for name, most in (("price_usd", JUMP), ("hashrate_hps", JUMP), ("difficulty", RETARGET_STEP)):
        now, before = getattr(figures, name), getattr(last, name)
        if now is None or now <= 0 or not before:
            continue
        ratio = max(now / before, before / now)
        if ratio > most * Decimal("1.001"):
            yield Wrong("jump", f"{name} went from {before} to {now}")
    if figures.height is not None and last.height is not None and not -6 <= figures.height - last.height <= 2016:
        yield Wrong("jump", f"height went from {last.height} to {figures.height}")


# --- several sources ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Combined:
    """What the sources say together; ``used`` names per figure who stood behind it, ``wrong`` why it is not good."""

    figures: Figures
    used: Mapping[str, tuple[str, ...]]
    wrong: tuple[Wrong, ...]

    @property
    def is_valid(self) -> bool:
        """Price, difficulty and hashrate are known, and nothing speaks against them."""
        return not self.wrong


MEDIANS = ("price_usd", "volume_24h_usd", "difficulty", "hashrate_hps", "fees_per_block_btc", "fee_rate_sat_vb")
NEEDED = ("price_usd", "difficulty", "hashrate_hps")
HIGHEST = ("height",)
FIRST = ("retarget_change_pct", "retarget_at", "remaining_blocks")


def combine(
    answers: Sequence[tuple[str, Figures]], *, at: datetime, last: Figures | None = None, limits: Limits = USUAL
) -> Combined:
    """The median of what good answers say, figure by figure (of two the mean), the greatest height.

    Sources that are further apart than ``limits.spread`` make a snapshot invalid when there are two of them; with
    three or more the median stands as long as at least two lie within the spread of it.
    """
    kept: dict[str, Any] = {}
    used: dict[str, tuple[str, ...]] = {}
    wrong: list[Wrong] = []
    for name in MEDIANS:
        said = [(who, getattr(one, name)) for who, one in answers if getattr(one, name) is not None]
        if not said:
            continue
        kept[name] = median([value for _who, value in said])
        used[name] = tuple(who for who, _value in said)
        if name in ("price_usd", "difficulty") and (why := _apart(name, said, kept[name], limits)):
            wrong.append(why)
    for name in (*HIGHEST, *FIRST):
        values = [getattr(one, name) for _who, one in answers if getattr(one, name) is not None]
        if values:
            kept[name] = max(values) if name in HIGHEST else values[0]
    wrong += [Wrong("unknown", name) for name in NEEDED if name not in kept]
    figures = Figures(**kept, observed_at=at)
    wrong += troubles(figures, at=at, last=last, limits=limits)
    return Combined(replace(figures, observed_at=at), used, tuple(dict.fromkeys(wrong)))


def median(values: Sequence[Decimal]) -> Decimal:
    """The middle one; of an even number the mean of the two in the middle. ValueError for none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _apart(name: str, said: Sequence[tuple[str, Decimal]], middle: Decimal, limits: Limits) -> Wrong | None:
    near = [value for _who, value in said if middle > 0 and abs(value - middle) <= middle * limits.spread]
    if len(said) == 1 or len(near) >= min(2, len(said)):
        return None
    listed = ", ".join(f"{who} {value.normalize():f}" for who, value in said)
    return Wrong("sources_disagree", f"{name}: {listed}"[:200])

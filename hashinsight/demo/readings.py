"""What the machines of the demo said in the hours before it was built: written in one go, with a day's usual troubles.

From then on the simulated ones answer, see ``simulated``.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np

from hashinsight.demo.metering import MeterTeller
from hosting.domain.partitions import ensure_partitions
from hosting.domain.telemetry import store_readings
from hosting.engine.grid import QUARTER, floor
from hosting.engine.ingest.columns import REPORTED, STATES, UNREACHABLE, Columns
from hosting.engine.ingest.spans import microseconds
from hosting.engine.machines.reading import MiningState
from hosting.enums import MinerIntent, ReadingSource
from hosting.models import Miner, UsageClock

MINUTE_US = 60_000_000
AT_ONCE = timedelta(hours=1)
SILENT_SHARE, WEAK_SHARE = 0.04, 0.03  # of the machines, once in the time that is told


def tell_readings(miners: Sequence[Miner], *, at: datetime, hours: int, seed: int) -> int:
    """Store a reading a minute of each machine for the hours before ``at``; returns how many were stored."""
    ensure_partitions(at=at)
    chance = np.random.default_rng(seed)
    story = _Story(miners, at=at, hours=hours, chance=chance)
    stored = 0
    for site in {miner.site_id for miner in miners if miner.site_id}:  # what was before is nobody's gap
        UsageClock.objects.get_or_create(site_id=site, defaults={"closed_until": floor(story.begin, QUARTER)})
    meter, places = _meter(miners, at=at, story=story)
    for begin, columns in story.portions():
        done = store_readings(columns, source=ReadingSource.COLLECTOR, at=begin + AT_ONCE)
        stored += done.stored
        if meter is not None:
            meter.tell(begin, story.drawn[:, places].sum(axis=1))
    return stored


def _meter(miners: Sequence[Miner], *, at: datetime, story: "_Story") -> tuple[MeterTeller | None, list[int]]:
    """The meter of the site with most machines, and which of them stand there; the others have none yet."""
    counts = Counter(miner.site_id for miner in miners if miner.site_id)
    if not counts:
        return None, []
    (site_id, _count), *_others = counts.most_common(1)
    places = [place for place, miner in enumerate(miners) if miner.site_id == site_id]
    site = next(miner.site for miner in miners if miner.site_id == site_id)
    assert site is not None
    return MeterTeller(site, at=at, begin=story.begin, chance=story.chance), places


class _Story:
    """What each machine does, minute by minute."""

    def __init__(self, miners: Sequence[Miner], *, at: datetime, hours: int, chance: np.random.Generator) -> None:
        self.chance = chance
        self.drawn = np.zeros((60, len(miners)))  # W of the hour that was told last, by minute and machine
        self.end = at.replace(second=0, microsecond=0)
        self.begin = self.end - timedelta(hours=hours)
        count, self.minutes = len(miners), hours * 60
        self.ids = np.array([miner.pk for miner in miners], np.int64)
        models = [miner.model for miner in miners]
        self.rated_ths = np.array([float(model.hashrate_ths) if model else 100.0 for model in models])
        self.rated_w = np.array([float(model.power_w) if model else 3000.0 for model in models])
        self.full = chance.normal(1.0, 0.012, count)
        self.stands = np.array([miner.intent != MinerIntent.ACTIVE for miner in miners])
        self.booted = chance.integers(3_600, 30 * 86_400, count)
        # One span of trouble for some: from a minute, for so many.
        self.from_minute = chance.integers(0, self.minutes, count)
        self.for_minutes = chance.integers(15, 90, count)
        draw = chance.random(count)
        self.falls_silent = draw < SILENT_SHARE
        self.loses_a_board = (draw >= SILENT_SHARE) & (draw < SILENT_SHARE + WEAK_SHARE)

    def portions(self) -> Iterator[tuple[datetime, Columns]]:
        """An hour of all machines at a time."""
        for first in range(0, self.minutes, 60):
            begin = self.begin + timedelta(minutes=first)
            yield begin, self._columns(begin, first)

    def _columns(self, begin: datetime, first: int) -> Columns:
        count = len(self.ids)
        minute = np.repeat(np.arange(first, first + 60), count)
        who = np.tile(np.arange(count), 60)
        inside = (minute >= self.from_minute[who]) & (minute < self.from_minute[who] + self.for_minutes[who])
        silent = inside & self.falls_silent[who]
        resting = self.stands[who]
        level = self.full[who] * np.where(inside & self.loses_a_board[who], 2 / 3, 1.0) * ~resting
        noise = self.chance.normal(1.0, 0.01, len(who))
        hour = (begin.hour + (minute - first) / 60.0) % 24
        air = 24.0 + 6.0 * np.sin(2 * np.pi * (hour / 24 - 0.375)) + self.chance.normal(0, 0.3, len(who))
        uptime = self.booted[who] + minute * 60.0
        fans = np.where(resting, 1_500.0, 4_800.0) + self.chance.normal(0, 60, len(who))
        power = np.where(resting, 20.0, self.rated_w[who] * level**1.25 * noise)
        self.drawn = power.reshape(60, count)  # also of those that say nothing
        figures = {
            "hashrate_ths": self.rated_ths[who] * level * noise,
            "power_w": power,
            "chip_temp_c": air + 45.0 * level + self.chance.normal(0, 0.8, len(who)),
            "board_temp_c": air + 36.0 * level + self.chance.normal(0, 0.8, len(who)),
            "inlet_temp_c": air,
            "fan_min_rpm": fans,
            "fan_max_rpm": fans + 300.0,
            "uptime_s": uptime,
            "shares_accepted": np.floor(uptime * 0.18),
            "shares_rejected": np.floor(uptime * 0.0003),
        }
        answered = STATES[MiningState.MINING]
        state = np.where(silent, UNREACHABLE, np.where(resting, STATES[MiningState.PAUSED], answered))
        return Columns(
            self.ids[who],
            microseconds(begin) + (minute - first) * MINUTE_US,
            state.astype(np.uint8),
            np.where(silent, 0, REPORTED).astype(np.uint8),
            {name: np.where(silent, np.nan, values) for name, values in figures.items()},
        )

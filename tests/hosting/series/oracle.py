"""What the rollups must say, reckoned a second time by plain loops over lists; imports nothing of the product."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNREACHABLE = 6
FIVE = timedelta(minutes=5)
HOUR = timedelta(hours=1)
Span = tuple[datetime, datetime | None, Any]


@dataclass(frozen=True)
class Reading:
    """One reading; what is None nobody said."""

    miner_id: int
    at: datetime
    state: int | None = 1
    power_w: float | None = None
    hashrate_ths: float | None = None
    chip_temp_c: float | None = None
    inlet_temp_c: float | None = None
    fan_min_rpm: float | None = None
    uptime_s: int | None = None
    shares: int | None = None
    skewed: bool = False


def value_at(spans: Sequence[Span], at: datetime) -> Any:
    for begin, end, value in spans:
        if begin <= at and (end is None or at < end):
            return value
    return None


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _is_restart(now: Reading, before: Reading) -> bool:
    if now.uptime_s is None or before.uptime_s is None:
        return False
    if now.uptime_s < before.uptime_s:
        return True
    if now.skewed or before.skewed:
        return False
    began, began_before = now.at.timestamp() - now.uptime_s, before.at.timestamp() - before.uptime_s
    return began - began_before > 60


def five_minutes(
    readings: Sequence[Reading], owners: dict[int, list[Span]], intervals: dict[int, list[Span]]
) -> dict[tuple[int, datetime], dict[str, Any]]:
    """``readings`` each once; ``intervals`` are the seconds between readings where a machine stood."""
    found: dict[tuple[int, datetime], dict[str, Any]] = {}
    for miner in {reading.miner_id for reading in readings}:
        mine = sorted((r for r in readings if r.miner_id == miner), key=lambda r: r.at)
        starts = sorted({r.at - (r.at - EPOCH) % FIVE for r in mine})
        for start in starts:
            inside = [r for r in mine if start <= r.at < start + FIVE]
            answers = [r for r in inside if r.state != UNREACHABLE]
            earlier = [r for r in mine if start - HOUR <= r.at < start and r.state != UNREACHABLE]
            chain = earlier[-1:] + answers
            restarts, shares, share_steps = 0, 0, 0
            for before, now in pairwise(chain):
                again = _is_restart(now, before)
                restarts += again
                if now.shares is not None and before.shares is not None:
                    share_steps += 1
                    fell = now.shares < before.shares
                    shares += now.shares if again or fell else now.shares - before.shares
            powers = [r.power_w for r in answers if r.power_w is not None]
            rates = [r.hashrate_ths for r in answers if r.hashrate_ths is not None]
            temps = [r.chip_temp_c for r in answers if r.chip_temp_c is not None]
            fans = [r.fan_min_rpm for r in answers if r.fan_min_rpm is not None]
            found[(miner, start)] = {
                "customer_id": value_at(owners.get(miner, []), start),
                "expected_samples": max(1, 300 // (value_at(intervals.get(miner, []), start) or 300)),
                "samples": len(inside),
                "online_samples": len(answers),
                "hashrate_samples": len(rates),
                "power_samples": len(powers),
                "hashrate_ths": _mean(rates),
                "power_w": _mean(powers),
                "power_max_w": max(powers, default=None),
                "power_source": 1 if powers else 0,
                "chip_temp_max_c": max(temps, default=None),
                "inlet_temp_c": _mean([r.inlet_temp_c for r in answers if r.inlet_temp_c is not None]),
                "fan_min_rpm": min(fans, default=None),
                "restarts": restarts,
                "shares_accepted": shares if share_steps else None,
            }
    return found


def days(
    fives: dict[tuple[int, datetime], dict[str, Any]], owners: dict[int, list[Span]], places: dict[int, list[Span]]
) -> dict[tuple[int, Any, Any], dict[str, Any]]:
    """Per machine, UTC day and owner."""
    groups: dict[tuple[int, Any, Any], list[dict[str, Any]]] = {}
    for (miner, start), row in fives.items():
        groups.setdefault((miner, start.astimezone(UTC).date(), row["customer_id"]), []).append(row)
    found = {}
    for (miner, day, customer), rows in groups.items():
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        seconds = 0.0
        for minute in range(1440):  # a minute of the day counts where the machine stood and was theirs
            at = begin + timedelta(minutes=minute)
            if value_at(places.get(miner, []), at) is not None and value_at(owners.get(miner, []), at) == customer:
                seconds += 60
        expected = sum(row["expected_samples"] for row in rows)
        shares = [row["shares_accepted"] for row in rows if row["shares_accepted"] is not None]
        weighted = {
            name: (
                sum(row[name] * row[count] for row in rows if row[name] is not None)
                / max(1, sum(row[count] for row in rows if row[name] is not None))
                if any(row[name] is not None for row in rows)
                else None
            )
            for name, count in (("hashrate_ths", "hashrate_samples"), ("power_w", "power_samples"))
        }
        found[(miner, day, customer)] = {
            "expected_samples": max(expected, int(expected / len(rows) * seconds / 300 + 0.5)),
            "samples": sum(row["samples"] for row in rows),
            "online_samples": sum(row["online_samples"] for row in rows),
            "hashrate_ths": weighted["hashrate_ths"],
            "power_w": weighted["power_w"],
            "restarts": sum(row["restarts"] for row in rows),
            "shares_accepted": sum(shares) if shares else None,
        }
    return found

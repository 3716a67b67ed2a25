"""What demand and usage must say, by plain loops; imports nothing of the product."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.hosting.series.oracle import FIVE, Span, value_at

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
THRESHOLD = Fraction(95, 100)


@dataclass(frozen=True)
class Terms:
    """As agreed; ``zone`` None is the whole site."""

    key: int
    customer: int
    zone: int | None
    basis: str
    rule: str
    kw: int
    begin: datetime
    end: datetime | None = None


@dataclass(frozen=True)
class Repair:
    """Ordered at a moment, over at another (None: not yet); a cancelled one is none."""

    ordered: datetime
    over: datetime | None = None

    def covers(self, start: datetime) -> bool:
        """From the quarter-hour of the order to the one in which it is over, both whole."""
        return self.ordered < start + QUARTER and (self.over is None or start < self.over)


@dataclass(frozen=True)
class Machines:
    """Their histories: zones they stood in (at one site), owners, and intents by time (the last one counts)."""

    zones: dict[int, list[Span]]
    owners: dict[int, list[Span]]
    intents: dict[int, list[tuple[datetime, str]]]
    nameplate_w: int
    expected: int  # readings in five minutes
    repairs: dict[int, list[Repair]] = field(default_factory=dict)  # those that pause billing


def _repair(machines: Machines, miner: int, start: datetime) -> Repair | None:
    """The latest one that covers a quarter-hour."""
    found = [repair for repair in machines.repairs.get(miner, []) if repair.covers(start)]
    return max(found, key=lambda repair: repair.ordered) if found else None


def in_repair(machines: Machines, start: datetime) -> list[dict[str, Any]]:
    """One entry per machine in repair: where it stands as the quarter-hour begins, or was ordered from."""
    found = []
    for miner, spans in machines.zones.items():
        repair = _repair(machines, miner, start)
        if repair is not None:
            zone = value_at(spans, start) or value_at(spans, repair.ordered)
            found.append({"zone": zone, "customer": value_at(machines.owners[miner], start)})
    return [entry for entry in found if entry["zone"] is not None]


def _off(machines: Machines, miner: int, bucket: datetime) -> bool:
    said = [word for at, word in machines.intents[miner] if at <= bucket]
    during = [word for at, word in machines.intents[miner] if bucket < at < bucket + FIVE]
    return said[-1] != "active" and "active" not in during


def shares(machines: Machines, fives: dict[Any, Any], start: datetime) -> list[dict[str, Any]]:
    """One entry per machine and zone in which it stood during the quarter-hour."""
    found = []
    for miner, spans in machines.zones.items():
        by_zone: dict[int, list[datetime]] = {}
        for number in range(3):
            bucket = start + FIVE * number
            zone = value_at(spans, bucket)
            if zone is not None:
                by_zone.setdefault(zone, []).append(bucket)
        for zone, buckets in by_zone.items():
            watts, covered, off = [], Fraction(0), False
            for bucket in buckets:
                row = fives.get((miner, bucket))
                if row is not None and row["power_w"] is not None:
                    watts.append(row["power_w"])
                    covered += min(Fraction(1), Fraction(row["power_samples"], machines.expected))
                elif (row is None or row["online_samples"] == 0) and _off(machines, miner, bucket):
                    watts.append(0.0)
                    covered += 1
                    off = True
            mean = sum(watts) / len(watts) if watts else 0.0
            found.append({
                "zone": zone, "customer": value_at(machines.owners[miner], start), "slots": len(buckets),
                "covered": covered, "kwh": mean / 1000 * len(buckets) / 12, "off": off,
                "plate": machines.nameplate_w / 1000 * len(buckets) / 12,
                "paused": _repair(machines, miner, start) is not None,
            })  # fmt: skip
    return found


def _sum(entries: list[dict[str, Any]]) -> tuple[float | None, str, Fraction]:
    slots = sum(entry["slots"] for entry in entries)
    coverage = sum((entry["covered"] for entry in entries), Fraction(0)) / slots if slots else Fraction(1)
    if coverage < THRESHOLD:
        return None, "missing", coverage
    return sum(entry["kwh"] for entry in entries), "measured", coverage


def demand(machines: Machines, fives: dict[Any, Any], zones: list[int], start: datetime) -> dict[int, Any]:
    entries = shares(machines, fives, start)
    return {zone: _sum([entry for entry in entries if entry["zone"] == zone]) for zone in zones}


def usage(machines: Machines, fives: dict[Any, Any], terms: list[Terms], starts: list[datetime]) -> dict[Any, Any]:
    """(terms, start) -> (kWh, quality)."""
    found: dict[Any, Any] = {}
    for start in starts:
        entries = shares(machines, fives, start)
        in_force = [one for one in terms if one.begin <= start and (one.end is None or start < one.end)]
        for one in in_force:
            own = [entry for entry in entries if not entry["paused"] and _payer(entry, in_force) == one.key]
            away = sum(_payer(entry, in_force) == one.key for entry in in_repair(machines, start))
            found[(one.key, start)] = _figure(one, own, entries, away * machines.nameplate_w / 1000)
    return {key: _stood_in(key, found, terms) for key in found}


def _payer(entry: dict[str, Any], terms: list[Terms]) -> int | None:
    of_owner = [one for one in terms if one.customer == entry["customer"]]
    for one in sorted(of_owner, key=lambda one: (one.zone is None, one.key)):
        if one.zone in (None, entry["zone"]):
            return one.key
    return None


def _figure(
    one: Terms, own: list[dict[str, Any]], everybody: list[dict[str, Any]], away_kw: float
) -> tuple[float | None, str]:
    if one.basis == "contracted":
        return max(0.0, one.kw - away_kw) / 4, "agreed"
    if one.basis == "nameplate":
        return sum(entry["plate"] for entry in own), "agreed"
    kwh, quality, _coverage = _sum(own)
    if one.basis == "peak_share" and kwh is not None:
        total = 0.0
        for zone in {entry["zone"] for entry in own}:
            of_zone = [entry for entry in everybody if entry["zone"] == zone]
            whole = _sum(of_zone)[0]
            if whole is None:
                return None, "missing"
            all_kwh = sum(entry["kwh"] for entry in of_zone)
            mine = sum(entry["kwh"] for entry in own if entry["zone"] == zone)
            total += whole * mine / all_kwh if all_kwh else 0.0
        return total, quality
    return kwh, quality


def _stood_in(key: tuple[int, datetime], found: dict[Any, Any], terms: list[Terms]) -> tuple[float | None, str]:
    kwh, quality = found[key]
    rule = next(one.rule for one in terms if one.key == key[0])
    if quality != "missing" or rule == "mark_missing":
        return kwh, quality
    known = sorted(
        (start, value[0]) for (one, start), value in found.items() if one == key[0] and value[1] == "measured"
    )
    before = [pair for pair in known if key[1] - DAY <= pair[0] < key[1]]
    after = [pair for pair in known if key[1] < pair[0] <= key[1] + DAY]
    if rule == "carry_forward":
        return (before[-1][1], "estimated") if before else (None, "missing")
    if not before or not after:
        return None, "missing"
    (first, low), (last, high) = before[-1], after[0]
    return low + (high - low) * ((key[1] - first) / (last - first)), "estimated"

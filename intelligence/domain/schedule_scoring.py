"""What a schedule was worth: measured energy, prices as they came, and what the measured hashrate earned."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import fsum
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from hashinsight.common.transitions import lock_for_move
from hashinsight.events.domain.outbox import publish
from hosting.domain.meters.loads import best_of, site_quarters
from hosting.engine.grid import quarters
from hosting.meter_enums import LoadSource
from hosting.models import Site
from intelligence.domain.energy import EnergyUnknown, usd_per
from intelligence.domain.schedule_prices import HASHES_PER_TH, prices_of
from intelligence.enums import RUN_MOVES, EntryStatus, RunStatus
from intelligence.models import ScheduleClass, ScheduleEntry, ScheduleRun
from marketdata.engine.chain import btc_from_hashrate
from marketdata.engine.numbers import ZERO
from marketdata.models import NetworkSnapshot

SIX = Decimal("0.000001")
ENOUGH = 0.5  # of the five minutes of a class in a step; else nobody knows what it did
LOOK_BACK = timedelta(hours=24)
BATCH = 2_000
_MEASURED = """
SELECT one.place, floor(extract(epoch FROM row.bucket_start - %(start)s) / %(step)s)::int,
       sum(row.power_w) / 12000, sum(row.hashrate_ths) / 12, count(row.power_w)
  FROM intelligence_scheduleclass one
 CROSS JOIN LATERAL unnest(one.miners) machine(id)
  JOIN hosting_telemetry_5min row
    ON row.miner_id = machine.id AND row.bucket_start >= %(start)s AND row.bucket_start < %(end)s
 WHERE one.run_id = %(run)s
 GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Measured:
    """Of a class in a step: kWh of the machines, TH/s times hours, and the share of it that was read."""

    kwh: float
    ths_hours: float
    coverage: float


@dataclass(frozen=True)
class Came:
    """Of a step, in the currency of the site: what a kWh cost and what a TH/s earned in an hour; None: nobody knows."""

    cost: float | None
    earned: float | None
    btc: float | None


@transaction.atomic
def score_run(run: ScheduleRun, *, at: datetime) -> ScheduleRun:
    """Complete a schedule whose day is over. Raises MoveRefused: replaced, or completed already."""
    locked = lock_for_move(run, field="status", to=RunStatus.COMPLETED, moves=RUN_MOVES)
    classes = list(ScheduleClass.objects.filter(run=locked).order_by("place"))
    if classes:
        steps = _steps(locked)
        came = came_of(locked, steps, at=at)
        measured = measured_of(locked, classes)
        _score_entries(locked, classes, measured, came)
        for name, value in _totals(locked, classes, measured, came, steps).items():
            setattr(locked, name, value)
    locked.status, locked.scored_at = RunStatus.COMPLETED, at
    locked.save()
    publish(
        "ops.schedule_scored",
        aggregate_type="schedule",
        aggregate_id=locked.public_id,
        payload={
            "schedule_id": str(locked.public_id), "target_date": locked.target_date.isoformat(),
            "profit": _text(locked.profit), "actual_profit": _text(locked.actual_profit), "currency": locked.currency,
        },
    )  # fmt: skip
    return locked.reload()


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _steps(run: ScheduleRun) -> list[datetime]:
    step = timedelta(minutes=run.step_minutes)
    return [run.starts_at + step * place for place in range(int((run.ends_at - run.starts_at) / step))]


def measured_of(run: ScheduleRun, classes: Sequence[ScheduleClass]) -> dict[tuple[int, int], Measured]:
    """By class and step, from the five minutes of its machines."""
    machines = {one.place: len(one.miners) for one in classes}
    buckets = run.step_minutes / 5
    with connection.cursor() as cursor:
        cursor.execute(
            _MEASURED,
            {"run": run.pk, "start": run.starts_at, "end": run.ends_at, "step": run.step_minutes * 60},
        )
        return {
            (place, step): Measured(kwh or 0.0, ths or 0.0, read / (machines[place] * buckets))
            for place, step, kwh, ths, read in cursor.fetchall()
        }


def came_of(run: ScheduleRun, steps: Sequence[datetime], *, at: datetime) -> list[Came]:
    """Prices and market of each step, as they are known now."""
    site: Site = run.site  # type: ignore[assignment]
    priced = prices_of(site, steps, run.step_minutes, at=at)
    loss = 1 / (1 - min(float(run.inputs["loss_percent"]), 99.0) / 100)
    adders = run.inputs["adders"]
    kept = 1 - float(run.inputs["market"].get("pool_fee_percent", 0)) / 100
    rows = list(
        NetworkSnapshot.objects.valid()
        .filter(recorded_at__gte=run.starts_at - LOOK_BACK, recorded_at__lt=run.ends_at)
        .order_by("recorded_at")
    )
    moments = [row.recorded_at for row in rows]
    try:
        usd = ZERO + 1 if run.currency == "USD" else usd_per(run.currency, at=at)
    except EnergyUnknown:
        usd = ZERO
    found = []
    for place, start in enumerate(steps):
        value, origin = priced.values[place], priced.origins[place] if priced.origins else ""
        cost = value * loss + adders[place] if value is not None and origin == "known" else None
        nearest = bisect_right(moments, start + timedelta(minutes=run.step_minutes) / 2) - 1
        row = rows[nearest] if nearest >= 0 else None
        btc, price = _btc(row), row.btc_price_usd if row else None
        earned = None if btc is None or price is None or not usd else btc * float(price / usd) * kept
        found.append(Came(cost, earned, btc))
    return found


def _btc(row: NetworkSnapshot | None) -> float | None:
    """Of one TH/s in an hour."""
    if row is None or row.difficulty is None or row.block_reward_btc is None:
        return None
    fees = row.fees_per_block_btc or ZERO
    return float(btc_from_hashrate(HASHES_PER_TH, 3600, row.difficulty, subsidy=row.block_reward_btc, fees=fees))


def _score_entries(
    run: ScheduleRun, classes: Sequence[ScheduleClass], measured: dict[tuple[int, int], Measured], came: Sequence[Came]
) -> None:
    pue, step = float(run.inputs["pue"]), timedelta(minutes=run.step_minutes)
    entries = list(run.entries.exclude(status=EntryStatus.COMPLETED))
    for entry in entries:
        number = int((entry.starts_at - run.starts_at) / step)
        seen, then = measured.get((entry.place, number)), came[number]
        entry.status = EntryStatus.COMPLETED
        if seen is None or seen.coverage < ENOUGH:
            continue
        entry.actual_kwh = _six(seen.kwh * pue)
        if then.cost is not None and then.earned is not None:
            entry.actual_profit = _six(seen.ths_hours * then.earned - seen.kwh * pue * then.cost)
    ScheduleEntry.objects.bulk_update(entries, ["status", "actual_kwh", "actual_profit"], batch_size=BATCH)


def _six(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(SIX)


def _totals(
    run: ScheduleRun, classes: Sequence[ScheduleClass], measured: dict[tuple[int, int], Measured],
    came: Sequence[Came], steps: Sequence[datetime],
) -> dict[str, Any]:  # fmt: skip
    """Of the site: by its quarter-hours where all are known, else by its machines; what is missing is said."""
    pue = float(run.inputs["pue"])
    by_step = [
        [seen for one in classes if (seen := measured.get((one.place, number))) is not None]
        for number in range(len(steps))
    ]
    metered = metered_kwh(run, steps)
    kwh = [
        metered.kwh[number] if metered else fsum(seen.kwh for seen in some) * pue for number, some in enumerate(by_step)
    ]
    ths = [fsum(seen.ths_hours for seen in some) for some in by_step]
    coverage = _coverage(run, classes, measured, steps)
    missing = sum(then.cost is None or then.earned is None for then in came)
    facts: dict[str, Any] = {
        "energy_from": metered.source if metered else "machines", "coverage": round(coverage, 4),
        "steps_without": missing,
    }  # fmt: skip
    found: dict[str, Any] = {"actuals": facts}
    if coverage < ENOUGH:
        facts["why"] = _("too little was measured")
        return found
    found["actual_kwh"] = _six(fsum(kwh))
    if all(then.btc is not None for then in came):
        btc = fsum(hours * (then.btc or 0.0) for hours, then in zip(ths, came, strict=True))
        found["actual_btc"] = Decimal(repr(btc)).quantize(Decimal("0.00000001"))
    if missing:
        facts["why"] = _("of some steps nobody knows what energy cost, or what mining earned")
        return found
    hours = run.step_minutes / 60
    revenue = fsum(one * (then.earned or 0.0) for one, then in zip(ths, came, strict=True))
    energy = fsum(one * (then.cost or 0.0) for one, then in zip(kwh, came, strict=True))
    demand = _demand(run, max(kwh) / hours)
    facts |= {"revenue": revenue, "energy_cost": energy, "demand_cost": demand, "peak_kw": max(kwh) / hours}
    found["actual_profit"] = _six(revenue - energy - demand)
    found["actual_always_on_profit"] = _six(_always_on(run, classes, came, hours))
    return found


def _coverage(
    run: ScheduleRun, classes: Sequence[ScheduleClass], measured: dict[tuple[int, int], Measured],
    steps: Sequence[datetime],
) -> float:  # fmt: skip
    """Share of the five minutes of all machines that was read."""
    buckets = run.step_minutes / 5
    expected = sum(len(one.miners) for one in classes) * buckets * len(steps)
    read = fsum(seen.coverage * len(one.miners) * buckets for one in classes for seen in _of(one, measured))
    return read / expected if expected else 0.0


def _of(one: ScheduleClass, measured: dict[tuple[int, int], Measured]) -> list[Measured]:
    return [seen for (place, _step), seen in measured.items() if place == one.place]


def _demand(run: ScheduleRun, peak_kw: float) -> float:
    charge = run.inputs["demand"]
    if charge is None:
        return 0.0
    return float(charge["per_kw_today"]) * max(0.0, peak_kw - float(charge["sunk_kw"]))


def _always_on(run: ScheduleRun, classes: Sequence[ScheduleClass], came: Sequence[Came], hours: float) -> float:
    """What all machines would have earned at full power all day, as these prices and this market came."""
    kw = fsum(one.machines * one.power_w for one in classes) / 1000
    ths = fsum(one.machines * float(one.hashrate_ths) for one in classes)
    money = fsum(hours * (ths * (then.earned or 0.0) - kw * (then.cost or 0.0)) for then in came)
    return money - _demand(run, kw)


@dataclass(frozen=True)
class Metered:
    """kWh of a site by step, and by whom: ``site_meter``, ``zone_meters``, or ``zones`` (machines times the PUE)."""

    kwh: list[float]
    source: str


def metered_kwh(run: ScheduleRun, steps: Sequence[datetime]) -> Metered | None:
    """Of the whole site, by one way that knows each quarter-hour; None where none does.

    A meter has the cooling in it, the machines' sum gets it by the PUE. Machines that stand in no zone are seen by the
    meter of the site alone.
    """
    site: Site = run.site  # type: ignore[assignment]
    wanted = list(quarters(run.starts_at, run.ends_at))
    ways = site_quarters(site, run.starts_at, run.ends_at)
    if ScheduleClass.objects.filter(run=run, zone=None).exists():
        ways = [way for way in ways if way[0] == LoadSource.SITE_METER]
    source, loads = best_of(ways, wanted)
    if source is None or not all(moment in loads for moment in wanted):
        return None
    by_machines = source == LoadSource.MACHINES
    factor = float(run.inputs["pue"]) if by_machines else 1.0
    found = [0.0] * len(steps)
    for moment in wanted:
        number = int((moment - run.starts_at) / timedelta(minutes=run.step_minutes))
        found[number] += float(loads[moment]) / 4 * factor
    return Metered(found, "zones" if by_machines else str(source))

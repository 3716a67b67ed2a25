"""The advice for machines a person reckons with: hour by hour of a day, run or be off, and what that should earn.

Nothing couples such machines, so each is a day of its own. Energy costs what its row says, or what a market asks.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils.translation import gettext as _

from hashinsight.events.domain.outbox import publish
from intelligence.domain.energy import KWH_PER, EnergyUnknown, usd_per
from intelligence.domain.schedule_prices import Priced, hourly_revenue, prices_of_series
from intelligence.domain.scheduling import FURTHEST, ScheduleRefused, action_of, figures_of, label_of, payload_of
from intelligence.engine.optimiser import (
    Answer,
    MachineClass,
    Mode,
    Money,
    Problem,
    ProblemRefused,
    SafeState,
    Settings,
    Status,
    local_day,
    optimise,
)
from intelligence.engine.optimiser.answer import Rival
from intelligence.enums import RunStatus
from intelligence.models import ScheduleEntry, ScheduleRun, UserMiner
from marketdata.models import PriceSeries

MINUTES = 60
SIX = Decimal("0.000001")


def plan_user_day(
    user: Any, on: date, *, time_zone: str, at: datetime, series: PriceSeries | None = None
) -> ScheduleRun:
    """Plan a local day of a person's active machines; the last schedule of the day is deleted. Raises ScheduleRefused.

    With a ``series`` its prices hold for all of them, else each has its own.
    """
    began, starts = time.perf_counter(), local_day(on, time_zone, MINUTES)
    _check_day(on, time_zone, at)
    rows = list(UserMiner.objects.reckoned().filter(user=user).order_by("created_at", "pk"))
    if not rows:
        raise ScheduleRefused(_("There are no active machines to plan."))
    earned = hourly_revenue("USD", Decimal(0), starts, at=at)
    if earned.lacking:
        raise ScheduleRefused(_("No schedule: %(reason)s.") % {"reason": earned.lacking})
    priced = _priced(series, starts, at)
    answers = [_answer(row, starts, priced, earned.values) for row in rows]
    total = _together(answers)
    run = ScheduleRun(
        user=user, target_date=on, time_zone=time_zone, label=label_of(total), note=total.note,
        asked_by=user, known_at=at, starts_at=starts[0], ends_at=starts[-1] + timedelta(minutes=MINUTES),
        step_minutes=MINUTES, currency="USD", created_at=at, status=RunStatus.PROPOSED,
        took_s=Decimal(repr(round(time.perf_counter() - began, 3))), **figures_of(total),
        inputs={
            "series": str(series.public_id) if series else None, "series_name": str(series or ""),
            "price": list(priced.values) if priced else None, "price_from": list(priced.origins) if priced else [],
            "revenue": list(earned.values), "market": earned.facts,
        },
    )  # fmt: skip
    return _keep(run, [entry for pair in zip(rows, answers, strict=True) for entry in _entries(run, *pair)])


def _check_day(on: date, time_zone: str, at: datetime) -> None:
    today = at.astimezone(ZoneInfo(time_zone)).date()
    if on < today:
        raise ScheduleRefused(_("This day is over."))
    if on - today > FURTHEST:
        raise ScheduleRefused(_("This day is too far away: nothing is known of it."))


def _priced(series: PriceSeries | None, starts: Sequence[datetime], at: datetime) -> Priced | None:
    if series is None:
        return None
    if series.unit not in KWH_PER:
        raise ScheduleRefused(_("%(series)s is no series of energy prices.") % {"series": series})
    try:
        rate = float(usd_per(series.currency, at=at))
    except EnergyUnknown as refusal:
        raise ScheduleRefused(str(refusal)) from refusal
    priced = prices_of_series(series, starts, MINUTES, rate=rate, at=at)
    if priced.lacking:
        raise ScheduleRefused(_("No schedule: %(reason)s.") % {"reason": priced.lacking})
    return priced


def _answer(
    row: UserMiner, starts: tuple[datetime, ...], priced: Priced | None, revenue: tuple[float, ...]
) -> tuple[Problem, Answer]:
    """Of one row: a class of its own, in a day of its own."""
    own = float(row.electricity_cost_usd_per_kwh)
    modes = (Mode("off", 0, 0.0), Mode("full", max(1, round(row.actual_power_w)), float(row.actual_hashrate_ths)))
    try:
        problem = Problem(
            starts, MINUTES, priced.values if priced else (own,) * len(starts), revenue,
            (MachineClass(str(row), row.quantity, modes),), safe_state=SafeState.RUN,
        )  # fmt: skip
        return problem, optimise(problem, Settings(seconds=5, isolated=False))
    except ProblemRefused as refusal:
        raise ScheduleRefused(_("No schedule: %(reason)s.") % {"reason": refusal}) from refusal


def _together(answers: Sequence[tuple[Problem, Answer]]) -> Answer:
    """One answer for all: sums, and the least good label."""
    some = [answer for _problem, answer in answers]
    labels = list(Status)
    first = some[0]
    return Answer(
        status=max((one.status for one in some), key=labels.index), counts=(),
        load_kw=tuple(sum(step) for step in zip(*(one.load_kw for one in some), strict=True)),
        money=_sum([one.money for one in some]), bound=sum(one.bound or 0.0 for one in some),
        relaxation=None, gap=max(one.gap or 0.0 for one in some), shadow=None,
        reasons=tuple(reason for one in some for reason in one.reasons),
        always_on=Rival("always on", _sum([one.always_on.money for one in some if one.always_on])),
        strike=Rival("strike price", _sum([one.strike.money for one in some if one.strike])),
        note=first.note, seconds=sum(one.seconds for one in some),
    )  # fmt: skip


def _sum(some: Sequence[Money | None]) -> Money:
    known = [one for one in some if one is not None]
    return Money(
        *(sum(getattr(one, name) for one in known) for name in ("profit", "revenue", "energy", "demand", "switching"))
    )


def _entries(run: ScheduleRun, row: UserMiner, answered: tuple[Problem, Answer]) -> Iterator[ScheduleEntry]:
    problem, answer = answered
    [one], [counts] = problem.classes, answer.counts
    for step, begin in enumerate(problem.starts):
        off, on = counts[0][step], counts[1][step]
        full = one.modes[1]
        worth = full.hashrate_ths * problem.revenue[step] - full.power_w / 1000 * problem.cost_per_kwh(step)
        yield ScheduleEntry(
            run=run, place=0, starts_at=begin, minutes=MINUTES, user_miner=row, action=action_of(one.count, off),
            machines_on=on, machines_off=off, load_kw=Decimal(on * full.power_w) / 1000,
            expected_profit=Decimal(repr(on * worth)).quantize(SIX),
        )  # fmt: skip


@transaction.atomic
def _keep(run: ScheduleRun, entries: list[ScheduleEntry]) -> ScheduleRun:
    """In the place of the last one of the day."""
    with connection.cursor() as cursor:
        key = f"schedule:{run.user_id}:{run.target_date}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
    ScheduleRun.objects.filter(user=run.user, target_date=run.target_date).delete()
    run.save()
    places = {pk: place for place, pk in enumerate(dict.fromkeys(one.user_miner_id for one in entries))}
    for one in entries:
        one.place = places[one.user_miner_id]
    ScheduleEntry.objects.bulk_create(entries)
    publish(
        "ops.schedule_created",
        aggregate_type="schedule",
        aggregate_id=run.public_id,
        payload=payload_of(run),
        user_id=run.user_id,
    )
    return run.reload()

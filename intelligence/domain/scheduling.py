"""Making schedules: a local day of a site is planned, kept with all it was made from, and takes the place of the last.

The solver works outside of any transaction; what it answers is written in one.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_for_move
from hashinsight.events.domain.outbox import publish
from hosting.enums import PlaceStatus
from hosting.models import Site
from intelligence.domain.schedule_fleet import Group
from intelligence.domain.schedule_inputs import Gathered, NoMachines, gather
from intelligence.domain.schedule_plans import ScheduleNotApplied, apply_run, drop_pending, lock_day
from intelligence.engine.optimiser import Answer, Infeasible, Problem, ProblemRefused, Settings, local_day, optimise
from intelligence.engine.optimiser.check import started
from intelligence.enums import PLANNED, RUN_MOVES, AnswerLabel, EntryStatus, RunStatus, ScheduleAction
from intelligence.models import ScheduleClass, ScheduleEntry, ScheduleRun, ScheduleSettings

BATCH = 2_000
FURTHEST = timedelta(days=2)
SIX = Decimal("0.000001")


class ScheduleRefused(DomainError):
    """This day cannot be planned."""

    code = "schedule_refused"


def settings_of(site: Site) -> ScheduleSettings:
    """As somebody made them; else what is usual, which plans nothing by itself."""
    found: ScheduleSettings | None = ScheduleSettings.objects.filter(site=site).first()
    return found or ScheduleSettings(site=site, is_on=False)


def starts_left(site: Site, on: date, minutes: int, *, at: datetime) -> tuple[datetime, ...]:
    """The steps of a local day that have not begun. Raises ScheduleRefused: over, or too far away."""
    today = at.astimezone(ZoneInfo(site.time_zone)).date()
    starts = tuple(one for one in local_day(on, site.time_zone, minutes) if one >= at)
    if not starts:
        raise ScheduleRefused(_("This day is over at %(site)s.") % {"site": site})
    if on - today > FURTHEST:
        raise ScheduleRefused(_("This day is too far away: nothing is known of it."))
    return starts


def plan_day(
    site: Site, on: date, *, at: datetime, by: Any = None, and_then: Callable[[], object] | None = None
) -> ScheduleRun:
    """Plan a local day of a site, as everything is known at ``at``; the last schedule of it is replaced.

    What stands against a plan is kept as a refused schedule that says so; where the site's settings say so, a plan is
    turned into curtailment plans at once. ``and_then`` belongs to the same transaction. Raises ScheduleRefused.
    """
    if site.status != PlaceStatus.ACTIVE:
        raise ScheduleRefused(_("%(place)s is archived.") % {"place": site})
    planning, began = settings_of(site), time.perf_counter()
    starts = starts_left(site, on, planning.step_minutes, at=at)
    found: Gathered | None = None
    answer: Answer | None = None
    try:
        found = gather(site, planning, starts, at=at)
        answer = optimise(found.problem, Settings(seconds=float(settings.SCHEDULE_SECONDS)))
        label, note = label_of(answer), "; ".join(part for part in (found.lacking, answer.note) if part)
    except (NoMachines, ProblemRefused, Infeasible) as refusal:
        label, note = AnswerLabel.REFUSED, str(refusal)
    run = ScheduleRun(
        site=site, target_date=on, time_zone=site.time_zone, label=label, note=note, asked_by=by, known_at=at,
        starts_at=starts[0], ends_at=starts[-1] + timedelta(minutes=planning.step_minutes),
        step_minutes=planning.step_minutes, currency=site.currency, created_at=at,
        inputs=found.inputs if found else {}, took_s=Decimal(repr(round(time.perf_counter() - began, 3))),
        **(figures_of(answer, _dearest(found.problem)) if answer and found else {}),
    )  # fmt: skip
    with transaction.atomic():
        kept = keep(run, found if answer else None, answer, at=at)
        if planning.applies_itself and label in (*PLANNED, AnswerLabel.SAFE_STATE):
            with suppress(ScheduleNotApplied):  # it stays proposed, for people to see
                apply_run(kept, at=at)
        if and_then is not None:
            and_then()
    return kept.reload()


def _dearest(problem: Problem) -> float:
    """What the dearest kWh costs; where prices are missing nobody knows."""
    return inf if problem.missing else max(problem.cost_per_kwh(step) for step in range(problem.steps))


def label_of(answer: Answer) -> AnswerLabel:
    """The optimiser's word as ours."""
    return AnswerLabel[answer.status.name]


def figures_of(answer: Answer, dearest: float = inf) -> dict[str, Any]:
    """The columns of an answer. A strike at which even the ``dearest`` kWh is bought limits nothing: it is none."""
    money = answer.money
    rivals = (answer.always_on, answer.strike)
    strike = rivals[1].strike if rivals[1] else None
    strike = None if strike is None or strike >= dearest else strike
    return {
        "profit": money and _six(money.profit), "revenue": money and _six(money.revenue),
        "energy_cost": money and _six(money.energy), "demand_cost": money and _six(money.demand),
        "switching_cost": money and _six(money.switching),
        "bound": None if answer.bound is None else _six(answer.bound), "gap": answer.gap,
        "always_on_profit": rivals[0] and _six(rivals[0].money.profit),
        "strike_profit": rivals[1] and _six(rivals[1].money.profit),
        "strike_price": None if strike is None else _six(strike),
        "answer": {
            "load_kw": list(answer.load_kw),
            "reasons": [
                {**asdict(one), "since": one.since.isoformat(), "until": one.until.isoformat()}
                for one in answer.reasons
            ],
            "shadow": asdict(answer.shadow) if answer.shadow else None, "relaxation": answer.relaxation,
            "rivals": [
                {"name": one.name, **asdict(one.money), "problems": list(one.problems)} for one in rivals if one
            ],
            "seconds": answer.seconds,
        },
    }  # fmt: skip


def _six(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(SIX)


@transaction.atomic
def keep(run: ScheduleRun, found: Gathered | None, answer: Answer | None, *, at: datetime) -> ScheduleRun:
    """Write a run with its classes and steps in the place of the one before, and tell."""
    assert run.site is not None
    lock_day(run.site, run.target_date)
    before = ScheduleRun.objects.current().filter(site=run.site, target_date=run.target_date).first()
    if before is not None:
        replace_run(before, at=at)
    run.save()
    if found is not None and answer is not None:
        classes = ScheduleClass.objects.bulk_create(_class(run, place, one) for place, one in enumerate(found.groups))
        ScheduleEntry.objects.bulk_create(_entries(run, found, answer, classes), batch_size=BATCH)
    publish(
        "ops.schedule_created",
        aggregate_type="schedule",
        aggregate_id=run.public_id,
        payload=payload_of(run),
        user_id=run.asked_by_id,
    )
    return run.reload()


def replace_run(before: ScheduleRun, *, at: datetime) -> None:
    """It holds no more; plans made of it that wait for approval are taken back. Raises MoveRefused: completed."""
    locked = lock_for_move(before, field="status", to=RunStatus.REPLACED, moves=RUN_MOVES)
    drop_pending(locked, at=at, reason=_("A newer schedule holds."))
    locked.status = RunStatus.REPLACED
    locked.save(update_fields=["status"])
    locked.entries.exclude(status=EntryStatus.COMPLETED).update(status=EntryStatus.REPLACED)


def payload_of(run: ScheduleRun) -> dict[str, Any]:
    """What events tell of a schedule."""
    return {
        "schedule_id": str(run.public_id), "site_id": str(run.site.public_id) if run.site else None,
        "target_date": run.target_date.isoformat(), "label": str(run.label), "status": str(run.status),
        "profit": None if run.profit is None else f"{run.profit:f}", "currency": run.currency,
    }  # fmt: skip


def _class(run: ScheduleRun, place: int, group: Group) -> ScheduleClass:
    one = group.one
    assert one.safe_state is not None
    return ScheduleClass(
        run=run, place=place, name=one.name[:200], miner_model_id=group.model, zone_id=group.zone,
        terms_id=group.terms, machines=one.count, protected=one.protected, power_w=one.modes[1].power_w,
        hashrate_ths=Decimal(repr(one.modes[1].hashrate_ths)).quantize(Decimal("0.0001")),
        starts_on=bool(one.start_mode), safe_state=one.safe_state.value, miners=[each.pk for each in group.machines],
        modes_w=list(group.modes_w),
    )  # fmt: skip


def _entries(
    run: ScheduleRun, found: Gathered, answer: Answer, classes: Sequence[ScheduleClass]
) -> Iterable[ScheduleEntry]:
    """One for each class and step; a machine that is alone in its class is named itself."""
    problem = found.problem
    for place, (group, row) in enumerate(zip(found.groups, classes, strict=True)):
        one, counts = group.one, answer.counts[place]
        starts = started(one, counts)
        target: Mapping[str, Any] = {"efficiency_class": row} if one.count > 1 else {"miner_id": group.machines[0].pk}
        for step, begin in enumerate(problem.starts):
            off, throttled = counts[0][step], sum(row[step] for row in counts[2:])
            kw = sum(mode.power_w * row[step] for mode, row in zip(one.modes, counts, strict=True)) / 1000
            yield ScheduleEntry(
                run=run, place=place, starts_at=begin, minutes=problem.step_minutes, **target,
                action=action_of(one.count, off, throttled), machines_on=one.count - off, machines_off=off,
                machines_throttled=throttled,
                by_mode=[row[step] for row in counts[2:]] if throttled else [], load_kw=Decimal(repr(round(kw, 3))),
                expected_profit=_expected(problem, place, step, counts, starts[step]),
            )  # fmt: skip


def action_of(count: int, off: int, throttled: int = 0) -> ScheduleAction:
    """In one word."""
    if off == count:
        return ScheduleAction.SHUTDOWN
    if off:
        return ScheduleAction.PARTLY
    return ScheduleAction.THROTTLED if throttled else ScheduleAction.STARTUP


def _expected(problem: Problem, place: int, step: int, counts: Sequence[Sequence[int]], starts: int) -> Decimal | None:
    """What a class earns in a step, its starts deducted; the demand charge is nobody's alone."""
    if problem.missing:
        return None
    one, profit = problem.classes[place], -starts * problem.classes[place].start_cost
    for mode, row in zip(one.modes, counts, strict=True):
        worth = mode.hashrate_ths * problem.revenue[step] - mode.power_w / 1000 * problem.cost_per_kwh(step)
        profit += row[step] * problem.hours * worth
    return _six(profit)

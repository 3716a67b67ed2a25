"""From a schedule to curtailment plans, one for each span in which the same machines are off or throttled; and back.

At any time at most one plan of a day's schedule wants machines lower, so its share of the site's power is all of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils.translation import gettext as _

from curtailment.domain.beside import lock_fleet
from curtailment.domain.demands import Demand, DemandRefused, want, want_no_more
from curtailment.domain.planning import Wish, candidates_of
from curtailment.domain.plans import approve_plan, shorten_plan
from curtailment.domain.strategies import Ahead
from curtailment.enums import RUNNING, Cause, Goal, PlanStatus, Selection
from curtailment.models import CurtailmentPlan
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_for_move
from hashinsight.events.domain.outbox import publish
from hosting.models import Site
from intelligence.domain.schedule_limits import PRIORITY
from intelligence.domain.schedule_notice import in_time
from intelligence.engine.optimiser.turns import who_is_lower
from intelligence.enums import PLANNED, RUN_MOVES, AnswerLabel, RunStatus
from intelligence.models import ScheduleClass, ScheduleEntry, ScheduleRun

WAITING = (PlanStatus.PENDING, PlanStatus.APPROVED)
THOUSAND, WATT = Decimal(1000), Decimal("0.001")


class ScheduleNotApplied(DomainError):
    """The schedule cannot be turned into plans."""

    code = "schedule_not_applied"


@dataclass(frozen=True)
class Span:
    """From when to when which machines are off or throttled, and how many of each class.

    ``limits``: those that are throttled, and to how many watts. ``lower``: by class, how many are in each mode.
    """

    starts_at: datetime
    ends_at: datetime
    miners: tuple[int, ...]
    off: Mapping[int, int]
    limits: Mapping[int, int] = field(default_factory=dict)
    lower: Mapping[int, Sequence[int]] = field(default_factory=dict)

    def at_meter_kw(self, classes: Mapping[int, ScheduleClass], pue: Decimal) -> Decimal:
        """How much less is drawn at the meter by the figures of the schedule, cooling included."""
        watts = Decimal(sum(count * classes[place].power_w for place, count in self.off.items()))
        for place, counts in self.lower.items():
            one = classes[place]
            for count, mode_w in zip(counts, one.modes_w, strict=True):
                watts += count * (one.power_w - mode_w * pue)
        return watts / THOUSAND

    def kw(self, classes: Mapping[int, ScheduleClass], pue: Decimal) -> Decimal:
        """How much less the machines themselves draw."""
        return (self.at_meter_kw(classes, pue) / pue).quantize(WATT)


@dataclass
class Applied:
    """What came of it: plans that were made, and what was refused, in words.

    ``idle``: how many spans were left out because none of their machines runs and can be switched.
    """

    plans: list[CurtailmentPlan] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    idle: int = 0


def key_of(run: ScheduleRun, starts_at: datetime) -> str:
    """Of the demand of a span."""
    return f"schedule:{run.public_id}:{starts_at.isoformat()}"


def plans_of(run: ScheduleRun) -> Any:
    """All that were made of a schedule."""
    return CurtailmentPlan.objects.filter(source_key__startswith=f"schedule:{run.public_id}:").order_by("starts_at")


def lock_day(site: Site, on: Any) -> None:
    """One after the other: whoever replaces the schedule of a day, and whoever turns it into plans."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"schedule:{site.pk}:{on}"])
    lock_fleet()  # before any of its plans is locked: whoever approves one at this moment has it already


def spans_of(run: ScheduleRun) -> list[Span]:
    """When machines are to be off or throttled, by the steps of a schedule."""
    classes = {one.place: one for one in ScheduleClass.objects.filter(run=run).order_by("place")}
    rows = list(run.entries.order_by("starts_at", "place"))
    starts = sorted({row.starts_at for row in rows})
    by_class: dict[int, list[ScheduleEntry]] = {}
    for row in rows:
        by_class.setdefault(row.place, []).append(row)
    who = {place: _who(classes[place], entries) for place, entries in by_class.items()}
    step, found = timedelta(minutes=run.step_minutes), list[Span]()
    for number, start in enumerate(starts):
        now = {place: entries[number] for place, entries in by_class.items()}
        levels = {miner: watts for steps in who.values() for miner, watts in steps[number].items()}
        span = Span(
            start, start + step, tuple(sorted(levels)),
            {place: row.machines_off for place, row in now.items() if row.machines_off},
            {miner: watts for miner, watts in levels.items() if watts},
            {place: tuple(row.by_mode) for place, row in now.items() if any(row.by_mode)},
        )  # fmt: skip
        last = found[-1] if found else None
        if last and (last.ends_at, last.miners, last.limits) == (start, span.miners, span.limits) and levels:
            found[-1] = replace(span, starts_at=last.starts_at)
        elif levels:
            found.append(span)
    return found


def _who(one: ScheduleClass, entries: Sequence[ScheduleEntry]) -> list[dict[int, int]]:
    """By step, to how many watts which machines are brought down; 0: off."""
    free = one.miners[: one.machines - one.protected]
    modes = [[row.by_mode[place] if row.by_mode else 0 for row in entries] for place in range(len(one.modes_w))]
    levels = (0, *one.modes_w)
    steps = who_is_lower(free, [row.machines_off for row in entries], modes, begins_on=one.starts_on)
    return [{miner: levels[mode] for miner, mode in step.items()} for step in steps]


@transaction.atomic
def apply_run(run: ScheduleRun, *, at: datetime, by: Any = None, approves: bool = False) -> Applied:
    """Make plans of a schedule; those of an older one of the day give way. ``approves``: ``by`` stands behind each.

    Raises MoveRefused; ScheduleNotApplied also where none of the machines it is about runs and can be switched now, and
    leaves everything as it was: it can be tried again when they do.
    """
    if run.site is None:
        raise ScheduleNotApplied(_("Only a schedule of a site is turned into plans."))
    lock_day(run.site, run.target_date)
    locked = lock_for_move(run, field="status", to=RunStatus.APPLIED, moves=RUN_MOVES)
    if locked.label not in (*PLANNED, AnswerLabel.SAFE_STATE) or locked.ends_at <= at:
        raise ScheduleNotApplied(_("There is nothing in it that could be turned into plans."))
    _give_way(locked, at=at)
    done = Applied()
    for span in spans_of(locked):
        for part in _in_time(run.site, span, at) if span.ends_at > at else ():
            _apply_span(locked, part, done, at=at, by=by if approves else None)
    if done.idle and done.idle == len(done.refusals) and not done.plans:
        raise ScheduleNotApplied(
            _("None of the machines it would switch off or throttle runs and can be switched now. Try again later.")
        )
    locked.status, locked.applied_at, locked.applied_by = RunStatus.APPLIED, at, by
    locked.save(update_fields=["status", "applied_at", "applied_by"])
    publish(
        "ops.schedule_applied",
        aggregate_type="schedule",
        aggregate_id=locked.public_id,
        payload={
            "schedule_id": str(locked.public_id), "site_id": str(run.site.public_id),
            "target_date": locked.target_date.isoformat(), "plans": len(done.plans), "refused": len(done.refusals),
        },
        user_id=getattr(by, "pk", None),
    )  # fmt: skip
    return done


def _in_time(site: Site, span: Span, at: datetime) -> list[Span]:
    """A span in parts, each with the machines whose owners have had their notice by then."""
    parts = in_time(site, max(span.starts_at, at), span.ends_at, span.miners, at=at)
    if len(parts) == 1 and parts[0][2] == span.miners:
        return [span]
    return [
        replace(
            span, starts_at=begin, ends_at=end, miners=miners,
            limits={pk: span.limits[pk] for pk in miners if pk in span.limits},
        )
        for begin, end, miners in parts
    ]  # fmt: skip


def _apply_span(run: ScheduleRun, span: Span, done: Applied, *, at: datetime, by: Any) -> None:
    demand = _demand(run, span, max(span.starts_at, at), at=at)
    if not demand.goal_kw:
        done.idle += 1
        text = _("%(time)s: none of its machines runs and can be switched now; nothing was planned.")
        done.refusals.append(text % {"time": _clock(run, span.starts_at)})
        return
    try:
        plan = want(demand, at=at)
    except DemandRefused as refusal:
        done.refusals.append(f"{_clock(run, span.starts_at)}: {refusal}")
        return
    if by is not None and plan.status == PlanStatus.PENDING:
        try:
            with transaction.atomic():
                plan = approve_plan(plan, by=by, at=at)
        except DomainError as refusal:
            done.refusals.append(f"{plan}: {refusal}")
    done.plans.append(plan)
    within = run.entries.filter(starts_at__gte=span.starts_at, starts_at__lt=span.ends_at)
    within = within.filter(place__in={*span.off, *span.lower})
    within.update(plan=plan)


def _demand(run: ScheduleRun, span: Span, begin: datetime, *, at: datetime) -> Demand:
    """All machines of the span, with what they draw now: their order says nothing."""
    assert run.site is not None
    wish = Wish(
        run.site, Goal.REDUCE_BY, Decimal(1), Selection.EFFICIENCY, begin, span.ends_at, only=span.miners,
        limits=span.limits,
    )  # fmt: skip
    gain_w = sum(one.gain_w for one in candidates_of(wish, at=at).candidates)
    return Demand(
        key=key_of(run, span.starts_at), site=run.site, cause=Cause.SCHEDULE, reason=_reason(run, span),
        goal=Goal.REDUCE_BY, goal_kw=Decimal(gain_w) / THOUSAND, selection=Selection.EFFICIENCY, starts_at=begin,
        ends_at=span.ends_at, priority=PRIORITY, miners=span.miners, limits=span.limits, rule_name=str(run),
        inputs={
            "schedule": str(run.public_id), "label": str(run.label),
            "off": {str(place): count for place, count in span.off.items()},
            **({"lower": {str(place): list(counts) for place, counts in span.lower.items()}} if span.lower else {}),
        },
    )  # fmt: skip


def _reason(run: ScheduleRun, span: Span) -> str:
    """In words that clients read: no figure of what we pay."""
    said = {"day": run.target_date.isoformat(), "start": _clock(run, span.starts_at), "end": _clock(run, span.ends_at)}
    if run.label == AnswerLabel.SAFE_STATE:
        return _("%(day)s, %(start)s to %(end)s: prices are not known; this is what the terms say for that.") % said
    if not span.off:
        return _("%(day)s, %(start)s to %(end)s: the last watts cost more than they earn.") % said
    return _("%(day)s, %(start)s to %(end)s: energy costs more than mining earns.") % said


def _clock(run: ScheduleRun, moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo(run.time_zone)):%H:%M}"


def _give_way(run: ScheduleRun, *, at: datetime) -> None:
    """Plans of older schedules of the day: what has not begun is taken back, what runs ends where this one begins."""
    older = ScheduleRun.objects.filter(site=run.site, target_date=run.target_date).exclude(pk=run.pk)
    reason = _("A newer schedule holds.")
    for before in older:
        for plan in plans_of(before).filter(status__in=(*WAITING, *RUNNING)):
            if plan.status in RUNNING and plan.ends_at is not None and run.starts_at > at:
                if plan.ends_at > run.starts_at:
                    shorten_plan(plan, ends_at=run.starts_at, by=None, at=at)
            else:
                want_no_more(plan.source_key, at=at, reason=reason)


def drop_pending(run: ScheduleRun, *, at: datetime, reason: str) -> None:
    """Plans of it that wait for approval; what was approved stands until another schedule is turned into plans."""
    for plan in plans_of(run).filter(status=PlanStatus.PENDING):
        want_no_more(plan.source_key, at=at, reason=reason)


def ahead(site: Site, at: datetime) -> list[Ahead]:
    """What schedules of a site want off from now on; power of the machines, without cooling."""
    found = []
    for run in ScheduleRun.objects.current().filter(site=site, ends_at__gt=at).order_by("target_date"):
        classes = {one.place: one for one in run.classes.all()}
        for span in spans_of(run):
            if span.ends_at > at:
                kw = span.kw(classes, site.pue)
                found.append(Ahead(span.starts_at, span.ends_at, kw, _reason(run, span)))
    return found

"""From a schedule to curtailment plans, one for each span in which the same machines are off; and back again.

At any time at most one plan of a day's schedule wants machines off, so that its share of the site's power is all of it.
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
from intelligence.engine.optimiser.turns import who_is_off
from intelligence.enums import PLANNED, RUN_MOVES, AnswerLabel, RunStatus
from intelligence.models import ScheduleClass, ScheduleRun

WAITING = (PlanStatus.PENDING, PlanStatus.APPROVED)
THOUSAND, WATT = Decimal(1000), Decimal("0.001")


class ScheduleNotApplied(DomainError):
    """The schedule cannot be turned into plans."""

    code = "schedule_not_applied"


@dataclass(frozen=True)
class Span:
    """From when to when which machines are off, and how many of each class."""

    starts_at: datetime
    ends_at: datetime
    miners: tuple[int, ...]
    off: Mapping[int, int]


@dataclass
class Applied:
    """What came of it: plans that were made, and what was refused, in words."""

    plans: list[CurtailmentPlan] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


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
    """When machines are to be off, by the steps of a schedule."""
    classes = list(ScheduleClass.objects.filter(run=run).order_by("place"))
    rows = list(run.entries.order_by("starts_at", "place").values_list("starts_at", "place", "machines_off"))
    starts = sorted({start for start, _place, _off in rows})
    by_class: dict[int, list[int]] = {}
    for _start, place, off in rows:
        by_class.setdefault(place, []).append(off)
    who = {one.place: _who(one, by_class[one.place]) for one in classes}
    step, found = timedelta(minutes=run.step_minutes), list[Span]()
    for number, start in enumerate(starts):
        off = {place: counts[number] for place, counts in by_class.items() if counts[number]}
        miners = tuple(sorted(miner for steps in who.values() for miner in steps[number]))
        if found and found[-1].ends_at == start and found[-1].miners == miners and miners:
            found[-1] = Span(found[-1].starts_at, start + step, miners, off)
        elif miners:
            found.append(Span(start, start + step, miners, off))
    return found


def _who(one: ScheduleClass, off: Sequence[int]) -> list[frozenset[int]]:
    free = one.miners[: one.machines - one.protected]
    return who_is_off(free, off, begins_on=one.starts_on)


@transaction.atomic
def apply_run(run: ScheduleRun, *, at: datetime, by: Any = None, approves: bool = False) -> Applied:
    """Make plans of a schedule; those of an older one of the day give way. ``approves``: ``by`` stands behind each.

    Raises ScheduleNotApplied, MoveRefused.
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
    return [replace(span, starts_at=begin, ends_at=end, miners=miners) for begin, end, miners in parts]


def _apply_span(run: ScheduleRun, span: Span, done: Applied, *, at: datetime, by: Any) -> None:
    begin = max(span.starts_at, at)
    try:
        plan = want(_demand(run, span, begin, at=at), at=at)
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
    within = run.entries.filter(starts_at__gte=span.starts_at, starts_at__lt=span.ends_at, place__in=list(span.off))
    within.update(plan=plan)


def _demand(run: ScheduleRun, span: Span, begin: datetime, *, at: datetime) -> Demand:
    """All machines of the span, with what they draw now: their order says nothing."""
    assert run.site is not None
    wish = Wish(run.site, Goal.REDUCE_BY, Decimal(1), Selection.EFFICIENCY, begin, span.ends_at, only=span.miners)
    chosen = set(span.miners)
    draw_w = sum(one.draw_w for one in candidates_of(wish, at=at)[0] if one.key in chosen)
    return Demand(
        key=key_of(run, span.starts_at), site=run.site, cause=Cause.SCHEDULE, reason=_reason(run, span),
        goal=Goal.REDUCE_BY, goal_kw=Decimal(draw_w) / THOUSAND, selection=Selection.EFFICIENCY, starts_at=begin,
        ends_at=span.ends_at, priority=PRIORITY, miners=span.miners, rule_name=str(run),
        inputs={
            "schedule": str(run.public_id), "label": str(run.label),
            "off": {str(place): count for place, count in span.off.items()},
        },
    )  # fmt: skip


def _reason(run: ScheduleRun, span: Span) -> str:
    """In words that clients read: no figure of what we pay."""
    said = {"day": run.target_date.isoformat(), "start": _clock(run, span.starts_at), "end": _clock(run, span.ends_at)}
    if run.label == AnswerLabel.SAFE_STATE:
        return _("%(day)s, %(start)s to %(end)s: prices are not known; this is what the terms say for that.") % said
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
        watts = dict(run.classes.values_list("place", "power_w"))
        for span in spans_of(run):
            if span.ends_at > at:
                at_meter = sum(count * watts[place] for place, count in span.off.items())
                kw = Decimal(at_meter) / THOUSAND / site.pue
                found.append(Ahead(span.starts_at, span.ends_at, kw.quantize(WATT), _reason(run, span)))
    return found

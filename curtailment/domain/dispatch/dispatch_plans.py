"""From a dispatch to plans: whatever of its time no plan covers gets one, whatever is not wanted any more ends.

Plans that were approved are not changed but for an earlier end. So a later end makes a plan that follows, an earlier
start one that goes before, another amount one beside it; the one of before ends as soon as the new one is approved.
What people did with a plan of a dispatch (they ended or cancelled it) holds: it counts as covered.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from django.utils.translation import gettext as _

from curtailment.domain.beside import lock_fleet
from curtailment.domain.demands import Demand, DemandRefused, want, want_no_more
from curtailment.domain.planning import PlanRefused, Wish, preview
from curtailment.domain.plans import LONGEST, change_plan, shorten_plan
from curtailment.domain.settings import ramps_of
from curtailment.enums import RUNNING, WANTED_STATES, Cause, DispatchState, Goal, PlanStatus, RuleDecision
from curtailment.models import CurtailmentPlan, Dispatch, RuleExecution
from hosting.enums import StalePolicy

SLACK = timedelta(seconds=1)
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
OPEN = (PlanStatus.PENDING, PlanStatus.APPROVED, *RUNNING)
Span = tuple[datetime, datetime]


def begin_of(row: Dispatch, *, at: datetime) -> datetime:
    """When machines must begin to go off, so that all are off when the programme's time to get there is over."""
    kw = row.kw
    if row.goal == Goal.REDUCE_TO:
        wish = Wish(row.site, row.goal, row.kw, row.programme.selection, row.starts_at, row.ends_at)
        try:
            kw = preview(wish, at=at).target_kw
        except PlanRefused:
            kw = Decimal(0)
    needed = timedelta(minutes=float(kw * 1000 / ramps_of(row.site).down_w))
    lead = max(timedelta(0), needed - timedelta(seconds=row.programme.ramp_seconds))
    return max(row.starts_at - lead, min(at, row.starts_at))


def reconcile(row: Dispatch, *, at: datetime) -> int:
    """Make plans say what the dispatch says; returns how many were made, changed or ended. Safe to run again."""
    plans = list(CurtailmentPlan.objects.filter(source_key__startswith=row.key).order_by("pk"))
    if row.state not in WANTED_STATES or row.begins_at is None:
        return sum(_end(plan, at, _why_over(row)) for plan in plans if plan.status in OPEN)
    lock_fleet()  # before any of its plans is locked: whoever approves one at this moment has it already
    fitting = [plan for plan in plans if _fits(plan, row, at)]
    changed = sum(_cut(plan, row, at) for plan in fitting if plan.status in OPEN)
    made, failed = _fill(row, plans, fitting, at)
    _note(row, failed)
    if not failed:
        changed += _end_others(row, plans, [*fitting, *made], at)
    return changed + len(made)


def _fits(plan: CurtailmentPlan, row: Dispatch, at: datetime) -> bool:
    """Whether a plan wants what the dispatch wants, and not before it does."""
    if (plan.goal, plan.goal_kw, plan.stale_since) != (row.goal, row.kw, row.stale_since) or row.begins_at is None:
        return False
    if plan.status == PlanStatus.PENDING and row.ends_at is not None and row.ends_at - plan.starts_at > LONGEST:
        return False  # it has waited so long that it would be longer than a plan may be: another takes its place
    return row.begins_at <= at or plan.starts_at >= row.begins_at - SLACK


def _cut(plan: CurtailmentPlan, row: Dispatch, at: datetime) -> int:
    """A fitting plan that lasts longer than the dispatch ends with it."""
    if row.ends_at is None or (plan.ends_at is not None and plan.ends_at <= row.ends_at):
        return 0
    if row.ends_at <= max(at, plan.starts_at):
        return _end(plan, at, _why_over(row))
    if plan.status == PlanStatus.PENDING:
        change_plan(plan, changes={"ends_at": row.ends_at, "is_open_ended": False}, by=None, at=at)
    else:
        shorten_plan(plan, ends_at=row.ends_at, by=None, at=at)
    plan.refresh_from_db()
    return 1


def _fill(
    row: Dispatch, plans: Sequence[CurtailmentPlan], fitting: Sequence[CurtailmentPlan], at: datetime
) -> tuple[list[CurtailmentPlan], bool]:
    """A plan for each part of its time that has none; also whether one could not be made."""
    made: list[CurtailmentPlan] = []
    failed = False
    begins = max(row.begins_at or row.starts_at, at)
    keys = _free_keys(row, plans)
    for start, end in gaps((begins, row.ends_at or FOREVER), _spans(fitting)):
        last = None if end == FOREVER else min(end, start + LONGEST)  # what is left of it follows when it is nearer
        try:
            made.append(want(_demand(row, next(keys), start, last), at=at))
        except DemandRefused:
            failed = True  # what can be planned of the rest is
    for plan in fitting:
        if plan.status == PlanStatus.PENDING and plan.ends_at != plan.starts_at:
            _ask_again(row, plan, at)
    return made, failed


def _free_keys(row: Dispatch, plans: Sequence[CurtailmentPlan]) -> Iterator[str]:
    """Keys of this revision that no plan has: a gap that is filled later is not taken for one that was filled."""
    taken = {plan.source_key for plan in plans}
    names = (f"{row.key}{row.revision}" + (f".{number}" if number else "") for number in count())
    return (name for name in names if name not in taken)


def _ask_again(row: Dispatch, plan: CurtailmentPlan, at: datetime) -> None:
    """A standing approval may have been signed since."""
    try:
        want(_demand(row, plan.source_key, plan.starts_at, plan.ends_at), at=at)
    except DemandRefused:
        return
    plan.refresh_from_db()


def _demand(row: Dispatch, key: str, start: datetime, end: datetime | None) -> Demand:
    stale = row.stale_since is not None
    return Demand(
        key=key, site=row.site, cause=Cause.DISPATCH, reason=reason_of(row), goal=str(row.goal), goal_kw=row.kw,
        selection=str(row.programme.selection), starts_at=start, ends_at=end, priority=row.programme.priority,
        safe_states=(str(StalePolicy.HOLD), str(StalePolicy.CURTAIL)) if stale else (), stale_since=row.stale_since,
        rule_name=row.programme.name,
        inputs={
            "reference": row.reference, "revision": row.revision, "source": str(row.source), "kw": str(row.kw),
            "goal": str(row.goal), "starts_at": row.starts_at.isoformat(),
            "ends_at": row.ends_at.isoformat() if row.ends_at else None, "is_test": row.is_test,
            "marks": list(row.marks), "beside": [str(one) for one in beside(row)],
        },
    )  # fmt: skip


def reason_of(row: Dispatch) -> str:
    """In words; clients read it."""
    words = {"programme": row.programme, "reference": row.reference}
    text = _("Called by %(programme)s (%(reference)s)") % words
    return (f"{text}: {row.reason}" if row.reason else text)[:300]


def beside(row: Dispatch) -> Iterable[Dispatch]:
    """Other dispatches at the site that overlap with it, the most important first."""
    rows = Dispatch.objects.filter(site=row.site, state__in=WANTED_STATES).exclude(pk=row.pk)
    rows = rows.select_related("programme").order_by("programme__priority", "pk")
    ends = row.ends_at or FOREVER
    return [one for one in rows if one.starts_at < ends and row.starts_at < (one.ends_at or FOREVER)]


def _end_others(row: Dispatch, plans: Sequence[CurtailmentPlan], good: Sequence[CurtailmentPlan], at: datetime) -> int:
    """Plans of before end when nothing is wanted yet, or what is wanted is approved; one nobody approved always."""
    wanted_now = row.begins_at is not None and row.begins_at <= at
    settled = not any(plan.status == PlanStatus.PENDING for plan in good)
    kept = {plan.pk for plan in good}
    others = [plan for plan in plans if plan.pk not in kept and plan.status in OPEN]
    ending = [plan for plan in others if settled or not wanted_now or plan.status == PlanStatus.PENDING]
    return sum(_end(plan, at, _("The dispatch was changed.")) for plan in ending)


def _end(plan: CurtailmentPlan, at: datetime, reason: str) -> int:
    want_no_more(plan.source_key, at=at, reason=reason)
    return 1


def _why_over(row: Dispatch) -> str:
    return _("The dispatch was cancelled.") if row.state == DispatchState.CANCELLED else _("The dispatch is over.")


def _note(row: Dispatch, failed: bool) -> None:
    """That no plan could be made stands at the dispatch until one could."""
    code = "cannot_be_planned" if failed else ""
    if row.code != code:
        row.code = code
        row.save(update_fields=["code"])


def _spans(plans: Sequence[CurtailmentPlan]) -> list[Span]:
    """What plans cover: all of their time, but one that we ended ourselves only until then."""
    keys = [plan.source_key for plan in plans]
    ours = RuleExecution.objects.filter(source_key__in=keys, decision=RuleDecision.ENDED)
    by_us = set(ours.values_list("source_key", flat=True))
    return [
        (plan.starts_at, plan.ended_at if plan.source_key in by_us and plan.ended_at else plan.ends_at or FOREVER)
        for plan in plans
    ]


def gaps(whole: Span, covered: Iterable[Span]) -> list[Span]:
    """Parts of a span that no other covers; what is shorter than a second is none."""
    found: list[Span] = []
    moment, end = whole
    for begins, ends in sorted(covered):
        if begins > moment + SLACK and moment < end:
            found.append((moment, min(begins, end)))
        moment = max(moment, ends)
    if moment + SLACK < end:
        found.append((moment, end))
    return found

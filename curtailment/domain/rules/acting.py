"""What every rule does once it knows what it wants: plans made and ended, the safe state held, and all of it kept.

``Book`` is a rule's memory. It is read and written under the lock of the rule, in the transaction of the plans.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from curtailment.domain.demands import Demand, DemandRefused, keep_execution, want, want_no_more
from curtailment.domain.planning import Wish, candidates_of
from curtailment.domain.safe_states import Safe, stale_terms
from curtailment.enums import RUNNING, Cause, Doubt, Goal, MachineResult, PlanStatus, RuleDecision, RuleKind, Selection
from curtailment.models import CurtailmentPlan, CurtailmentPlanMiner
from curtailment.models.acting import ActingRule
from hosting.enums import MinerIntent, StalePolicy
from hosting.models import Miner

CAUSES = {RuleKind.STRIKE: Cause.PRICE, RuleKind.PEAK: Cause.PEAK}
IS_OFF = (MachineResult.ORDERED, MachineResult.OFF, MachineResult.LOWERED)


@dataclass(frozen=True)
class Wanted:
    """What a rule wants now. ``begin`` tells this time from others; ``only``: all that these draw, not its goal."""

    begin: datetime
    ends_at: datetime
    reason: str
    inputs: Mapping[str, Any]
    only: tuple[int, ...] = ()


@dataclass
class Book:
    """Keys of the plans it wants now by name, what it doubts and since when, and what its kind keeps beside that."""

    plans: dict[str, str] = field(default_factory=dict)
    doubt: str = ""
    doubt_text: str = ""
    doubt_since: datetime | None = None
    stale_key: str = ""
    rest: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, state: Mapping[str, Any]) -> "Book":
        """From the column of the rule."""
        return cls(
            dict(state.get("plans", {})), state.get("doubt", ""), state.get("doubt_text", ""),
            moment_of(state.get("doubt_since")), state.get("stale_key", ""), dict(state.get("rest", {})),
        )  # fmt: skip

    def written(self) -> dict[str, Any]:
        """For the column."""
        return {
            "plans": self.plans, "doubt": self.doubt, "doubt_text": self.doubt_text,
            "doubt_since": text_of(self.doubt_since), "stale_key": self.stale_key, "rest": self.rest,
        }  # fmt: skip


def moment_of(text: str | None) -> datetime | None:
    """As it was written."""
    return datetime.fromisoformat(text) if text else None


def text_of(moment: datetime | None) -> str | None:
    """ISO, with its zone."""
    return moment.isoformat() if moment else None


class Acting:
    """One rule at one moment."""

    def __init__(self, rule: ActingRule, kind: RuleKind, book: Book, at: datetime) -> None:
        self.rule, self.kind, self.book, self.at = rule, kind, book, at

    def key(self, *parts: str) -> str:
        """Of a demand of this rule."""
        return ":".join((self.kind.value, str(self.rule.public_id), *filter(None, parts)))

    # --- data are good ----------------------------------------------------------------------------------------------
    def trust(self, inputs: Mapping[str, Any], *, wake: Callable[[str], bool]) -> None:
        """Data are good: the safe state ends. ``wake``: whether what it had let go may be switched off again."""
        book = self.book
        if book.doubt:
            self._keep(RuleDecision.TRUSTED, _("The data are good again."), inputs)
        if book.stale_key:
            self._end(book.stale_key, _("The data are good again."), inputs)
        book.doubt, book.doubt_text, book.doubt_since, book.stale_key = "", "", None, ""
        for name, key in book.plans.items():
            if wake(name):
                held = CurtailmentPlanMiner.objects.filter(
                    plan__source_key=key, plan__status__in=(*RUNNING, "approved")
                )
                held.exclude(wanted_until=None).update(wanted_until=None)

    def act(self, wanted: Mapping[str, Wanted], *, over: str, inputs: Mapping[str, Any]) -> None:
        """Plans for what is wanted; those of what is not wanted any more end, for the reason ``over``."""
        keys = {name: self.key(one.begin.isoformat(), name) for name, one in wanted.items() if one.ends_at > self.at}
        for name, key in list(self.book.plans.items()):
            if keys.get(name) != key:
                self._end(key, over, inputs)
                del self.book.plans[name]
        for name, key in keys.items():
            self._want(key, wanted[name])
            self.book.plans[name] = key

    def _want(self, key: str, one: Wanted) -> None:
        status = CurtailmentPlan.objects.filter(source_key=key).values_list("status", flat=True).first()
        if status is not None and status != PlanStatus.PENDING:
            return
        goal, kw, selection = self.rule.goal, self.rule.goal_kw, self.rule.selection
        if one.only:
            goal, selection = Goal.REDUCE_BY, Selection.MARGIN
            kw = kw_of(self.rule, one.only, ends_at=one.ends_at, at=self.at)
            if kw <= 0:
                return
        self._demand(key, goal=goal, kw=kw, selection=selection, ends_at=one.ends_at, reason=one.reason,
                     inputs=one.inputs, miners=one.only)  # fmt: skip

    def _demand(
        self, key: str, *, goal: str, kw: Decimal | None, selection: str, ends_at: datetime, reason: str,
        inputs: Mapping[str, Any], **more: Any,
    ) -> None:  # fmt: skip
        rule = self.rule
        asked = Demand(
            key=key, site=rule.site, cause=CAUSES[self.kind], reason=reason, goal=goal, goal_kw=kw or Decimal(0),
            selection=selection, starts_at=self.at, ends_at=ends_at, priority=rule.priority, inputs=inputs,
            rule_name=rule.name, own_state=rule.own_safe_state, own_minutes=rule.own_safe_minutes, **more,
        )  # fmt: skip
        try:
            want(asked, at=self.at)
        except DemandRefused:
            return  # kept as an execution; asked again with the next look

    def stop(self, reason: str) -> None:
        """It wants nothing any more."""
        for key in (*self.book.plans.values(), *filter(None, [self.book.stale_key])):
            self._end(key, reason, {})
        self.book.plans, self.book.stale_key = {}, ""
        self.book.doubt, self.book.doubt_text, self.book.doubt_since = "", "", None

    def _end(self, key: str, reason: str, inputs: Mapping[str, Any]) -> None:
        want_no_more(key, at=self.at, reason=reason, inputs=inputs, rule_name=self.rule.name)

    def _keep(self, decision: RuleDecision, outcome: str, inputs: Mapping[str, Any]) -> None:
        plan = CurtailmentPlan.objects.filter(source_key__in=self.book.plans.values()).order_by("pk").last()
        keep_execution(
            self.key(), site=self.rule.site, plan=plan, decision=decision, inputs=inputs, outcome=outcome, at=self.at,
            rule_name=self.rule.name,
        )  # fmt: skip

    # --- data are not good ------------------------------------------------------------------------------------------
    def hold(self, doubt: Doubt, text: str, *, since: datetime, inputs: Mapping[str, Any]) -> None:
        """The last safe state, machine by machine as its terms say, for as long as they say. Nothing new goes off,
        but for machines whose terms want them off while nobody knows."""
        book = self.book
        if not book.doubt_since:
            book.doubt_since = since
        if book.doubt != doubt:
            self._keep(RuleDecision.HELD, f"{doubt.label}: {text}", inputs)
        book.doubt, book.doubt_text = str(doubt), text
        terms = self._terms(book.doubt_since)
        for key in book.plans.values():
            plan = CurtailmentPlan.objects.filter(source_key=key).first()
            if plan is not None and plan.status in (PlanStatus.APPROVED, *RUNNING):
                hold_machines(plan, terms, since=book.doubt_since, at=self.at)
        self._curtail_safely(terms, book.doubt_since)

    def _terms(self, since: datetime) -> dict[int, tuple[str, int]]:
        rule = self.rule
        safe = Safe((), since, rule.own_safe_state, rule.own_safe_minutes)
        today = self.at.astimezone(ZoneInfo(rule.site.time_zone)).date()
        rows = Miner.objects.filter(site=rule.site).exclude(intent=MinerIntent.RETIRED)
        return stale_terms(rule.site, rows, safe, on=today)

    def _curtail_safely(self, terms: Mapping[int, tuple[str, int]], since: datetime) -> None:
        """One plan for the machines whose safe state is to be off."""
        until = {
            pk: since + timedelta(minutes=minutes) for pk, (state, minutes) in terms.items()
            if state == StalePolicy.CURTAIL
        }  # fmt: skip
        ids = tuple(sorted(pk for pk, moment in until.items() if moment > self.at))
        key = self.key("stale", since.isoformat())
        if not ids or CurtailmentPlan.objects.filter(source_key=key).exclude(status=PlanStatus.PENDING).exists():
            return
        ends_at = max(until[pk] for pk in ids)
        kw = kw_of(self.rule, ids, ends_at=ends_at, at=self.at)
        if kw <= 0:
            return
        self.book.stale_key = key
        self._demand(
            key, goal=Goal.REDUCE_BY, kw=kw, selection=self.rule.selection, ends_at=ends_at,
            reason=_("While data are not to be trusted, the terms of these machines want them off."),
            inputs={"doubt": self.book.doubt, "since": since.isoformat()}, miners=ids,
            safe_states=(str(StalePolicy.CURTAIL),), stale_since=since,
        )  # fmt: skip


def kw_of(rule: ActingRule, ids: tuple[int, ...], *, ends_at: datetime, at: datetime) -> Decimal:
    """What those of the machines draw that may be switched off now."""
    wish = Wish(rule.site, Goal.REDUCE_BY, Decimal(1), rule.selection, at, ends_at, only=ids)
    return Decimal(sum(one.draw_w for one in candidates_of(wish, at=at).candidates)) / 1000


def hold_machines(
    plan: CurtailmentPlan, terms: Mapping[int, tuple[str, int]], *, since: datetime, at: datetime
) -> None:
    """Who is off stays off until the time of its terms is over; who is not off, or is to run, is let go now."""
    rows = plan.miners.filter(wanted_until=None)
    stay: dict[datetime, list[int]] = {}
    go = []
    for pk, miner_id, result in rows.values_list("pk", "miner_id", "result"):
        state, minutes = terms.get(miner_id, (StalePolicy.RUN, 0))
        if state == StalePolicy.RUN or result not in IS_OFF:
            go.append(pk)
        else:
            stay.setdefault(since + timedelta(minutes=minutes), []).append(pk)
    for until, ids in stay.items():
        plan.miners.filter(pk__in=ids).update(wanted_until=until)
    plan.miners.filter(pk__in=go).update(wanted_until=at)


def doubt_of_age(rule: Any, known_to: datetime | None, *, at: datetime) -> tuple[Doubt, str, datetime] | None:
    """Of a rule whose series has no value (``known_to`` None; a new rule is given time) or no new one; since when."""
    limit = timedelta(minutes=rule.stale_after_minutes)
    if known_to is None:
        since = rule.created_at + limit
        return None if at <= since else (Doubt.MISSING, _("The series has no value yet."), since)
    text = _("The newest interval ended at %(end)s UTC.") % {"end": f"{known_to:%Y-%m-%d %H:%M}"}
    return Doubt.STALE, text, known_to + limit

"""What rules, programmes and schedules ask for: one plan for each demand, however often and from wherever it is asked.

A demand is known by its key; the plan of that key is made once. Where a standing approval covers it the plan is
approved at once, else it waits and an alert goes out. What people do with the plan afterwards (cancel or end it) holds:
the same key does not make another one. Every decision that changed something, or was refused, is a ``RuleExecution``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm.domain.texts import printable
from curtailment.domain.planning import PlanRefused
from curtailment.domain.plans import approve_by_standing, create_plan, end_plan
from curtailment.enums import RUNNING, PlanStatus, RuleDecision, RuleKind
from curtailment.models import CurtailmentPlan, RuleExecution
from hashinsight.common.errors import DomainError
from hosting.enums import StalePolicy
from hosting.models import Site

OPEN = (PlanStatus.PENDING, PlanStatus.APPROVED, *RUNNING)


class DemandRefused(DomainError):
    """No plan can be made of the demand; the message says why."""

    code = "demand_refused"


@dataclass(frozen=True)
class Demand:
    """So much is to be off at a site for a time, and why.

    ``key`` is ``strike:<rule>:<start>``, ``dispatch:<id>:<revision>``, ``schedule:<id>:<start>`` …: kind, id, which.
    ``priority``: the smaller, the more important. ``safe_states``: only machines whose safe state (by the terms of
    their owner, or ``own_state`` for ours) is one of these. ``stale_since``: each of them for as many minutes after it
    as its terms (or ``own_minutes``) allow. ``miners``: only these; ``limits``: those of them that are not switched off
    but brought down to so many watts. ``inputs``: what the decision was made on.
    """

    key: str
    site: Site
    cause: str
    reason: str
    goal: str
    goal_kw: Decimal
    selection: str
    starts_at: datetime
    ends_at: datetime | None
    priority: int = 100
    safe_states: tuple[str, ...] = ()
    stale_since: datetime | None = None
    miners: tuple[int, ...] = ()
    limits: Mapping[int, int] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    rule_name: str = ""
    own_state: str = StalePolicy.HOLD
    own_minutes: int = 60


def want(demand: Demand, *, at: datetime) -> CurtailmentPlan:
    """The plan of a demand: made now, or the one that its key has already. Raises DemandRefused, which is kept as well.

    Called outside of a transaction the refusal is kept; inside of one it is kept when that one is committed.
    """
    with transaction.atomic():
        lock_key(demand.key)
        plan = CurtailmentPlan.objects.filter(source_key=demand.key).first()
        refusal = ""
        try:
            with transaction.atomic():
                made = plan or _create(demand, at=at)
                return _approve(made, demand, is_new=plan is None, at=at)
        except (DomainError, ValidationError) as error:
            refusal = " ".join(getattr(error, "messages", None) or [str(error)])
            _keep_refusal(demand, refusal, at=at)
    raise DemandRefused(refusal)


def want_no_more(
    key: str, *, at: datetime, reason: str, inputs: Mapping[str, Any] | None = None, rule_name: str = ""
) -> CurtailmentPlan | None:
    """End or cancel the plan of a demand; None when there is none. What has ended already stays as it is."""
    with transaction.atomic():
        lock_key(key)
        plan = CurtailmentPlan.objects.filter(source_key=key).select_related("site").first()
        if plan is None or plan.status not in OPEN:
            return plan
        ended = end_plan(plan, by=None, at=at, reason=reason)
        keep_execution(
            key, site=plan.site, plan=ended, decision=RuleDecision.ENDED, inputs=inputs or {}, outcome=reason, at=at,
            rule_name=rule_name,
        )  # fmt: skip
        return ended


def lock_key(key: str) -> None:
    """Whoever asks for the same at the same time waits for whoever came first. For the rest of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"curtailment demand:{key}"])


def keep_execution(
    key: str, *, site: Site, plan: CurtailmentPlan | None, decision: str, inputs: Mapping[str, Any], outcome: str,
    at: datetime, rule_name: str = "",
) -> RuleExecution:  # fmt: skip
    """One row for one decision."""
    kind, rule_id = kind_and_id(key)
    return RuleExecution.objects.create(
        kind=kind, rule_id=rule_id, rule_name=rule_name[:120], source_key=key, site=site, plan=plan, decision=decision,
        inputs=dict(inputs), outcome=printable(outcome)[:300], at=at,
    )  # fmt: skip


def kind_and_id(key: str) -> tuple[str, str]:
    """What kind of rule a key is of, and its id. Raises ValueError for a key of another form."""
    kind, rule_id, *_rest = (*key.split(":", 2), "", "")
    if kind not in RuleKind.values or not rule_id:
        raise ValueError(f"{key} is no key of a demand")
    return kind, rule_id[:64]


def _create(demand: Demand, *, at: datetime) -> CurtailmentPlan:
    kind_and_id(demand.key)
    return create_plan(
        site=demand.site, by=None, at=at, source_key=demand.key, cause=demand.cause, reason=demand.reason,
        goal=demand.goal, goal_kw=demand.goal_kw, selection=demand.selection, starts_at=demand.starts_at,
        ends_at=demand.ends_at, is_open_ended=demand.ends_at is None, priority=demand.priority,
        safe_states=list(demand.safe_states), stale_since=demand.stale_since, only_miners=list(demand.miners),
        only_limits_w=[demand.limits.get(pk, 0) for pk in demand.miners] if demand.limits else [],
        own_safe_state=demand.own_state, own_safe_minutes=demand.own_minutes,
    )  # fmt: skip


def _approve(plan: CurtailmentPlan, demand: Demand, *, is_new: bool, at: datetime) -> CurtailmentPlan:
    """By a standing approval where one covers it; a plan that waits is tried again with each call."""
    if plan.status != PlanStatus.PENDING or (plan.ends_at is not None and plan.ends_at <= at):
        return plan
    why = _("No standing approval covers it: it waits for people.")
    try:
        with transaction.atomic():
            approved = approve_by_standing(plan, at=at)
    except PlanRefused as refusal:
        approved, why = None, str(refusal)
    if approved is not None:
        outcome = _("Approved by standing approval: %(approval)s") % {"approval": approved.standing_approval}
        _keep(demand, approved, RuleDecision.WANTED if is_new else RuleDecision.APPROVED, outcome, at)
        return approved
    if is_new:
        _keep(demand, plan, RuleDecision.WANTED, why, at)
    return plan


def _keep(demand: Demand, plan: CurtailmentPlan | None, decision: str, outcome: str, at: datetime) -> None:
    keep_execution(
        demand.key, site=demand.site, plan=plan, decision=decision, inputs=demand.inputs, outcome=outcome, at=at,
        rule_name=demand.rule_name,
    )  # fmt: skip


def _keep_refusal(demand: Demand, refusal: str, *, at: datetime) -> None:
    """Once for each reason: a rule asks every minute."""
    last = RuleExecution.objects.filter(source_key=demand.key).order_by("-id").first()
    if last is None or (last.decision, last.outcome) != (RuleDecision.REFUSED, printable(refusal)[:300]):
        _keep(demand, None, RuleDecision.REFUSED, refusal, at)

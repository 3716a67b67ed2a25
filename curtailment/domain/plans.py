"""The life of a plan up to the moment the control takes it, and its end by hand.

One person may approve what takes little; above a share of the site's or the fleet's power two people stand behind a
plan (whoever made it counts), or two have signed a standing approval beforehand. In an emergency one person acts
alone, to switch off or on: with a reason, an alarm, and a review the next day.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from crm.domain.texts import printable
from curtailment.domain import alarms
from curtailment.domain.behind import people_behind
from curtailment.domain.beside import kept_of, lock_fleet, off_beside
from curtailment.domain.doubts import lock_rule, refuse_doubtful
from curtailment.domain.emergencies import emergency_wish, same_emergency
from curtailment.domain.planning import PlanRefused, Preview, Wish, day_of, preview
from curtailment.domain.safe_states import LAST, Safe, safe_until
from curtailment.domain.standing import standing_for
from curtailment.enums import PLAN_MOVES, RUNNING, UNFINISHED, Cause, PlanKind, PlanStatus
from curtailment.models import CurtailmentPlan, CurtailmentPlanMiner, PlanApproval, SiteRestore, StandingApproval
from hashinsight.common.audit import audit_context
from hashinsight.common.transitions import lock_for_move, lock_row
from hashinsight.events.domain import publish
from hosting.domain.places import PlaceRefused
from hosting.enums import PlaceStatus
from hosting.models import Miner, Site

EDITED = ("cause", "reason", "goal", "goal_kw", "selection", "starts_at", "ends_at", "is_open_ended")
LONGEST = timedelta(days=31)
BATCH = 2_000
RESTORED = (PlanStatus.APPROVED, *RUNNING)  # what ends when a site is switched on again


def wish_of(plan: CurtailmentPlan) -> Wish:
    """Its figures, for the dry run."""
    kept = kept_of(plan)
    return Wish(
        plan.site, plan.goal, plan.goal_kw, plan.selection, plan.starts_at, plan.ends_at,
        is_emergency=plan.is_emergency, only=tuple(plan.only_miners), safe=_safe_of(plan), keep_kw=kept,
        off_beside=off_beside(plan) if kept else None, alone=off_beside(plan, of_one=True),
        limits={pk: watts for pk, watts in zip(plan.only_miners, plan.only_limits_w, strict=False) if watts > 0},
    )  # fmt: skip


def _safe_of(plan: CurtailmentPlan) -> Safe | None:
    if not plan.safe_states and plan.stale_since is None:
        return None
    return Safe(tuple(plan.safe_states), plan.stale_since, plan.own_safe_state, plan.own_safe_minutes)


@transaction.atomic
def create_plan(
    *, site: Site, by: Any, at: datetime, source_key: str = "", kind: str | None = None, **fields: Any
) -> CurtailmentPlan:
    """A plan that waits for approval. ``by`` None: a rule made it. Raises ValidationError, PlanRefused."""
    lock_fleet()
    if lock_row(site).status != PlaceStatus.ACTIVE:
        raise PlaceRefused(_("%(place)s is archived.") % {"place": site})
    later = fields["starts_at"] > at + timedelta(minutes=1)
    standard = PlanKind.AUTOMATIC if by is None else PlanKind.SCHEDULED if later else PlanKind.MANUAL
    plan = CurtailmentPlan(
        number=int(CurtailmentPlan.objects.aggregate(last=Max("number"))["last"] or 0) + 1, site=site, created_by=by,
        created_at=at, status_since=at, source_key=source_key, kind=kind or standard, **fields,
    )  # fmt: skip
    plan.reason = printable(plan.reason)[:300]
    plan.full_clean()
    _check_times(plan, at)
    plan.save()
    _publish(plan, "curtailment.planned", by)
    return plan


def _check_times(plan: CurtailmentPlan, at: datetime) -> None:
    if plan.ends_at is not None and plan.ends_at <= at:
        raise PlanRefused(_("It would be over already."))
    if plan.ends_at is not None and plan.ends_at - plan.starts_at > LONGEST:
        raise PlanRefused(_("A plan lasts %(days)s days at most.") % {"days": LONGEST.days})


@transaction.atomic
def change_plan(plan: CurtailmentPlan, *, changes: Mapping[str, Any], by: Any, at: datetime) -> CurtailmentPlan:
    """Edit a plan that waits: whoever has approved it has to look again. Raises PlanRefused, ValidationError."""
    locked = lock_row(plan)
    if locked.status != PlanStatus.PENDING:
        raise PlanRefused(_("Only a plan that waits for approval is edited."))
    for name, value in changes.items():
        if name not in EDITED:
            raise ValueError(f"{name} is not edited")
        setattr(locked, name, value)
    maker = getattr(by, "pk", None)
    written = set(changes)
    if changes and maker is not None and locked.created_by_id not in (None, maker):
        locked.created_by = by  # whoever made it before does not stand behind what somebody else made of it
        written.add("created_by")
    locked.full_clean()
    _check_times(locked, at)
    if changes:
        locked.save(update_fields=sorted(written))
        locked.approvals.filter(withdrawn_at__isnull=True).update(withdrawn_at=at)
    return locked.reload()


@transaction.atomic
def approve_plan(plan: CurtailmentPlan, *, by: Any, at: datetime) -> CurtailmentPlan:
    """One person approves; the plan is approved when enough have. Raises MoveRefused, PlanRefused."""
    rule = lock_rule(plan)
    lock_fleet()  # another plan that is approved at this moment adds to the share
    locked = lock_for_move(plan, field="status", to=PlanStatus.APPROVED, moves=PLAN_MOVES)
    _check_times(locked, at)
    refuse_doubtful(locked, rule, at=at)
    seen = preview(wish_of(locked), at=at)
    if not seen.chosen.order:
        raise PlanRefused(_("There is no machine that could be switched off."))
    if locked.approvals.filter(by=by, withdrawn_at__isnull=True).exists():
        raise PlanRefused(_("You have approved it already."))
    PlanApproval.objects.create(plan=locked, by=by, at=at, target_kw=seen.target_kw, created_at=at)
    if seen.needs_two and len(people_behind([locked])[locked.pk]) < 2:
        _publish(locked, "curtailment.first_approval", by)
        return locked.reload()
    _settle(locked, seen, at=at, by=by)
    return locked.reload()


@transaction.atomic
def approve_by_standing(plan: CurtailmentPlan, *, at: datetime) -> CurtailmentPlan | None:
    """A rule's plan, where a standing approval covers it; None (it waits for people) where none does."""
    lock_fleet()
    locked = lock_for_move(plan, field="status", to=PlanStatus.APPROVED, moves=PLAN_MOVES)
    seen = preview(wish_of(locked), at=at)
    found = standing_for(locked, kw=seen.off_kw)
    if found is None or not seen.chosen.order:
        return None
    locked.standing_approval = found
    _settle(locked, seen, at=at, by=None)
    return locked.reload()


def _settle(plan: CurtailmentPlan, seen: Preview, *, at: datetime, by: Any) -> None:
    """Approved: the figures and the machines are those that were approved."""
    plan.target_kw, plan.base_kw = seen.target_kw, seen.base_kw
    plan.share_percent, plan.needs_two = seen.share_percent, seen.needs_two
    plan.status, plan.status_since, plan.approved_at = PlanStatus.APPROVED, at, at
    plan.save(
        update_fields=[
            "target_kw", "base_kw", "share_percent", "needs_two", "status", "status_since", "approved_at",
            "standing_approval",
        ]
    )  # fmt: skip
    until = _wanted_until(seen)
    CurtailmentPlanMiner.objects.bulk_create(
        [
            CurtailmentPlanMiner(
                plan=plan, miner_id=one.key, customer_id=one.customer, shutdown_order=place, draw_w=one.draw_w,
                hashrate_ths=Decimal(str(round(one.hashrate_ths, 3))), wanted_until=until.get(one.key),
                limit_w=one.limit_w or None, stood=place > len(seen.chosen.order),
            )
            for place, one in enumerate((*seen.chosen.order, *seen.still), start=1)
        ],
        batch_size=BATCH,
    )  # fmt: skip
    _publish(plan, "curtailment.approved", by)


def _wanted_until(seen: Preview) -> dict[int, datetime]:
    """While data are stale each machine is kept off for as long as its terms allow, whatever the plan's end."""
    if seen.wish.safe is None:
        return {}
    rows = Miner.objects.filter(pk__in=[one.key for one in (*seen.chosen.order, *seen.still)])
    until = safe_until(seen.wish.site, rows, seen.wish.safe, on=day_of(seen.wish))
    return {pk: moment for pk, moment in until.items() if moment < LAST}


def stands_behind(plan: CurtailmentPlan, user: Any) -> bool:
    """Whether it was approved on the word of this person as well, given by making it."""
    settled = plan.status in (PlanStatus.APPROVED, *RUNNING)
    return bool(settled and plan.needs_two and plan.created_by_id is not None and plan.created_by_id == user.pk)


@transaction.atomic
def withdraw_approval(plan: CurtailmentPlan, *, by: Any, at: datetime, reason: str) -> CurtailmentPlan:
    """Who stands behind it takes that back: a plan that has not begun is cancelled, one that runs ends now.

    That is whoever approved it, and whoever made a plan that needed two: the maker counted as one of them. Raises
    PlanRefused for everybody else.
    """
    locked = lock_row(plan)
    withdrawn = locked.approvals.filter(by=by, withdrawn_at__isnull=True).update(withdrawn_at=at)
    if not withdrawn and not stands_behind(locked, by):
        raise PlanRefused(_("You have not approved it."))
    return locked if locked.status == PlanStatus.PENDING else end_plan(locked, by=by, at=at, reason=reason)


@transaction.atomic
def end_plan(plan: CurtailmentPlan, *, by: Any, at: datetime, reason: str) -> CurtailmentPlan:
    """Cancel a plan that has not begun; end one that runs: its machines are switched on again. Raises PlanRefused."""
    locked = lock_row(plan)
    if locked.status in RUNNING:
        locked.status, locked.ended_at = PlanStatus.RECOVERING, at
    elif locked.status in (PlanStatus.PENDING, PlanStatus.APPROVED):
        locked.status, locked.ended_at = PlanStatus.CANCELLED, at
    else:
        raise PlanRefused(_("%(plan)s is %(status)s.") % {"plan": locked, "status": locked.get_status_display()})
    locked.status_since, locked.end_reason = at, printable(reason)[:300]
    with audit_context(reason=locked.end_reason):
        locked.save(update_fields=["status", "status_since", "ended_at", "end_reason"])
    told = "curtailment.ended" if locked.status == PlanStatus.RECOVERING else "curtailment.cancelled"
    _publish(locked, told, by)
    return locked.reload()


@transaction.atomic
def shorten_plan(plan: CurtailmentPlan, *, ends_at: datetime, by: Any, at: datetime) -> CurtailmentPlan:
    """Let it end earlier than approved, but not before now. Raises PlanRefused."""
    locked = lock_row(plan)
    if locked.status not in (PlanStatus.APPROVED, *RUNNING):
        raise PlanRefused(_("%(plan)s is %(status)s.") % {"plan": locked, "status": locked.get_status_display()})
    if ends_at <= max(at, locked.starts_at) or (locked.ends_at is not None and ends_at > locked.ends_at):
        raise PlanRefused(_("It can end earlier than approved, not later, and not before now."))
    locked.ends_at, locked.is_open_ended = ends_at, False
    locked.save(update_fields=["ends_at", "is_open_ended"])
    return locked.reload()


# --- emergencies ------------------------------------------------------------------------------------------------
@transaction.atomic
def emergency_curtail(
    site: Site, *, reason: str, by: Any, at: datetime, goal_kw: Decimal | None = None
) -> CurtailmentPlan:
    """Switch a site off now, all of it or so many kW, on the word of one person; owners are told. Raises PlanRefused.

    Where an emergency that wants the same already has all these machines, that one is returned: a second tap, or a
    second person at the same moment, makes no second one. Its ``created_at`` is not ``at`` then.
    """
    lock_fleet()
    wish = emergency_wish(site, at=at, goal_kw=goal_kw)
    if (same := same_emergency(wish, at=at)) is not None:
        return same
    plan = create_plan(
        site=site, by=by, at=at, kind=PlanKind.MANUAL, cause=Cause.EMERGENCY, reason=reason, goal=wish.goal,
        goal_kw=wish.goal_kw, selection=wish.selection, starts_at=at, ends_at=None, is_open_ended=True,
        is_emergency=True,
    )  # fmt: skip
    seen = preview(wish_of(plan), at=at)
    if not seen.chosen.order:
        raise PlanRefused(_("There is no machine that could be switched off."))
    PlanApproval.objects.create(plan=plan, by=by, at=at, target_kw=seen.target_kw, created_at=at)
    plan.review_due_on = _next_day(site, at)
    plan.save(update_fields=["review_due_on"])
    _settle(plan, seen, at=at, by=by)
    _publish(plan, "curtailment.emergency", by)
    alarms.tell_emergency(plan, at=at)
    return plan.reload()


def _next_day(site: Site, at: datetime) -> date:
    return at.astimezone(ZoneInfo(site.time_zone)).date() + timedelta(days=1)


@transaction.atomic
def restore_site(site: Site, *, reason: str, by: Any, at: datetime) -> list[CurtailmentPlan]:
    """End every plan of a site, begun or approved: all its machines come back by the ramp, and owners are told.

    Returns the plans that ended; where there was none, nothing is left behind. ``by`` None: the command line.
    """
    lock_fleet()
    ended = []
    for plan in CurtailmentPlan.objects.filter(site=site, status__in=RESTORED).order_by("pk"):
        if lock_row(plan).status in RESTORED:  # the control may have ended it meanwhile
            ended.append(end_plan(plan, by=by, at=at, reason=reason))
    if not ended:
        return []
    restore = SiteRestore(
        site=site, reason=printable(reason)[:300], restored_by=by, restored_at=at, created_at=at,
        plan_ids=[plan.pk for plan in ended], review_due_on=_next_day(site, at),
    )  # fmt: skip
    restore.full_clean()
    restore.save()
    publish(
        "curtailment.restored",
        aggregate_type="site",
        aggregate_id=site.public_id,
        payload={
            "site_id": str(site.public_id), "restore_id": str(restore.public_id), "plans": len(ended),
            "reason": restore.reason,
        },
        user_id=getattr(by, "pk", None),
    )  # fmt: skip
    alarms.tell_restore(restore, at=at)
    return ended


@transaction.atomic
def review_plan(plan: CurtailmentPlan, *, review: str, by: Any, at: datetime) -> CurtailmentPlan:
    """Somebody else has looked at an emergency. Raises PlanRefused for whoever did it."""
    locked: CurtailmentPlan = lock_row(plan)
    _review(locked, locked.created_by_id, review=review, by=by, at=at)
    return locked.reload()


@transaction.atomic
def review_restore(restore: SiteRestore, *, review: str, by: Any, at: datetime) -> SiteRestore:
    """Somebody else has looked at why a site was switched on again. Raises PlanRefused for whoever did it."""
    locked: SiteRestore = lock_row(restore)
    _review(locked, locked.restored_by_id, review=review, by=by, at=at)
    return locked.reload()


def _review(locked: CurtailmentPlan | SiteRestore, who: Any, *, review: str, by: Any, at: datetime) -> None:
    if not locked.waits_for_review:
        raise PlanRefused(_("There is nothing to review."))
    if who is not None and who == getattr(by, "pk", None):
        raise PlanRefused(_("Whoever did it does not review it."))
    locked.reviewed_by, locked.reviewed_at, locked.review = by, at, printable(review)[:300]
    locked.save(update_fields=["reviewed_by", "reviewed_at", "review"])


# --- standing approvals -------------------------------------------------------------------------------------------
@transaction.atomic
def sign_standing(row: StandingApproval, *, by: Any, at: datetime) -> StandingApproval:
    """One of two people signs. Raises PlanRefused."""
    locked = lock_row(row)
    if locked.revoked_at is not None or locked.second_by_id is not None:
        raise PlanRefused(_("It is signed by two, or revoked."))
    if locked.first_by_id is None:
        locked.first_by, locked.first_at = by, at
    elif locked.first_by_id == by.pk:
        raise PlanRefused(_("Two people sign, each once."))
    else:
        locked.second_by, locked.second_at = by, at
    locked.save(update_fields=["first_by", "first_at", "second_by", "second_at"])
    return locked.reload()


@transaction.atomic
def revoke_standing(row: StandingApproval, *, by: Any, at: datetime, reason: str) -> StandingApproval:
    """It covers nothing any more; plans that run on it end now."""
    locked = lock_row(row)
    if locked.revoked_at is not None:
        raise PlanRefused(_("It is revoked already."))
    locked.revoked_at = at
    with audit_context(reason=printable(reason)):
        locked.save(update_fields=["revoked_at"])
    for plan in locked.plans.filter(status__in=UNFINISHED).exclude(status=PlanStatus.RECOVERING).order_by("pk"):
        end_plan(plan, by=by, at=at, reason=reason)
    return locked.reload()


def _publish(plan: CurtailmentPlan, kind: str, by: Any) -> None:
    publish(
        kind,
        aggregate_type="curtailment_plan",
        aggregate_id=plan.public_id,
        payload=payload_of(plan),
        user_id=getattr(by, "pk", None),
    )


def payload_of(plan: CurtailmentPlan) -> dict[str, Any]:
    """What events tell of a plan."""
    return {
        "plan_id": str(plan.public_id), "number": plan.number, "site_id": str(plan.site.public_id),
        "status": str(plan.status), "cause": str(plan.cause), "reason": plan.reason,
        "target_kw": None if plan.target_kw is None else f"{plan.target_kw:f}",
        "starts_at": plan.starts_at.isoformat(), "ends_at": plan.ends_at.isoformat() if plan.ends_at else None,
    }  # fmt: skip

"""Plans of one person that stand still at the limit of one person (TRUST I9), and the second person who lifts it."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from curtailment.domain.behind import of_one_person, people_behind
from curtailment.domain.beside import lock_fleet
from curtailment.domain.planning import PlanRefused
from curtailment.domain.plans import payload_of
from curtailment.enums import RUNNING, PlanStatus
from curtailment.models import ControlSample, CurtailmentPlan, PlanApproval
from hashinsight.common.transitions import lock_row
from hashinsight.events.domain import publish
from hosting.models import Site

FRESH = timedelta(minutes=30)  # an older step of the control says nothing of now


def waiting_for_second(site: Site, *, at: datetime) -> frozenset[int]:
    """Keys of running plans that the last step of the control held back: all plans of one person are too much."""
    sample = ControlSample.objects.filter(site=site, at__gt=at - FRESH, at__lte=at).order_by("-at").first()
    if sample is None or not sample.alone:
        return frozenset()
    return frozenset(of_one_person(CurtailmentPlan.objects.filter(pk__in=sample.alone, status__in=RUNNING)))


def waits_text() -> str:
    """Said wherever such a plan is shown."""
    return _("It waits for a second person: what one person alone has approved is as much off as one person may.")


@transaction.atomic
def second_plan(plan: CurtailmentPlan, *, by: Any, at: datetime) -> CurtailmentPlan:
    """A second person stands behind a plan that one has approved; it may take all it was approved for.

    Raises PlanRefused.
    """
    lock_fleet()
    locked = lock_row(plan)
    if locked.status not in (PlanStatus.APPROVED, *RUNNING):
        raise PlanRefused(_("%(plan)s is %(status)s.") % {"plan": locked, "status": locked.get_status_display()})
    if by.pk in people_behind([locked])[locked.pk]:
        raise PlanRefused(_("You stand behind it already; it takes somebody else."))
    if locked.pk not in of_one_person([locked]):
        raise PlanRefused(_("Two people stand behind it already."))
    PlanApproval.objects.create(plan=locked, by=by, at=at, target_kw=locked.target_kw or 0, created_at=at)
    publish(
        "curtailment.second_approval",
        aggregate_type="curtailment_plan",
        aggregate_id=locked.public_id,
        payload=payload_of(locked),
        user_id=by.pk,
    )
    return locked.reload()

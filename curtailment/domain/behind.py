"""Who stands behind a plan: whoever made it and whoever approved it, each once. A rule is nobody.

TRUST I9: what one person alone has said is no more than a share of a site; two people, an emergency, or what two have
signed beforehand, may take more.
"""

from collections.abc import Collection, Iterable
from typing import Any

from curtailment.models import CurtailmentPlan, PlanApproval


def people_behind(plans: Collection[CurtailmentPlan]) -> dict[int, set[Any]]:
    """For each plan by its key."""
    found = {plan.pk: {plan.created_by_id} - {None} for plan in plans}
    given = PlanApproval.objects.filter(plan__in=list(found), withdrawn_at__isnull=True)
    for plan_id, by_id in given.values_list("plan_id", "by_id"):
        found[plan_id].add(by_id)
    return found


def of_one_person(plans: Iterable[CurtailmentPlan]) -> set[int]:
    """Keys of those that are the word of one person alone."""
    rows = [plan for plan in plans if not plan.is_emergency and plan.standing_approval_id is None]
    people = people_behind(rows)
    return {plan.pk for plan in rows if len(people[plan.pk]) < 2}

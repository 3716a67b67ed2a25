"""Approvals at the same moment at different sites: the share of the fleet that one person may take is all of theirs."""

from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import User
from curtailment.domain import plans
from curtailment.enums import PlanStatus
from curtailment.models import CurtailmentPlan
from tests.curtailment.site import Ground
from tests.curtailment.test_plans import KW

pytestmark = pytest.mark.django_db(transaction=True)


def waiting(ground: Ground, by: User, machines: int) -> CurtailmentPlan:
    return plans.create_plan(
        site=ground.site, by=by, at=ground.now, cause="price", reason="dear hours", goal="by", goal_kw=KW * machines,
        selection="efficiency", starts_at=ground.now, ends_at=ground.now + timedelta(minutes=30),
    )  # fmt: skip


def aside(work: Any) -> Thread:
    """On a connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    made = Thread(target=run, daemon=True)
    made.start()
    return made


def test_two_approvals_at_once_do_not_pass_the_share_of_the_fleet(
    ground: Ground, other_ground: Ground, root: User, alice_of_staff: User
) -> None:
    """Two people take 40 of 100 machines in the east; five more in the west are more than one may add."""
    large, small = waiting(other_ground, root, 40), waiting(ground, root, 5)
    with transaction.atomic():
        taken = plans.approve_plan(large, by=alice_of_staff, at=ground.now)
        assert (taken.status, taken.needs_two) == (PlanStatus.APPROVED, True)
        other = aside(lambda: plans.approve_plan(small, by=root, at=ground.now))
        other.join(timeout=2)
        assert other.is_alive(), "it waits until it is known what the other one takes"
    other.join(timeout=20)
    assert not other.is_alive()
    small.refresh_from_db()
    assert (small.status, small.approvals.count()) == (PlanStatus.PENDING, 1)


def test_an_emergency_counts_for_whoever_approves_at_that_moment(
    ground: Ground, other_ground: Ground, root: User, alice_of_staff: User
) -> None:
    small = waiting(ground, root, 5)
    with transaction.atomic():
        plans.emergency_curtail(other_ground.site, reason="fire", by=alice_of_staff, at=ground.now)
        other = aside(lambda: plans.approve_plan(small, by=root, at=ground.now))
        other.join(timeout=2)
    other.join(timeout=20)
    small.refresh_from_db()
    assert small.status == PlanStatus.PENDING


def test_ending_waits_for_nobody_who_approves(ground: Ground, other_ground: Ground, root: User) -> None:
    """Machines come back whatever is being approved elsewhere."""
    runs = plans.approve_plan(waiting(ground, root, 4), by=root, at=ground.now)
    ground.ticks(2)
    with transaction.atomic():
        plans.approve_plan(waiting(other_ground, root, 4), by=root, at=ground.now)
        other = aside(lambda: plans.end_plan(runs, by=root, at=ground.now, reason="over"))
        other.join(timeout=10)
        assert not other.is_alive()
    runs.refresh_from_db()
    assert runs.status == PlanStatus.RECOVERING

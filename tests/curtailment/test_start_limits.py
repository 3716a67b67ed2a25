"""No machine is started while its chips or what cools it are hotter than its model or its site allows (TRUST I7)."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from curtailment.domain import plans
from curtailment.models import SiteControl
from hosting.models import EdgeLease, MinerModel
from tests.curtailment.edge import Box
from tests.curtailment.site import Fake, Ground
from tests.curtailment.test_execution import approved
from tests.curtailment.test_leases import box as box
from tests.curtailment.test_leases import curtail, steps
from tests.curtailment.test_leases import people as people

pytestmark = pytest.mark.django_db
THIRSTY = {"name": "Thirsty"}


def switched_off(ground: Ground, root: User) -> list[Fake]:
    """Four of the thirsty are off, and their plan is about to end."""
    approved(ground, root, minutes=3)
    ground.ticks(2)
    return [fake for fake in ground.farm.machines.values() if not fake.on]


def test_the_lower_limit_of_model_and_site_holds(ground: Ground, root: User) -> None:
    MinerModel.objects.filter(**THIRSTY).update(chip_max_c=55, inlet_max_c=35)
    one, two, three, _four = switched_off(ground, root)
    one.chip_c, two.inlet_c, three.chip_c = 60.0, 36.0, 55.0
    for fake in (two, three, _four):
        fake.chip_c = 55.0
    ground.ticks(5)
    assert [one.on, two.on, three.on] == [False, False, True], "60 °C is below the site's 70, not below the model's 55"
    one.chip_c, two.inlet_c = 54.0, 35.0
    ground.ticks(2)
    assert ground.farm.off == 0


def test_a_model_that_bears_more_does_not_lift_the_limit_of_its_site(ground: Ground, root: User) -> None:
    MinerModel.objects.filter(**THIRSTY).update(chip_max_c=95, inlet_max_c=60)
    one, two, *_rest = switched_off(ground, root)
    one.chip_c, two.inlet_c = 71.0, 41.0
    ground.ticks(5)
    assert ground.farm.off == 2


def test_a_model_without_a_limit_keeps_to_that_of_the_site(ground: Ground, root: User) -> None:
    one, *_rest = switched_off(ground, root)
    one.chip_c = 69.0
    ground.ticks(5)
    assert ground.farm.off == 0


def test_an_edge_device_is_told_the_lowest_of_its_machines(ground: Ground, box: Box, people: tuple[User, User]) -> None:
    SiteControl.objects.update_or_create(site=ground.site, defaults={"min_off_minutes": 0})
    MinerModel.objects.filter(**THIRSTY).update(chip_max_c=55)
    plan = curtail(ground, people, 4, minutes=600)
    steps(ground, box, 4)
    off = [fake for fake in ground.farm.machines.values() if not fake.on]
    assert len(off) == 4
    assert EdgeLease.objects.get().content["limits"]["chip_c"] == 55
    off[0].chip_c = 60.0
    for fake in off[1:]:
        fake.chip_c = 40.0
    plans.end_plan(plan, by=people[0], at=ground.now, reason="over")
    for _ in range(10):  # and nobody hears of the server any more
        ground.now += timedelta(seconds=51)
        box.turn(asks=False)
    assert [fake.on for fake in off] == [False, True, True, True]


def test_a_limit_is_a_temperature(ground: Ground) -> None:
    model = MinerModel.objects.get(**THIRSTY)
    model.chip_max_c = 0
    with pytest.raises(ValidationError, match="chip_max_c"):
        model.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        MinerModel.objects.filter(**THIRSTY).update(chip_max_c=-5)

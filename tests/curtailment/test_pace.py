"""Steps of a control are a step apart, however long its reading takes."""

import itertools
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from curtailment.domain import plans
from curtailment.domain.control import pace, site
from curtailment.enums import PlanStatus
from curtailment.models import ControlSample, CurtailmentPlan, MachineOrder, SiteControl
from hashinsight.jobs.domain.locks import StaleLock, take_lock
from tests.curtailment.site import WATTS, Ground, make_ground
from tests.curtailment.still import plan_of
from tests.factories import NOW

pytestmark = pytest.mark.django_db
STEP = timedelta(seconds=60)


class Slow:
    """A site of which one reading after the other takes so many seconds, under a clock that all of it moves."""

    def __init__(self, ground: Ground, monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
        self.ground, self.seconds, self.waited = ground, list(seconds), [0.0]
        reading = site._read

        def read(*args: Any) -> Any:
            heard = reading(*args)
            self.pass_time(self.seconds.pop(0))
            return heard

        def wait(seconds: float) -> None:
            self.waited.append(seconds)
            self.pass_time(seconds)

        monkeypatch.setattr(site, "_read", read)
        monkeypatch.setattr(pace, "sleep", wait)

    def pass_time(self, seconds: float) -> None:
        self.ground.now += timedelta(seconds=seconds)

    def live(self) -> None:
        """Look each second whether a step begins, until nothing is left to be done or to be read."""
        while CurtailmentPlan.objects.exclude(status=PlanStatus.RECOVERED).exists() and self.seconds:
            control = SiteControl.objects.get()
            self.pass_time(1)
            while not site.begins(control, self.ground.now):  # nobody has to ask the database for that
                self.pass_time(1)
            for one in site.sites_due(self.ground.now):
                site.control_site(one, clock=self.ground.clock, adapter=self.ground.farm)


def decided() -> list[datetime]:
    return list(ControlSample.objects.order_by("at").values_list("at", flat=True))


def apart() -> list[float]:
    moments = decided()
    return [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(moments)]


@pytest.fixture
def ground(root: User, alice_of_staff: User) -> Ground:
    """Fifty machines, ten of them in a step down and five up, all off for six steps and back."""
    found = make_ground(root, NOW, count=50)
    SiteControl.objects.create(
        site=found.site, min_off_minutes=0, min_on_minutes=0, ramp_down_kw=Decimal(WATTS) / 100,
        ramp_up_kw=Decimal(WATTS) / 200, zone_up_kw=1000,
    )  # fmt: skip
    plan = plan_of(found, root, 50, ends_at=found.now + timedelta(minutes=7))
    plans.approve_plan(plan, by=alice_of_staff, at=found.now)
    return found


def test_steps_are_a_step_apart_though_reading_takes_a_quarter_of_one(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(ground, monkeypatch, *([15.0] * 12))
    slow.live()
    assert len(apart()) > 8
    assert set(apart()) == {60.0}


def test_control_whoever_begins_to_read_when_the_step_is_over_falls_behind(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "begins", lambda control, at: control.ticked_at is None or at - control.ticked_at >= STEP)
    slow = Slow(ground, monkeypatch, *([15.0] * 12))
    slow.live()
    assert set(apart()) == {75.0}


def test_the_ramp_holds_when_one_reading_is_quicker_and_another_slower(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(ground, monkeypatch, *([15.0, 11.0, 18.0, 15.0, 2.0, 15.0, 40.0, 4.0] * 3))
    slow.live()
    assert 60.0 <= min(apart()) < 60.1
    assert max(slow.waited) == pytest.approx(4.01)  # 11 s after 15
    sent = list(MachineOrder.objects.values_list("not_before", "action", "draw_w"))
    for action, limit in (("pause", WATTS * 10), ("resume", WATTS * 5)):
        moments = sorted((at, watts) for at, one, watts in sent if one == action)
        assert moments
        for begin, _watts in moments:
            assert sum(watts for at, watts in moments if begin <= at < begin + STEP) <= limit


def test_what_was_read_much_too_early_decides_nothing_and_teaches(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading of 40 s and one of 4: the second is over half a step too early, and nobody waits for that long."""
    slow = Slow(ground, monkeypatch, 40.0, 4.0, 4.0, 4.0)
    slow.live()
    assert slow.waited == [0.0]
    assert len(decided()) == 3
    assert apart() == [60.0, 60.0]
    assert SiteControl.objects.get().reading_s == 4.0


def test_whoever_was_overtaken_while_reading_teaches_nobody(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that slept for an hour in the middle did not read for an hour."""
    slow = Slow(ground, monkeypatch, 3600.0)
    asleep = slow.pass_time

    def overtaken(seconds: float) -> None:
        asleep(seconds)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE jobs_schedulerlock SET expires_at = clock_timestamp() - interval '1 s'")
        assert take_lock(site.lock_key(ground.site), seconds=60) is not None

    monkeypatch.setattr(slow, "pass_time", overtaken)
    with pytest.raises(StaleLock):
        site.control_site(ground.site, clock=ground.clock, adapter=ground.farm)
    assert (SiteControl.objects.get().reading_s, decided()) == (0.0, [])


def test_a_clock_that_stands_still_is_not_waited_for_for_ever(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a drill, whose clock is turned by hand."""
    monkeypatch.setattr(pace, "sleep", lambda seconds: None)
    control = SiteControl.objects.get()
    control.ticked_at = ground.now
    assert pace.await_step(control, ground.now + timedelta(seconds=57))


def test_at_once_is_at_once(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(ground, monkeypatch, 3.0, 3.0)
    assert site.control_site(ground.site, clock=ground.clock, adapter=ground.farm) is not None
    slow.pass_time(10)
    assert site.control_site(ground.site, clock=ground.clock, adapter=ground.farm, at_once=True) is not None
    assert (apart(), slow.waited) == ([13.0], [0.0])


@pytest.mark.parametrize("back", [30, 3600])
def test_a_clock_that_was_set_back_holds_nothing_up(ground: Ground, monkeypatch: pytest.MonkeyPatch, back: int) -> None:
    slow = Slow(ground, monkeypatch, 15.0, 15.0)
    assert site.control_site(ground.site, clock=ground.clock, adapter=ground.farm) is not None
    slow.pass_time(-back)
    assert site.sites_due(ground.now) == [ground.site]
    assert site.control_site(ground.site, clock=ground.clock, adapter=ground.farm) is not None
    assert slow.waited == [0.0]


def test_nobody_begins_to_read_as_soon_as_the_last_step_is_over(ground: Ground) -> None:
    """However long reading takes, a tenth of the step lies between."""
    control = SiteControl.objects.get()
    control.ticked_at, control.reading_s = ground.now, 500.0
    assert [pace.begins(control, ground.now + timedelta(seconds=n)) for n in (0, 5, 6)] == [False, False, True]

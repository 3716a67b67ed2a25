"""The load before an event: that of the last hour without us, by what the machines themselves did at the time."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from curtailment.domain import plans, watching
from curtailment.domain.measurement import measuring
from curtailment.domain.measurement.metered import compare
from curtailment.models import CurtailmentEvent, CurtailmentPlanMiner, EventMachine
from hosting.domain import partitions
from hosting.models import Meter
from tests.curtailment.site import OWN_W, WATTS, Ground
from tests.curtailment.test_events import FIVE, HOUR, QUARTER, say
from tests.curtailment.test_execution import KW
from tests.curtailment.test_metered import a_meter, show

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
LOW = 2100


@dataclass
class Diary:
    """What each machine did minute by minute, seen at the machine and not in the database."""

    ground: Ground
    meter: Meter | None = None  # of the whole site: 500 kW while all run
    held: dict[int, set[datetime]] = field(default_factory=lambda: defaultdict(set))

    def pass_minutes(self, count: int) -> None:
        """With the control at work."""
        for _ in range(count):
            if self.meter is not None:
                moment, kw = self.ground.now + MINUTE, 500.0 - self.ground.farm.off * WATTS / 1000
                show(self.meter, moment, moment, lambda _at, kw=kw: kw)
            self.ground.tick()
            for key, fake in self.ground.farm.machines.items():
                if not fake.on or (fake.limit_w or OWN_W) < OWN_W:
                    self.held[int(key)].add(self.ground.now)

    def disturbed(self, miner: int, moment: datetime) -> bool:
        """Off or limited in these five minutes, or in the sixteen before: one until it is seen, and it settles."""
        return any(moment - 16 * MINUTE <= minute < moment + FIVE for minute in self.held[miner])

    def normal(self, miner: int, told: datetime) -> list[datetime]:
        """The last hour of its own before a moment, five minutes by five minutes."""
        moment = told - timedelta(minutes=told.minute % 5, seconds=told.second, microseconds=told.microsecond)
        found: list[datetime] = []
        while len(found) < 12:
            moment -= FIVE
            if not self.disturbed(miner, moment):
                found.append(moment)
        return found


def plan(ground: Ground, by: User, levels: Mapping[int, int], *, minutes: int = 30, second: User | None = None) -> Any:
    """Machines by place, and to which watts; 0: off. Approved, from now on."""
    kw = sum((Decimal(WATTS - level) / 1000 for level in levels.values()), Decimal(0))
    made = plans.create_plan(
        site=ground.site, by=by, at=ground.now, cause="price", reason="dear hours", goal="by", goal_kw=kw,
        selection="efficiency", starts_at=ground.now, ends_at=ground.now + timedelta(minutes=minutes),
        only_miners=[ground.miners[place].pk for place in levels], only_limits_w=list(levels.values()),
    )  # fmt: skip
    return plans.approve_plan(made, by=second or by, at=ground.now)


def reckoned(ground: Ground) -> CurtailmentEvent:
    """The last event."""
    event = CurtailmentEvent.objects.latest("started_at")
    return measuring.measure(event, at=ground.now + HOUR).reload()


def test_the_load_before_is_that_of_the_last_hour_without_us(ground: Ground, root: User, alice_of_staff: User) -> None:
    """Off or limited by one plan or another, restarted, dead: each as a diary of the machines says it."""
    partitions.ensure_partitions(at=ground.now)
    for fake in ground.farm.machines.values():
        fake.limit_w = OWN_W
    begin, diary = ground.now - 3 * HOUR, Diary(ground)
    plan(ground, root, {0: 0, 1: 0, 2: LOW}, minutes=20)
    diary.pass_minutes(10)
    plan(ground, root, {1: 0, 3: LOW}, minutes=20)  # holds one for longer than the first plan
    diary.pass_minutes(50)
    second = ground.now
    plan(ground, root, dict.fromkeys(range(7), 0), second=alice_of_staff)
    diary.pass_minutes(40)
    restarted, dead, mute = (ground.miners[place].pk for place in (4, 5, 6))

    def what(miner: int, at: datetime) -> tuple[float | None, float | None] | None:
        if miner == dead:
            return 15.0, 0.0
        if miner == mute and at >= second - 2 * HOUR:
            return None
        if miner == restarted and at == second - 6 * FIVE:
            return 900.0, 20.0
        if diary.disturbed(miner, at):
            return (300.0, 5.0)
        return 3300.0 + at.hour * 10 + at.minute, 90.0 + at.minute / 10  # no two hours are the same

    say(ground.miners[:7], begin, ground.now + FIVE, what)
    event = reckoned(ground)
    rows = {row.miner_id: row for row in event.event_machines.all()}
    told = {row.miner_id: row.told_at for row in rows.values()}
    for place in range(6):
        pk = ground.miners[place].pk
        said = [what(pk, moment) for moment in diary.normal(pk, told[pk])]
        watts, ths = (sum(one[part] or 0 for one in said if one) / 12 for part in (0, 1))
        assert (rows[pk].baseline_w, rows[pk].is_baseline_measured) == (round(watts), True), place
        assert rows[pk].baseline_ths == pytest.approx(ths), place
    assert min(rows[ground.miners[place].pk].baseline_w for place in range(4)) > 3300
    assert (rows[restarted].baseline_w < 3300, rows[dead].baseline_w) == (True, 15)
    assert rows[dead].measured_kwh == 0, "who was dead by itself saves nothing"
    assert (rows[mute].baseline_w, rows[mute].is_baseline_measured, rows[mute].measured_kwh) == (WATTS, False, 0)
    assert rows[mute].estimated_kwh > 1
    assert event.missing["baseline"] == 1
    assert event.missing["earlier"] == 4
    assert event.saved_kwh == sum(row.measured_kwh + row.estimated_kwh for row in rows.values())


def test_two_events_within_an_hour_have_the_same_load_before(ground: Ground, root: User) -> None:
    """By machines, by the meter of the site, and while the second one still runs."""
    partitions.ensure_partitions(at=ground.now)
    start, meter = ground.now, a_meter(ground)
    diary = Diary(ground, meter)
    show(meter, start - 2 * HOUR, start, lambda _at: 500.0)
    plan(ground, root, dict.fromkeys(range(4), 0))
    diary.pass_minutes(35)
    plan(ground, root, dict.fromkeys(range(4), 0))
    diary.pass_minutes(10)
    found = compare(ground.site, at=ground.now)
    assert found is not None
    assert (found.before_kw, found.agrees) == (500, True)
    assert list(watching.meters_differ(ground.now)) == []
    diary.pass_minutes(40)
    say(
        ground.miners[:4], start - 2 * HOUR, ground.now + FIVE,
        lambda miner, at: (15.0, 0.0) if any(at <= one < at + FIVE for one in diary.held[miner]) else (3500.0, 100.0),
    )  # fmt: skip
    first, second = (
        measuring.measure(one, at=ground.now + HOUR).reload() for one in CurtailmentEvent.objects.order_by("pk")
    )
    assert (first.baseline_kw, second.baseline_kw) == (KW * 4, KW * 4)
    assert (first.meter_before_kw, second.meter_before_kw) == (500, 500)
    assert abs(second.saved_kwh - first.saved_kwh) < KW  # the other way round it was less than half of it
    assert second.missing.get("earlier") == 4
    assert "earlier" not in first.missing


def test_each_time_of_a_machine_that_ran_in_the_middle_of_a_plan_is_left_out(ground: Ground, root: User) -> None:
    """As when data were stale for a while: its row has the last time alone, the first one is in the orders."""
    partitions.ensure_partitions(at=ground.now)
    begin, diary, pk = ground.now - 2 * HOUR, Diary(ground), ground.miners[0].pk
    first = plan(ground, root, {0: 0}, minutes=40)
    diary.pass_minutes(12)
    first.miners.update(wanted_until=ground.now)
    diary.pass_minutes(10)
    first.miners.update(wanted_until=None)
    diary.pass_minutes(30)
    plan(ground, root, {0: 0}, minutes=10)
    diary.pass_minutes(15)
    say(
        ground.miners[:1], begin, ground.now + FIVE,
        lambda miner, at: (15.0, 0.0) if diary.disturbed(miner, at) else (3300.0 + at.minute, 100.0),
    )  # fmt: skip
    row = EventMachine.objects.get(event=reckoned(ground))
    assert ground.farm.machines[str(pk)].told == ["pause", "resume"] * 3
    assert row.baseline_w == round(sum(3300 + at.minute for at in diary.normal(pk, row.told_at)) / 12)


def test_who_was_held_for_longer_than_we_look_back_is_estimated(ground: Ground, root: User) -> None:
    partitions.ensure_partitions(at=ground.now)
    diary = Diary(ground)
    plan(ground, root, {0: 0}, minutes=10)
    diary.pass_minutes(15)
    plan(ground, root, {0: 0}, minutes=10)
    diary.pass_minutes(15)
    for model, name in ((CurtailmentEvent, "started_at"), (CurtailmentPlanMiner, "ordered_at")):
        rows = model._default_manager.order_by("pk")[:1]  # the first one began nine days ago
        model._default_manager.filter(pk__in=[row.pk for row in rows]).update(**{name: ground.now - timedelta(days=9)})
    say(ground.miners[:1], ground.now - 2 * HOUR, ground.now + FIVE, lambda _miner, _at: (15.0, 0.0))
    event = reckoned(ground)
    row = EventMachine.objects.get(event=event)
    assert (row.baseline_w, row.is_baseline_measured) == (WATTS, False)
    assert (event.measured_kwh, event.missing["baseline"]) == (0, 1)
    assert event.estimated_kwh > 0


def test_a_site_that_was_never_left_alone_within_a_day_has_no_load_before(ground: Ground, root: User) -> None:
    partitions.ensure_partitions(at=ground.now)
    diary, start = Diary(ground), ground.now
    plan(ground, root, {0: 0}, minutes=10)
    diary.pass_minutes(15)
    CurtailmentEvent.objects.update(started_at=start - timedelta(days=2))
    plan(ground, root, {1: 0}, minutes=10)
    diary.pass_minutes(15)
    show(a_meter(ground), start - HOUR, ground.now + QUARTER, lambda _at: 500.0)
    event = reckoned(ground)
    assert (event.meter_source, event.meter_before_kw, event.metered_kwh) == ("site_meter", None, None)
    assert event.intervals.filter(meter_kw=500).exists()

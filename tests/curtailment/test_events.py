"""Events: from the first machine told to the last one back, and figures that an independent reckoning agrees with."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from curtailment.domain import plans
from curtailment.domain.measurement import measuring
from curtailment.engine.spans import Owning, Span, joined, split
from curtailment.enums import EventStatus, PlanStatus
from curtailment.models import CurtailmentEvent, CurtailmentPlanMiner, EventMachine, EventShare
from hashinsight.events.models import OutboxEvent
from hosting.domain import fleet, partitions
from hosting.domain.excused import excused_within
from hosting.models import Demand15Min, ExcusedInterval, Miner, TelemetryFiveMinutes
from marketdata.domain.prices import store
from marketdata.engine.price_files import Interval
from marketdata.models import NetworkSnapshot
from tests import factories
from tests.curtailment.site import WATTS, Ground
from tests.curtailment.test_execution import KW, approved
from tests.marketdata.test_days import snapshot
from tests.marketdata.test_prices import series as a_series

pytestmark = pytest.mark.django_db
FIVE, QUARTER, HOUR = timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1)
ROLLED: dict[str, Any] = {
    "expected_samples": 5, "samples": 5, "online_samples": 5, "hashrate_samples": 5, "power_samples": 5, "restarts": 0,
}  # fmt: skip
Said = Callable[[int, datetime], tuple[float | None, float | None] | None]


def say(miners: list[Miner], start: datetime, end: datetime, what: Said) -> None:
    """Five minutes of machines as they are rolled up: watts and TH/s, or nothing at all."""
    rows, moment = [], start
    while moment < end:
        for one in miners:
            told = what(one.pk, moment)
            if told is not None:
                rows.append(
                    TelemetryFiveMinutes(
                        miner_id=one.pk, bucket_start=moment, power_w=told[0], hashrate_ths=told[1],
                        customer_id=one.customer_id, **ROLLED,
                    )
                )  # fmt: skip
        moment += FIVE
    TelemetryFiveMinutes.objects.bulk_create(rows)


def curtailed(ground: Ground, by: User, **fields: Any) -> CurtailmentEvent:
    """Four machines off for half an hour, from the approval to the last one back."""
    partitions.ensure_partitions(at=ground.now)
    approved(ground, by, **fields)
    ground.ticks(35)
    return CurtailmentEvent.objects.get()


def test_an_event_lasts_from_the_first_plan_to_the_last_machine(ground: Ground, root: User) -> None:
    start = ground.now
    first = approved(ground, root, machines=4, minutes=20)
    ground.tick()
    event = CurtailmentEvent.objects.get()
    assert (event.status, event.started_at, event.number) == (EventStatus.RUNNING, start + timedelta(minutes=1), 1)
    second = approved(ground, root, machines=6, minutes=30)
    ground.ticks(25)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == (PlanStatus.RECOVERED, PlanStatus.EXECUTED)
    assert first.event == second.event == event  # D7: what overlaps is one event
    assert set(first.miners.filter(shutdown_order__lte=4).values_list("result", flat=True)) == {"kept"}
    assert set(second.miners.filter(shutdown_order__lte=6).values_list("result", flat=True)) == {"off"}
    event.refresh_from_db()
    assert event.status == EventStatus.RUNNING
    ground.ticks(10)
    second.refresh_from_db()
    event.refresh_from_db()
    assert (second.status, event.status) == (PlanStatus.RECOVERED, EventStatus.OVER)
    assert event.ended_at == second.recovered_at
    approved(ground, root)
    ground.tick()
    assert CurtailmentEvent.objects.count() == 2
    kinds = OutboxEvent.objects.filter(kind__startswith="curtailment.event_").values_list("kind", flat=True)
    assert sorted(kinds) == ["curtailment.event_ended"] + ["curtailment.event_started"] * 2


def test_whose_machines_are_off_is_known_while_they_are(ground: Ground, root: User) -> None:
    owner = factories.CustomerFactory()
    theirs = ground.miners[:3]
    fleet.assign_miners(theirs, customer=owner, since=fleet.quarter_hour(ground.now), by=root, at=ground.now)
    plan = approved(ground, root)
    ground.ticks(2)
    shares = {share.customer_id: share for share in EventShare.objects.all()}
    assert {key: share.machines for key, share in shares.items()} == {owner.pk: 3, None: 1}
    assert (shares[owner.pk].reason, shares[owner.pk].status) == (plan.reason, EventStatus.RUNNING)


def test_an_owner_reads_the_reason_of_its_own_machines(ground: Ground, root: User) -> None:
    owner = factories.CustomerFactory()
    thrifty = ground.miners[-3:]  # they are the last to go
    fleet.assign_miners(thrifty, customer=owner, since=fleet.quarter_hour(ground.now), by=root, at=ground.now)
    large = approved(ground, root, machines=5)
    small = plans.create_plan(
        site=ground.site, by=root, at=ground.now, cause="grid", reason="line work", goal="by", goal_kw=KW,
        selection="efficiency", starts_at=ground.now, ends_at=ground.now + timedelta(minutes=30),
        only_miners=[one.pk for one in thrifty],
    )  # fmt: skip
    plans.approve_plan(small, by=root, at=ground.now)
    ground.ticks(2)
    assert dict(EventShare.objects.values_list("customer", "reason")) == {None: large.reason, owner.pk: "line work"}
    ground.ticks(38)
    event = CurtailmentEvent.objects.get()
    measuring.measure(event, at=ground.now)
    assert dict(EventShare.objects.values_list("customer", "cause")) == {None: large.cause, owner.pk: "grid"}
    assert set(ExcusedInterval.objects.filter(customer=owner).values_list("reason", flat=True)) == {"line work"}


def by_hand(event: CurtailmentEvent) -> tuple[Decimal, Decimal, int]:
    """Measured and estimated kWh and unknown minutes, one machine and five minutes after the other."""
    measured = estimated = Decimal(0)
    unknown = 0
    for row in CurtailmentPlanMiner.objects.filter(plan__event=event, off_at__isnull=False):
        said = {one.bucket_start: one for one in TelemetryFiveMinutes.objects.filter(miner_id=row.miner_id)}
        first = row.ordered_at - timedelta(
            minutes=row.ordered_at.minute % 5, seconds=row.ordered_at.second, microseconds=row.ordered_at.microsecond
        )
        before = [said[at].power_w for at in said if first - HOUR <= at < first and said[at].power_w is not None]
        base = Decimal(round(sum(before) / len(before))) if before else Decimal(row.draw_w)
        at = first
        while at < row.back_at:
            one = said.get(at)
            if one is not None and one.power_w is not None:
                less = (base - Decimal(str(one.power_w))) / 12000
                measured, estimated = (measured + less, estimated) if before else (measured, estimated + less)
            elif at >= row.off_at and at + FIVE <= row.back_at:
                estimated += base / 12000
            else:
                unknown += 5
            at += FIVE
    return measured, estimated, unknown


def test_energy_agrees_with_a_reckoning_by_hand(ground: Ground, root: User) -> None:
    start = ground.now
    event = curtailed(ground, root)
    off = {row.miner_id: row for row in CurtailmentPlanMiner.objects.filter(off_at__isnull=False)}
    silent, mute, new = sorted(off)[:3]

    def what(miner: int, at: datetime) -> tuple[float | None, float | None] | None:
        if at < start:
            return None if miner == new else (3400.0 + at.minute, 100.0)
        if miner == silent:
            return None  # nobody read it
        if miner == mute:
            return (None, 0.0)  # answers, and does not say what it draws
        return (15.0 if at > start else 1800.0, 0.0 if at > start else 50.0)

    say([one for one in ground.miners if one.pk in off], start - HOUR, start + HOUR, what)
    measuring.measure(event, at=ground.now)
    event.refresh_from_db()
    measured, estimated, unknown = by_hand(event)
    assert abs(event.measured_kwh - measured) < Decimal("0.0001")
    assert abs(event.estimated_kwh - estimated) < Decimal("0.0001")
    assert event.unknown_minutes == unknown > 0
    assert event.estimated_kwh > 2
    assert event.missing["baseline"] == 1
    assert event.machines == 4
    assert (EventMachine.objects.get(miner_id=new).baseline_w, event.status) == (WATTS, EventStatus.MEASURED)
    assert sum(row.measured_kwh for row in event.event_machines.all()) == event.measured_kwh
    assert abs(sum(row.measured_kwh for row in event.intervals.all()) - event.measured_kwh) < Decimal("0.00001")


def test_money_is_that_of_its_quarter_hour(ground: Ground, root: User) -> None:
    start = ground.now
    series = a_series(step_minutes=15, unit="MWh")
    values = [40, 40, 40, 40, 100, -20, 60, 70, 70]
    store(
        series,
        [
            Interval(start + QUARTER * (n - 4), start + QUARTER * (n - 3), Decimal(value))
            for n, value in enumerate(values)
        ],
        at=start,
    )
    ground.site.energy_series = series
    ground.site.save()
    one, two = snapshot(start - timedelta(minutes=30)), snapshot(start + timedelta(minutes=20), 50_000)
    event = curtailed(ground, root)
    off = CurtailmentPlanMiner.objects.filter(off_at__isnull=False).values_list("miner_id", flat=True)
    everybody = [miner for miner in ground.miners if miner.pk in set(off)]
    say(everybody, start - HOUR, start + HOUR, lambda _pk, at: (0.0, 0.0) if at >= start else (3500.0, 100.0))
    measuring.measure(event, at=ground.now)
    event.refresh_from_db()
    quarters = list(event.intervals.order_by("interval_start"))
    assert [row.price_per_kwh for row in quarters] == [Decimal("0.1"), Decimal("-0.02"), Decimal("0.06")]
    kwh = [row.measured_kwh for row in quarters]
    assert kwh == [KW, KW, kwh[2]]  # four machines for a quarter of an hour
    cost = sum(energy * price for energy, price in zip(kwh, map(Decimal, ("0.1", "-0.02", "0.06")), strict=True))
    assert event.avoided_cost == cost.quantize(Decimal("0.000001"))
    ths_hours = [energy / KW * 100 for energy in kwh]

    def btc(row: NetworkSnapshot, hours: Decimal) -> Decimal:
        shares = hours * 3600 * 10**12 / (row.difficulty * 2**32)
        return shares * (row.block_reward_btc + (row.fees_per_block_btc or 0))

    parts = [btc(one, ths_hours[0]), btc(two, ths_hours[1]), btc(two, ths_hours[2])]
    assert abs(event.forgone_btc - sum(parts)) < Decimal("1e-9")
    usd = parts[0] * one.btc_price_usd + (parts[1] + parts[2]) * two.btc_price_usd
    assert abs(event.forgone_usd - usd) < Decimal("0.0001")
    assert event.currency == series.currency


def test_what_is_not_known_is_no_zero(ground: Ground, root: User) -> None:
    ground.site.energy_cost_per_kwh = None
    ground.site.save()
    event = curtailed(ground, root)
    measuring.measure(event, at=ground.now)
    event.refresh_from_db()
    assert (event.avoided_cost, event.forgone_btc, event.forgone_usd, event.metered_kwh) == (None, None, None, None)
    assert event.missing == {"price": 3, "network": 3, "meter": 3, "baseline": 4}
    assert event.measured_kwh == 0
    assert event.estimated_kwh > 0


def test_the_zones_tell_the_same_story_by_their_own_figures(ground: Ground, root: User) -> None:
    start = ground.now
    for zone in ground.zones:
        for n in range(-4, 4):
            kw = Decimal(35) if n < 0 else Decimal(28)
            Demand15Min.objects.create(
                zone=zone, interval_start=start + timedelta(minutes=15) * n, kw=kw, kwh=kw / 4, source="machines",
                quality="measured", coverage=1,
            )  # fmt: skip
    event = curtailed(ground, root)
    measuring.measure(event, at=ground.now)
    event.refresh_from_db()
    assert (event.meter_before_kw, event.metered_kwh) == (Decimal(70), Decimal("10.5"))
    Demand15Min.objects.filter(zone=ground.zones[0], interval_start=start).update(superseded_at=ground.now)
    measuring.measure(event, at=ground.now)
    event.refresh_from_db()
    assert event.metered_kwh is None


def test_an_owner_has_the_time_that_was_its_own(ground: Ground, root: User) -> None:
    owner, heir = factories.CustomerFactory(), factories.CustomerFactory()
    start = ground.now
    fleet.assign_miners(ground.miners[:1], customer=owner, since=start, by=root, at=start)
    event = curtailed(ground, root)
    fleet.assign_miners(ground.miners[:1], customer=heir, since=start + QUARTER, by=root, at=ground.now)
    say(ground.miners[:4], start - HOUR, start + HOUR, lambda _pk, at: (0.0, 0.0) if at >= start else (3500.0, 100.0))
    measuring.measure(event, at=ground.now)
    shares = {share.customer_id: share for share in EventShare.objects.all()}
    assert set(shares) == {None, owner.pk, heir.pk}
    assert shares[owner.pk].measured_kwh == KW / 4
    assert shares[heir.pk].measured_kwh >= KW / 4
    assert shares[owner.pk].machines == shares[heir.pk].machines == 1
    assert shares[owner.pk].excused_minutes == 14  # told a minute after the beginning
    event.refresh_from_db()
    assert sum(share.measured_kwh for share in shares.values()) == event.measured_kwh
    assert event.machines == 4


def test_what_was_locked_out_in_the_middle_is_no_curtailment_any_more(ground: Ground, root: User) -> None:
    partitions.ensure_partitions(at=ground.now)
    approved(ground, root)
    ground.ticks(10)
    machine = Miner.objects.filter(intent="curtailed").first()
    fleet.set_intent([machine], to="maintenance", by=root, at=ground.now)
    ground.ticks(25)
    event = CurtailmentEvent.objects.get()
    measuring.measure(event, at=ground.now)
    row = EventMachine.objects.get(miner=machine)
    assert row.back_at == row.told_at + timedelta(minutes=10)
    assert ExcusedInterval.objects.get(miner=machine).ends_at == row.back_at


def test_a_machine_that_ran_in_the_middle_of_a_plan_was_off_twice(ground: Ground, root: User) -> None:
    """Its time was over while data were stale, and it went off again when they were good: both times count."""
    partitions.ensure_partitions(at=ground.now)
    plan = approved(ground, root, minutes=60)
    ground.ticks(10)
    one = plan.miners.get(shutdown_order=1)
    plan.miners.exclude(shutdown_order__lte=4).update(wanted_until=ground.now)
    plan.miners.filter(pk=one.pk).update(wanted_until=ground.now)
    ground.ticks(15)
    assert ground.farm.machines[str(one.miner_id)].on
    plan.miners.update(wanted_until=None)
    ground.ticks(50)
    assert ground.farm.machines[str(one.miner_id)].told == ["pause", "resume", "pause", "resume"]
    event = CurtailmentEvent.objects.get()
    measuring.measure(event, at=ground.now)
    first, second = EventMachine.objects.filter(miner=one.miner_id).order_by("told_at")
    assert (first.told_at, second.back_at) == (event.started_at, event.ended_at)
    assert first.back_at < second.told_at
    assert timedelta(minutes=10) <= first.back_at - first.off_at <= timedelta(minutes=12)
    assert second.off_at > second.told_at
    others = plan.miners.filter(shutdown_order__in=(2, 3, 4)).values("miner")
    assert EventMachine.objects.filter(miner__in=others).count() == 3
    assert ExcusedInterval.objects.filter(miner=one.miner_id).count() == 2


def test_excused_hours_stand_at_the_machines_and_are_replaced(ground: Ground, root: User) -> None:
    event = curtailed(ground, root)
    named = []
    for _again in range(2):
        measuring.measure(event, at=ground.now)
        named.append(list(EventMachine.objects.order_by("pk").values_list("public_id", flat=True)))
    assert named[0] == named[1]  # whoever reads them page by page goes on where it was
    rows = ExcusedInterval.objects.all()
    assert rows.count() == 4
    row = rows.first()
    assert (row.reason, row.source_key) == ("dear hours", f"curtailment_event:{event.public_id}")
    machine = EventMachine.objects.get(miner=row.miner)
    assert (row.starts_at, row.ends_at) == (machine.told_at, machine.back_at)
    assert (
        excused_within(row.miner_id, start=row.starts_at + FIVE, end=ground.now) == row.ends_at - row.starts_at - FIVE
    )
    event.refresh_from_db()
    assert event.revision == 2


def test_it_is_reckoned_when_readings_can_have_come_and_again_later(ground: Ground, root: User) -> None:
    event = curtailed(ground, root)
    over = event.ended_at
    assert over is not None
    assert measuring.due(over + timedelta(minutes=19)) == []
    first = over + timedelta(minutes=20)
    assert measuring.due(first) == [event]
    measuring.measure_if_due(event, at=first)
    measuring.measure_if_due(event, at=first)
    event.refresh_from_db()
    assert event.revision == 1
    assert measuring.due(over + timedelta(minutes=59)) == []
    for wait, revision in ((HOUR, 2), (timedelta(days=1), 3), (timedelta(days=3), 4)):
        assert measuring.due(over + wait) == [event]
        measuring.measure_if_due(event, at=over + wait)
        event.refresh_from_db()
        assert event.revision == revision
    assert measuring.due(over + timedelta(days=3, hours=1)) == []


def test_the_database_keeps_one_event_a_site(ground: Ground, root: User) -> None:
    approved(ground, root)
    ground.tick()
    with pytest.raises(IntegrityError, match="one_at_a_time"), transaction.atomic():
        CurtailmentEvent.objects.create(number=99, site=ground.site, started_at=ground.now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_policies WHERE tablename = 'curtailment_eventshare'")
        assert cursor.fetchone() == (2,)


def test_spans_of_one_machine_join_and_split() -> None:
    def at(minute: int) -> datetime:
        return factories.NOW.replace(minute=0, second=0, microsecond=0) + timedelta(minutes=minute)

    spans = [Span(1, at(0), at(1), at(20), 5), Span(1, at(18), at(18), at(40), 7), Span(2, at(3), at(4), at(9))]
    whole = joined(spans)
    assert [(span.miner, span.told, span.off, span.back, span.draw_w) for span in whole] == [
        (1, at(0), at(1), at(40), 7), (2, at(3), at(4), at(9), 0),
    ]  # fmt: skip
    parts = split(whole, [Owning(1, 8, at(-60), at(15)), Owning(1, 9, at(30), None)])
    assert [(span.owner, span.told, span.off, span.back) for span in parts if span.miner == 1] == [
        (8, at(0), at(1), at(15)), (None, at(15), at(15), at(30)), (9, at(30), at(30), at(40)),
    ]  # fmt: skip

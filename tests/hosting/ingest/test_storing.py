"""Readings in the tables: what is believed, once, under the owner of its moment, and what must be reckoned."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from accounts.models import User
from crm.models import Customer
from hashinsight.events.models import OutboxEvent
from hosting.domain import fleet
from hosting.domain.fleet import quarter_hour
from hosting.domain.telemetry import store_readings
from hosting.engine.ingest.checking import Reason
from hosting.engine.ingest.columns import UNREACHABLE, join
from hosting.enums import PowerSource, ReadingSource, TelemetryState
from hosting.models import Miner, MinerLatest, RollupDue, Telemetry, TelemetryFiveMinutes
from tests.hosting.ingest.batches import batch, silent

Machines = Callable[..., list[Miner]]
MINUTE = timedelta(minutes=1)
EDGE = ReadingSource.EDGE


def dues() -> list[tuple[datetime, list[int]]]:
    """Five minutes to reckon, with their machines."""
    return [(row.bucket_start, row.miner_ids) for row in RollupDue.objects.order_by("bucket_start", "id")]


def test_a_batch_is_stored_with_its_newest_readings_marks_and_one_event(machines: Machines, now: datetime) -> None:
    one, two = machines(2)
    readings = batch([two.pk, one.pk], now, times=6, hashrate_ths=[200.0] * 11 + [np.nan], shares_accepted=2**40)
    stored = store_readings(readings, source=EDGE, at=now + 6 * MINUTE)
    assert (stored.stored, stored.duplicates, stored.quarantined) == (12, 0, 0)
    rows = list(Telemetry.objects.filter(miner_id=one.pk).order_by("recorded_at"))
    assert [row.recorded_at for row in rows] == [now + n * MINUTE for n in range(6)]
    assert [row.hashrate_ths for row in rows] == [200.0] * 5 + [None]
    assert {(r.power_w, r.uptime_s, r.shares_accepted, r.shares_rejected, r.inlet_temp_c) for r in rows} == {
        (3500.0, 600, 2**40, None, None)
    }
    assert {(r.state, r.power_source, r.source, r.customer_id, r.clock_skewed) for r in rows} == {
        (TelemetryState.MINING, PowerSource.REPORTED, EDGE, None, False)
    }
    assert dues() == [(now, [one.pk, two.pk]), (now + 5 * MINUTE, [one.pk, two.pk])]
    latest = MinerLatest.objects.get(pk=one.pk)
    assert (latest.recorded_at, latest.answered_at, latest.hashrate_ths) == (now + 5 * MINUTE, now + 5 * MINUTE, None)
    event = OutboxEvent.objects.get(kind="miner.telemetry_updated")
    assert (event.payload["stored"], event.payload["machines"], event.payload["source"]) == (12, 2, "edge")


def test_sent_again_nothing_is_stored_marked_or_told(machines: Machines, now: datetime) -> None:
    ids = [miner.pk for miner in machines(3)]
    readings = batch(ids, now, times=4)
    store_readings(readings, source=EDGE, at=now + 4 * MINUTE)
    before = (dues(), list(MinerLatest.objects.order_by("pk").values()), OutboxEvent.objects.count())
    again = store_readings(readings, source=EDGE, at=now + 9 * MINUTE)
    assert (again.stored, again.duplicates) == (0, 12)
    assert (dues(), list(MinerLatest.objects.order_by("pk").values()), OutboxEvent.objects.count()) == before
    assert Telemetry.objects.count() == 12


def test_of_a_batch_that_is_there_in_part_the_rest_is_stored_and_marked(machines: Machines, now: datetime) -> None:
    ids = [miner.pk for miner in machines(2)]
    store_readings(batch(ids[:1], now, power_w=1000.0), source=EDGE, at=now)
    RollupDue.objects.all().delete()
    # Twice in one batch as well: the first stays.
    both = join([batch(ids, now, power_w=2000.0), batch(ids[1:], now, power_w=3000.0)])
    stored = store_readings(both, source=EDGE, at=now)
    assert (stored.stored, stored.duplicates) == (1, 2)
    assert list(Telemetry.objects.order_by("miner_id").values_list("power_w", flat=True)) == [1000.0, 2000.0]
    assert dues() == [(now, [ids[1]])]


def test_a_batch_over_midnight_goes_into_two_days(machines: Machines, now: datetime) -> None:
    (miner,) = machines(1)
    start = now.replace(hour=23, minute=58)
    for _twice in range(2):
        stored = store_readings(batch([miner.pk], start, times=4), source=EDGE, at=start + 4 * MINUTE)
    assert (stored.stored, stored.duplicates, Telemetry.objects.count()) == (0, 4, 4)


def test_a_silent_machine_is_a_row_without_figures_and_does_not_answer(machines: Machines, now: datetime) -> None:
    (miner,) = machines(1)
    store_readings(batch([miner.pk], now), source=EDGE, at=now)
    stored = store_readings(silent([miner.pk], now + MINUTE, power_w=12.0), source=EDGE, at=now + MINUTE)
    assert stored.doubts.counts == {(Reason.NOT_ANSWERED, "power_w"): 1}
    row = Telemetry.objects.get(recorded_at=now + MINUTE)
    assert (row.state, row.power_w, row.power_source, row.hashrate_ths) == (UNREACHABLE, None, PowerSource.NONE, None)
    latest = MinerLatest.objects.get()
    assert (latest.recorded_at, latest.answered_at, latest.state) == (now + MINUTE, now, UNREACHABLE)


def test_a_late_reading_leaves_the_newest_alone(machines: Machines, now: datetime) -> None:
    (miner,) = machines(1)
    store_readings(silent([miner.pk], now + 7 * MINUTE), source=EDGE, at=now + 7 * MINUTE)
    RollupDue.objects.all().delete()
    store_readings(batch([miner.pk], now + 3 * MINUTE, power_w=99.0), source=EDGE, at=now + 8 * MINUTE)
    latest = MinerLatest.objects.get()
    assert (latest.recorded_at, latest.power_w, latest.state) == (now + 7 * MINUTE, None, UNREACHABLE)
    assert latest.answered_at == now + 3 * MINUTE
    assert dues() == [(now, [miner.pk])]


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        ({"power_w": 1e300}, Reason.OUT_OF_RANGE),
        ({"hashrate_ths": -1.0}, Reason.OUT_OF_RANGE),
        ({"chip_temp_c": np.inf}, Reason.NOT_FINITE),
        ({"shares_accepted": 1.5}, Reason.NOT_WHOLE),
        ({"shares_rejected": 2.0**70}, Reason.OUT_OF_RANGE),
    ],
)
def test_a_figure_nobody_can_believe_becomes_unknown_and_its_reading_stays(
    machines: Machines, now: datetime, figures: dict[str, float], reason: Reason
) -> None:
    (miner,) = machines(1)
    stored = store_readings(batch([miner.pk], now, **figures), source=EDGE, at=now)
    ((name, _value),) = figures.items()
    assert stored.doubts.counts == {(reason, name): 1}
    assert (stored.stored, stored.quarantined, getattr(Telemetry.objects.get(), name)) == (1, 0, None)


def test_readings_of_no_machine_or_no_believable_time_are_put_aside_and_the_others_stored(
    machines: Machines, now: datetime
) -> None:
    (miner,) = machines(1)
    parts = [
        batch([miner.pk], now),
        batch([miner.pk + 1000], now),
        batch([miner.pk], now - timedelta(days=46)),
        batch([miner.pk], now + 11 * MINUTE),
    ]
    stored = store_readings(join(parts), source=EDGE, at=now)
    assert (stored.stored, stored.quarantined) == (1, 3)
    assert [(doubt.place, doubt.reason) for doubt in stored.doubts.listed] == [
        (1, Reason.UNKNOWN_MACHINE), (2, Reason.TOO_OLD), (3, Reason.IN_FUTURE),
    ]  # fmt: skip
    assert stored.doubts.listed[1].value == "2026-10-05T09:30:00.000000"


def test_each_reading_carries_the_owner_of_its_moment(
    machines: Machines, now: datetime, root: User, customer_a: Customer, customer_b: Customer
) -> None:
    one, two = machines(2)
    quarter = quarter_hour(now)
    fleet.assign_miners([one], customer=customer_a, since=quarter - timedelta(hours=1), by=root, at=now)
    fleet.assign_miners([one], customer=customer_b, since=quarter, by=root, at=now)
    readings = batch([one.pk, two.pk], quarter - timedelta(minutes=75), every=timedelta(minutes=30), times=4)
    store_readings(readings, source=EDGE, at=now + timedelta(minutes=20))
    rows = Telemetry.objects.order_by("miner_id", "recorded_at").values_list("customer_id", flat=True)
    assert list(rows) == [None, customer_a.pk, customer_a.pk, customer_b.pk] + [None] * 4
    assert MinerLatest.objects.get(pk=one.pk).customer == customer_b


def test_a_back_dated_owner_is_stamped_on_all_rows_and_they_are_reckoned_again(
    machines: Machines, now: datetime, root: User, customer_a: Customer, customer_b: Customer
) -> None:
    one, two = machines(2)
    quarter = quarter_hour(now)
    fleet.assign_miners([one, two], customer=customer_a, since=quarter - timedelta(hours=1), by=root, at=now)
    store_readings(batch([one.pk, two.pk], quarter - 2 * MINUTE, times=4), source=EDGE, at=now + 9 * MINUTE)
    _rolled_up(one.pk, quarter - 5 * MINUTE, customer_a.pk)
    _rolled_up(one.pk, quarter, customer_a.pk)
    _rolled_up(two.pk, quarter, customer_a.pk)
    RollupDue.objects.all().delete()
    fleet.assign_miners([one], customer=customer_b, since=quarter, by=root, at=now + 9 * MINUTE)
    rows = Telemetry.objects.order_by("miner_id", "recorded_at").values_list("customer_id", flat=True)
    assert list(rows) == [customer_a.pk] * 2 + [customer_b.pk] * 2 + [customer_a.pk] * 4
    five = TelemetryFiveMinutes.objects.order_by("miner_id", "bucket_start").values_list("customer_id", flat=True)
    assert list(five) == [customer_a.pk, customer_b.pk, customer_a.pk]
    latest = MinerLatest.objects.order_by("pk").values_list("customer_id", flat=True)
    assert list(latest) == [customer_b.pk, customer_a.pk]
    assert dues() == [(quarter, [one.pk])]


def _rolled_up(miner_id: int, start: datetime, customer_id: int) -> None:
    values: dict[str, Any] = dict.fromkeys(
        ("expected_samples", "samples", "online_samples", "hashrate_samples", "power_samples", "restarts"), 0
    )
    TelemetryFiveMinutes.objects.create(
        miner_id=miner_id, bucket_start=start, customer_id=customer_id, **values
    )  # fmt: skip

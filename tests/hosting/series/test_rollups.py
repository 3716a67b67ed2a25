"""Rollups equal a recomputation from the readings, in whatever order these came, and wherever the reckoner died."""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import User
from crm.models import Customer
from hosting.domain import fleet, places, rollups
from hosting.domain.fleet import Spot
from hosting.models import (
    DayDue,
    Miner,
    RollupDue,
    SeriesPartition,
    Site,
    Telemetry,
    TelemetryDay,
    TelemetryFiveMinutes,
    UsageDue,
)
from tests.hosting.series import oracle
from tests.hosting.series.history import dying_after, ensure_partitions, reckon_all, rows_of, store
from tests.hosting.series.oracle import Reading
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
BEGIN = datetime(2026, 11, 19, 22, 0, tzinfo=UTC)
LATER = BEGIN + timedelta(hours=12)
FIVE = timedelta(minutes=5)
Machines = Callable[..., list[Miner]]
FIVE_COLUMNS = (
    "customer_id", "expected_samples", "samples", "online_samples", "hashrate_samples", "power_samples",
    "hashrate_ths", "power_w", "power_max_w", "power_source", "chip_temp_max_c", "inlet_temp_c", "fan_min_rpm",
    "restarts", "shares_accepted",
)  # fmt: skip
DAY_COLUMNS = (
    "expected_samples", "samples", "online_samples", "hashrate_ths", "power_w", "restarts", "shares_accepted",
)  # fmt: skip


@pytest.fixture
@standing
def fleet_of_three(site: Site, machines: Machines, root: User) -> list[Miner]:
    """Two at a site read every minute (one of them moves to one read every ten), one in the storeroom."""
    Site.objects.filter(pk=site.pk).update(collection_interval_s=60)
    slow = places.create_site(
        name="Laredo", capacity_kw=1000, time_zone="America/Chicago", currency="USD", collection_interval_s=600,
        at=BEGIN,
    )  # fmt: skip
    miners = machines(3)
    at = BEGIN - timedelta(days=2)
    fleet.place_miners(miners[:2], spot=Spot(Site.objects.get(pk=site.pk)), by=root, at=at)
    fleet.place_miners([miners[1]], spot=Spot(slow), by=root, at=BEGIN + timedelta(minutes=67))
    ensure_partitions(date(2026, 11, 18), date(2026, 11, 21))
    return miners


WHOLE = [None, *map(float, (0, 3000, 3100, 3500))]
READING = st.builds(
    dict,
    miner=st.integers(0, 2),
    second=st.one_of(st.integers(0, 14_399), st.integers(0, 48).map(lambda n: n * 300), st.integers(6900, 7500)),
    state=st.sampled_from([1, 1, 1, None, 3, 6]),
    power_w=st.sampled_from(WHOLE),
    hashrate_ths=st.sampled_from([None, 0.0, 200.0, 210.5]),
    chip_temp_c=st.sampled_from([None, 60.0, 75.5]),
    inlet_temp_c=st.sampled_from([None, 25.0, 30.0]),
    fan_min_rpm=st.sampled_from([None, 0.0, 4200.0]),
    uptime_s=st.one_of(st.none(), st.integers(0, 20_000), st.just("running")),
    shares=st.one_of(st.none(), st.integers(0, 500)),
    skewed=st.sampled_from([False, False, False, True]),
)
STEP = st.one_of(
    st.tuples(st.just("store"), st.lists(READING, min_size=1, max_size=12)),
    st.tuples(st.just("under way"), st.lists(READING, min_size=1, max_size=4)),
    st.tuples(st.just("assign"), st.tuples(st.integers(0, 2), st.sampled_from([0, 1, None]), st.integers(0, 16))),
    st.tuples(st.just("reckon"), st.integers(1, 30)),
    st.tuples(st.just("days"), st.integers(1, 30)),
    st.tuples(st.just("die"), st.integers(2, 14)),
)


class Past:
    """What happened so far, kept beside the product."""

    def __init__(self, miners: list[Miner], owners: list[Customer], root: User) -> None:
        self.miners, self.owners, self.root = miners, owners, root
        self.readings: dict[tuple[int, datetime], Reading] = {}
        self.owned: dict[int, list[oracle.Span]] = {miner.pk: [] for miner in miners}

    def apply(self, kind: str, what: Any) -> None:
        if kind in ("store", "under way"):
            batch = [self._reading(facts) for facts in what]
            stamp = {miner.pk: self.owners[0].pk for miner in self.miners} if kind == "under way" else None
            store(batch, stamp)
            for reading in batch:
                self.readings.setdefault((reading.miner_id, reading.at), reading)
        elif kind == "assign":
            self._assign(*what)
        elif kind == "reckon":
            rollups.reckon_five_minutes(at=LATER, portion=what)
        elif kind == "days":
            rollups.reckon_days(at=LATER, portion=what)
        else:
            with suppress(KeyboardInterrupt), transaction.atomic(), dying_after(what):
                rollups.reckon_five_minutes(at=LATER)

    def _reading(self, facts: dict[str, Any]) -> Reading:
        second = facts["second"]
        uptime = 1000 + second if facts["uptime_s"] == "running" else facts["uptime_s"]
        rest = {name: value for name, value in facts.items() if name not in ("miner", "second", "uptime_s")}
        if facts["state"] == oracle.UNREACHABLE:
            rest = {"state": facts["state"]}
            uptime = None
        return Reading(
            miner_id=self.miners[facts["miner"]].pk, at=BEGIN + timedelta(seconds=second), uptime_s=uptime, **rest
        )

    def _assign(self, miner: int, owner: int | None, quarter: int) -> None:
        since = BEGIN + timedelta(minutes=15) * quarter
        customer = None if owner is None else self.owners[owner]
        fleet.assign_miners([self.miners[miner]], customer=customer, since=since, by=self.root, at=LATER)
        spans = self.owned[self.miners[miner].pk]
        cut = [(a, since if b is None or b > since else b, c) for a, b, c in spans if a < since]
        self.owned[self.miners[miner].pk] = [*cut, *([] if customer is None else [(since, None, customer.pk)])]

    def compare(self, site: Site) -> None:
        first, second, third = (miner.pk for miner in self.miners)
        moved, placed = BEGIN + timedelta(minutes=67), BEGIN - timedelta(days=2)
        intervals = {first: [(placed, None, 60)], second: [(placed, moved, 60), (moved, None, 600)], third: []}
        stood = {first: [(placed, None, 1)], second: [(placed, None, 1)], third: []}
        fives = oracle.five_minutes(list(self.readings.values()), self.owned, intervals)
        alike(rows_of(TelemetryFiveMinutes, ("miner_id", "bucket_start"), FIVE_COLUMNS), fives, FIVE_COLUMNS)
        days = oracle.days(fives, self.owned, stood)
        alike(rows_of(TelemetryDay, ("miner_id", "day", "customer_id"), DAY_COLUMNS), days, DAY_COLUMNS)
        stamped = Telemetry.objects.values_list("miner_id", "recorded_at", "customer_id")
        assert [row for row in stamped if oracle.value_at(self.owned[row[0]], row[1]) != row[2]] == []


def alike(stored: dict[Any, Any], wanted: dict[Any, Any], columns: tuple[str, ...]) -> None:
    assert set(stored) == set(wanted)
    for key, row in wanted.items():
        assert [real(value) for value in stored[key]] == [real(row[name]) for name in columns], (key, columns)


def real(value: Any) -> Any:
    """As far as a real of the database goes."""
    return f"{value:.6g}" if isinstance(value, float) else value


@settings(
    max_examples=2_000 if NIGHTLY else 25, deadline=None, database=None, derandomize=not NIGHTLY,
    suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
@given(steps=st.lists(STEP, min_size=4, max_size=14))
def test_rollups_equal_a_recomputation_from_raw(
    steps: list[tuple[str, Any]],
    fleet_of_three: list[Miner],
    site: Site,
    customer_a: Customer,
    customer_b: Customer,
    root: User,
) -> None:
    with transaction.atomic():
        past = Past(fleet_of_three, [customer_a, customer_b], root)
        for kind, what in steps:
            past.apply(kind, what)
        reckon_all(LATER, portion=25)
        past.compare(site)
        assert (RollupDue.objects.count(), DayDue.objects.count()) == (0, 0)
        transaction.set_rollback(True)


def tables() -> tuple[dict[Any, Any], dict[Any, Any], int]:
    fives = rows_of(TelemetryFiveMinutes, ("miner_id", "bucket_start"), FIVE_COLUMNS)
    days = rows_of(TelemetryDay, ("miner_id", "day", "customer_id"), DAY_COLUMNS)
    return fives, days, UsageDue.objects.values("site", "interval_start").distinct().count()


def an_hour(miners: list[Miner]) -> list[Reading]:
    return [
        Reading(miner.pk, BEGIN + timedelta(seconds=60 * n + 5), power_w=3000.0 + n, uptime_s=60 * n, shares=n)
        for miner in miners
        for n in range(60)
    ]


def test_killed_in_the_middle_the_tables_are_those_of_an_undisturbed_run(fleet_of_three: list[Miner]) -> None:
    store(an_hour(fleet_of_three[:2]))
    with transaction.atomic():
        reckon_all(LATER, portion=8)
        undisturbed = tables()
        transaction.set_rollback(True)
    for kill in range(50 if NIGHTLY else 3):
        with suppress(KeyboardInterrupt), transaction.atomic(), dying_after(3 + kill * 7 % 40):
            reckon_all(LATER, portion=8)
    reckon_all(LATER, portion=8)
    assert tables() == undisturbed
    assert len(undisturbed[0]) == 24


def test_a_late_reading_changes_its_five_minutes_and_those_that_look_back_to_it(fleet_of_three: list[Miner]) -> None:
    miner = fleet_of_three[0]
    at = [BEGIN + timedelta(minutes=minutes) for minutes in (1, 11, 21)]
    store([Reading(miner.pk, at[0], uptime_s=100, shares=10), Reading(miner.pk, at[2], uptime_s=605, shares=50)])
    reckon_all(LATER)
    assert TelemetryFiveMinutes.objects.get(bucket_start=BEGIN + 4 * FIVE).restarts == 1
    TelemetryFiveMinutes.objects.filter(bucket_start=BEGIN).update(samples=99)  # nobody touches what is not concerned
    store([Reading(miner.pk, at[1], uptime_s=5, shares=2)])
    reckon_all(LATER)
    rows = rows_of(TelemetryFiveMinutes, ("bucket_start",), ("samples", "restarts", "shares_accepted"))
    assert rows == {
        (BEGIN,): (99, 0, None),
        (BEGIN + 2 * FIVE,): (1, 1, 2),
        (BEGIN + 4 * FIVE,): (1, 0, 48),
    }


def test_five_minutes_are_reckoned_when_they_and_their_grace_are_over(fleet_of_three: list[Miner]) -> None:
    store([Reading(fleet_of_three[0].pk, BEGIN)])
    over = BEGIN + FIVE + timedelta(seconds=60)
    assert rollups.reckon_five_minutes(at=over - timedelta(seconds=1)) == rollups.Reckoned(0, more=False)
    assert rollups.reckon_five_minutes(at=over) == rollups.Reckoned(1, more=False)


def test_how_many_readings_were_expected_stays_when_the_site_is_read_more_often(fleet_of_three: list[Miner]) -> None:
    store([Reading(fleet_of_three[0].pk, BEGIN)])
    reckon_all(LATER)
    Site.objects.update(collection_interval_s=10)
    rollups.rebuild(BEGIN.date(), BEGIN.date(), at=LATER)
    reckon_all(LATER)
    assert TelemetryFiveMinutes.objects.get().expected_samples == 5


def test_rebuilding_brings_back_what_was_lost_but_nothing_whose_readings_are_gone(fleet_of_three: list[Miner]) -> None:
    store([*an_hour(fleet_of_three[:1]), Reading(fleet_of_three[0].pk, BEGIN + timedelta(hours=4), uptime_s=14_400)])
    reckon_all(LATER)
    before = tables()
    TelemetryFiveMinutes.objects.all().update(samples=0, restarts=7)
    rollups.rebuild(date(2026, 11, 1), date(2026, 11, 30), at=LATER)
    reckon_all(LATER)
    assert tables()[:2] == before[:2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT hosting_drop_partition('hosting_telemetry', '2026-11-19')")
    rollups.mark([BEGIN], [fleet_of_three[0].pk], at=LATER)
    rollups.rebuild(date(2026, 11, 1), date(2026, 11, 30), at=LATER)
    reckon_all(LATER)
    assert tables()[:2] == before[:2]


def test_partitions_are_known_with_their_days(fleet_of_three: list[Miner]) -> None:
    parts = SeriesPartition.objects.filter(first_day__gte=date(2026, 11, 1), first_day__lte=date(2026, 11, 19))
    assert set(parts.values_list("name", "first_day", "past_day")) == {
        ("hosting_telemetry_p20261118", date(2026, 11, 18), date(2026, 11, 19)),
        ("hosting_telemetry_p20261119", date(2026, 11, 19), date(2026, 11, 20)),
        ("hosting_telemetry_5min_p20261118", date(2026, 11, 18), date(2026, 11, 19)),
        ("hosting_telemetry_5min_p20261119", date(2026, 11, 19), date(2026, 11, 20)),
        ("hosting_telemetry_day_p20261101", date(2026, 11, 1), date(2026, 12, 1)),
    }

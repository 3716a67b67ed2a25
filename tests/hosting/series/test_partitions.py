"""Partitions are there before their time, and go only when they are reckoned, billed and old enough."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from accounts.models import User
from hashinsight.jobs.domain import retention
from hashinsight.jobs.models import RetentionPolicy
from hosting.domain import fleet, partitions, rollups
from hosting.domain.fleet import Spot
from hosting.domain.usage import reckon_quarters
from hosting.models import Miner, SeriesPartition, Telemetry, TelemetryFiveMinutes, Zone
from tests.hosting.series.history import ensure_partitions, reckon_all, store
from tests.hosting.series.oracle import Reading
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
DAY = datetime(2026, 9, 1, tzinfo=UTC)
LATER = DAY + timedelta(days=60, hours=3)


@pytest.fixture
def billed(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """Until when everything is billed: the first element."""
    until = [LATER]
    monkeypatch.setattr(partitions, "_billing", [lambda first, past: past <= until[0]])
    return until


@pytest.fixture
@standing
def read(zone: Zone, machines: Callable[..., list[Miner]], root: User) -> Miner:
    """A machine read for an hour on the first of September, reckoned; partitions of three days."""
    (miner,) = machines(1)
    fleet.place_miners([miner], spot=Spot(zone.site, zone), by=root, at=DAY)
    ensure_partitions(date(2026, 9, 1), date(2026, 9, 3))
    store([Reading(miner.pk, DAY + timedelta(minutes=5 * n), power_w=3000.0) for n in range(12)])
    reckon_all(LATER)
    while reckon_quarters(at=LATER).more:
        pass
    return miner


def names(series: str) -> list[str]:
    return list(SeriesPartition.objects.filter(series=series, first_day__year=2026, first_day__month=9)
                .order_by("name").values_list("name", flat=True))  # fmt: skip


def run(kind: str, days: int) -> int:
    retention.seed_policies()
    policy = RetentionPolicy.objects.get(kind=kind)
    RetentionPolicy.objects.filter(pk=policy.pk).update(keep_days=days)
    policy.refresh_from_db()
    foreseen = retention.dry_run(policy, by="x", at=LATER)
    report = retention.run_policy(policy, at=LATER, go_on=lambda: True)
    assert report.deleted_count == foreseen.due_count
    assert retention.run_policy(policy, at=LATER, go_on=lambda: True).deleted_count == 0
    return int(report.deleted_count)


def test_the_compact_profile_is_the_default() -> None:
    retention.seed_policies()
    rows = RetentionPolicy.objects.filter(kind__startswith="hosting.telemetry")
    assert dict(rows.values_list("kind", "keep_days")) == {
        "hosting.telemetry": 1, "hosting.telemetry_5min": 30, "hosting.telemetry_day": 365,
    }  # fmt: skip


def test_partitions_of_days_that_are_over_go_whole_and_in_order(read: Miner, billed: list[datetime]) -> None:
    assert run("hosting.telemetry_5min", 30) == 0  # their readings are still there
    assert run("hosting.telemetry_day", 30) == 0
    assert run("hosting.telemetry", 58) == 2  # the third of September ends 57 days and three hours before
    assert names("hosting_telemetry") == ["hosting_telemetry_p20260903"]
    assert run("hosting.telemetry", 57) == 1
    assert TelemetryFiveMinutes.objects.count() == 12
    assert run("hosting.telemetry_5min", 30) == 3
    assert run("hosting.telemetry_day", 30) == 1
    assert Telemetry.objects.count() == TelemetryFiveMinutes.objects.count() == 0


@pytest.mark.parametrize("why", ["nobody bills", "not billed", "due", "differs", "missing"])
def test_nothing_goes_before_it_is_reckoned_and_billed(
    why: str, read: Miner, billed: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    if why == "nobody bills":
        monkeypatch.setattr(partitions, "_billing", [])
    elif why == "not billed":
        billed[0] = DAY + timedelta(hours=23)
    elif why == "due":
        rollups.mark([DAY], [read.pk], at=LATER)
    elif why == "differs":
        TelemetryFiveMinutes.objects.filter(bucket_start=DAY).update(samples=7)
    else:
        TelemetryFiveMinutes.objects.filter(bucket_start=DAY).delete()
    assert run("hosting.telemetry", 59) == 0
    assert "hosting_telemetry_p20260901" in names("hosting_telemetry")


def test_five_minutes_stay_until_days_and_usage_are_reckoned_from_them(read: Miner, billed: list[datetime]) -> None:
    assert run("hosting.telemetry", 57) == 3
    rollups.mark([DAY], [read.pk], at=LATER)
    rollups.reckon_five_minutes(at=LATER)  # marks the day and the quarter-hour
    assert run("hosting.telemetry_5min", 59) == 0
    rollups.reckon_days(at=LATER)
    assert run("hosting.telemetry_5min", 59) == 0
    reckon_quarters(at=LATER)
    assert run("hosting.telemetry_5min", 59) == 1


def test_partitions_are_made_ahead_and_missed_aloud() -> None:
    at = datetime(2031, 5, 30, 23, 0, tzinfo=UTC)
    assert {finding.key for finding in partitions.missing_partitions(at)} == {
        "hosting_telemetry", "hosting_telemetry_5min", "hosting_telemetry_day",
    }  # fmt: skip
    assert partitions.ensure_partitions(at=at) == 16 * 2 + 2
    assert partitions.ensure_partitions(at=at) == 0
    assert list(partitions.missing_partitions(at)) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT hosting_drop_partition('hosting_telemetry', '2031-06-01')")
    assert [finding.key for finding in partitions.missing_partitions(at)] == ["hosting_telemetry"]

"""Care of the database: figures, advice in words, early clean-up, and connections that fit."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings

from accounts.models import User
from hashinsight.jobs import checks
from hashinsight.jobs.admin.database import advice
from hashinsight.jobs.domain import care
from hashinsight.jobs.models import TableSize
from tests.factories import TODAY

pytestmark = pytest.mark.django_db
HOT = ("jobs_duework", "jobs_jobrun", "jobs_schedulerlock")


def _table(**changes: Any) -> care.Table:
    facts: dict[str, Any] = {
        "name": "crm_invoice", "total_bytes": 50 * 1024**2, "index_bytes": 0, "rows": 100, "live_rows": 100,
        "dead_rows": 0, "vacuumed_at": None, "analyzed_at": None,
    }  # fmt: skip
    return care.Table(**{**facts, **changes})


def _server(**changes: Any) -> care.Server:
    facts: dict[str, Any] = {
        "size_bytes": 1, "max_connections": 100, "connections": 10, "counted_since": None,
        "longest_transaction": None,
    }  # fmt: skip
    return care.Server(**{**facts, **changes})


def test_every_table_is_measured_once_a_day() -> None:
    count = care.measure_tables(on=TODAY)
    assert care.measure_tables(on=TODAY) == count > 30
    assert TableSize.objects.count() == count
    assert TableSize.objects.get(table="crm_invoice").total_bytes > 0


def test_growth_is_counted_from_the_oldest_day_within_a_month() -> None:
    for days, size in ((40, 1), (20, 1000), (5, 2000)):
        TableSize.objects.create(
            table="crm_invoice", measured_on=TODAY - timedelta(days=days), total_bytes=size, row_estimate=0
        )
    table = next(one for one in care.tables(on=TODAY) if one.name == "crm_invoice")
    assert (table.grown_bytes, table.since) == (table.total_bytes - 1000, TODAY - timedelta(days=20))
    other = next(one for one in care.tables(on=TODAY) if one.name == "crm_payment")
    assert (other.grown_bytes, other.since) == (None, None)


@pytest.mark.parametrize(
    ("server", "tables", "indexes", "word"),
    [
        (_server(longest_transaction=timedelta(minutes=11)), [], [], "11 minutes"),
        (_server(connections=81), [], [], "81 of 100"),
        (_server(), [_table(dead_rows=30)], [], "23 % dead rows"),
        (_server(), [], [care.Index("i", "t", 20 * 1024**2, 0, 1)], "never used"),
        (_server(), [], [care.Index("i", "t", 90 * 1024**2, 5, 1)], "twice as large"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(server: Any, tables: Any, indexes: Any, word: str) -> None:
    found = advice(server, tables, indexes)
    assert len(found) == 1
    assert word in found[0]


def test_where_all_is_well_nothing_is_said() -> None:
    fine = [_table(dead_rows=20), _table(total_bytes=1000, dead_rows=1000)]
    assert advice(_server(longest_transaction=timedelta(minutes=9), connections=80), fine, []) == []


def test_the_page_reads_as_text(root: User, client: Client) -> None:
    client.force_login(root)
    text = client.get("/admin/jobs/tablesize/overview/").content.decode()
    assert "Largest tables" in text
    assert "crm_" in text


@pytest.mark.parametrize("table", HOT)
def test_hot_tables_are_cleaned_up_early(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = %s", [table])
        options = cursor.fetchone()[0]
    assert "autovacuum_vacuum_scale_factor=0.02" in options


def test_the_processes_fit_into_the_server() -> None:
    assert checks.check_connections(databases=["default"]) == []
    assert checks.connections_wanted()["web"] == 30


@override_settings(WORKER_PROCESSES=500)
def test_too_many_processes_are_named_part_by_part() -> None:
    (found,) = checks.check_connections(databases=["default"])
    assert found.id == "hashinsight.jobs.E001"
    assert "web 30, workers 500" in found.msg


def test_a_pool_with_kept_connections_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_pool() == []
    with monkeypatch.context() as patch:
        patch.setitem(settings.DATABASES, "default", {"OPTIONS": {"pool": {"max_size": 1}}, "CONN_MAX_AGE": 60})
        assert [one.id for one in checks.check_pool()] == ["hashinsight.jobs.E002"]
    with override_settings(WEB_PROCESSES=31):
        assert [one.id for one in checks.check_pool()] == ["hashinsight.jobs.E003"]


@override_settings(BEAT_LOCK_SECONDS=90)
def test_a_lead_that_outlives_its_leader_for_long_is_warned_of() -> None:
    assert [one.id for one in checks.check_lock()] == ["hashinsight.jobs.W001"]


def test_a_partitioned_table_is_the_sum_of_its_partitions() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT hosting_ensure_partitions('2026-11-01', '2026-11-03')")
        cursor.execute(
            "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = %s::regclass",
            ["hosting_telemetry"],
        )
        size = cursor.fetchone()[0]
    found = {table.name: table for table in care.tables(on=date(2026, 11, 3))}
    assert found["hosting_telemetry"].total_bytes == size > 0
    assert [name for name in found if name.startswith("hosting_telemetry")] == [
        name for name in found if name in ("hosting_telemetry", "hosting_telemetry_5min", "hosting_telemetry_day")
    ]

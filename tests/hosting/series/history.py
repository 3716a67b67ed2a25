"""Readings as they come in, for tests: stored, stamped and marked as the decision record says."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from hosting.domain import rollups
from hosting.models import MinerOwnership, RollupDue, Telemetry
from tests.hosting.series.oracle import EPOCH, Reading


def ensure_partitions(first: date, last: date) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT hosting_ensure_partitions(%s, %s)", [first, last])


def owner_of(miner_id: int, at: datetime) -> int | None:
    for row in MinerOwnership.objects.filter(miner_id=miner_id, valid_from__lte=at):
        if row.valid_to is None or row.valid_to > at:
            return row.customer_id
    return None


def store(readings: Iterable[Reading], stamp: Mapping[int, int | None] | None = None) -> None:
    """As one batch; ``stamp`` overrides the owners (a batch that was under way while a machine changed hands)."""
    rows, due = [], {}
    for reading in readings:
        owner = stamp[reading.miner_id] if stamp is not None else owner_of(reading.miner_id, reading.at)
        rows.append(
            Telemetry(
                miner_id=reading.miner_id, recorded_at=reading.at, customer_id=owner, state=reading.state,
                power_w=reading.power_w, hashrate_ths=reading.hashrate_ths, chip_temp_c=reading.chip_temp_c,
                inlet_temp_c=reading.inlet_temp_c, fan_min_rpm=reading.fan_min_rpm, uptime_s=reading.uptime_s,
                shares_accepted=reading.shares, clock_skewed=reading.skewed, source=1,
                power_source=0 if reading.power_w is None else 1,
            )
        )  # fmt: skip
        start = reading.at - (reading.at - EPOCH) % timedelta(minutes=5)
        due.setdefault(start, set()).add(reading.miner_id)
    Telemetry.objects.bulk_create(rows, ignore_conflicts=True)
    RollupDue.objects.bulk_create(
        [RollupDue(bucket_start=start, miner_ids=sorted(miners)) for start, miners in due.items()]
    )


def reckon_all(at: datetime, portion: int = rollups.PORTION) -> None:
    """Five minutes, then days, until nothing is ripe."""
    while rollups.reckon_five_minutes(at=at, portion=portion).more:
        pass
    while rollups.reckon_days(at=at, portion=portion).more:
        pass


@contextmanager
def dying_after(statements: int) -> Iterator[list[str]]:
    """The connection fails at a statement, as a process that is killed there."""
    seen: list[str] = []

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if len(seen) == statements:
            raise KeyboardInterrupt(sql)
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield seen


def rows_of(model: Any, key: Sequence[str], columns: Sequence[str]) -> dict[Any, Any]:
    return {row[: len(key)]: row[len(key) :] for row in model.objects.values_list(*key, *columns)}

"""Whose a reading is: the owner of its moment is stamped on its row, and stamped again when ownership is back-dated.

Whoever stores holds the stamping lock together with others; whoever changes ownership holds it alone. So no reading is
stamped with an owner that was changed in the meantime. The lock is taken before any row's: a change of owner that
locked its machines first would wait for a batch that waits for them.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from django.db import connection
from psycopg import Cursor

from hosting.domain.packed import packed, rows
from hosting.engine.ingest.columns import Integers
from hosting.engine.ingest.packing import Cell
from hosting.engine.ingest.spans import Period, holders, microseconds, moment_of

LOCK = 4_731_001  # advisory, of the transaction

_CHANGED = """
    SELECT greatest(max(valid_from), max(valid_to)) FROM hosting_minerownership
"""
_PERIODS = """
    SELECT miner_id, customer_id, extract(epoch FROM valid_from)::bigint, extract(epoch FROM valid_to)::bigint
    FROM hosting_minerownership
    WHERE miner_id = ANY(%b::bigint[]) AND valid_from <= %s AND (valid_to IS NULL OR valid_to > %s)
"""


def hold_stamps() -> None:
    """Wait until nobody stores, and keep it so until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def begin_stamping(cursor: Cursor[tuple[object, ...]]) -> None:
    """Wait until nobody changes ownership; nobody will until the transaction ends."""
    cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LOCK])


def owners(cursor: Cursor[tuple[object, ...]], miner_ids: Integers, recorded_us: Integers, now: Integers) -> Integers:
    """The owner of each reading, 0 for our own machines. ``now`` holds the present owners beside the readings.

    Where every reading is younger than the last change of any ownership, the present owners are the answer.
    """
    if not len(miner_ids):
        return now
    ((changed,),) = rows(cursor, _CHANGED)
    oldest, latest = int(recorded_us.min()), int(recorded_us.max())
    if changed is None or microseconds(changed) <= oldest:
        return now
    machines = packed(Cell(">i8", np.unique(miner_ids)))
    found = rows(cursor, _PERIODS, (machines, moment_of(latest), moment_of(oldest)))
    return holders(miner_ids, recorded_us, (Period(*row) for row in found))


_OWNER = """(
    SELECT o.customer_id FROM hosting_minerownership o
    WHERE o.miner_id = {table}.miner_id AND o.valid_from <= {table}.{time}
      AND (o.valid_to IS NULL OR o.valid_to > {table}.{time})
)"""
_RAW = _OWNER.format(table="hosting_telemetry", time="recorded_at")
_FIVE = _OWNER.format(table="hosting_telemetry_5min", time="bucket_start")
_LATEST = _OWNER.format(table="hosting_minerlatest", time="recorded_at")
_CHANGES = (
    f"""
    UPDATE hosting_telemetry SET customer_id = {_RAW}
    WHERE miner_id = ANY(%(ids)s) AND recorded_at >= %(since)s AND customer_id IS DISTINCT FROM {_RAW}
    """,  # noqa: S608  (constants)
    f"""
    UPDATE hosting_minerlatest SET customer_id = {_LATEST}
    WHERE miner_id = ANY(%(ids)s) AND recorded_at >= %(since)s AND customer_id IS DISTINCT FROM {_LATEST}
    """,  # noqa: S608  (constants)
    f"""
    WITH changed AS (
        UPDATE hosting_telemetry_5min SET customer_id = {_FIVE}
        WHERE miner_id = ANY(%(ids)s) AND bucket_start >= %(since)s AND customer_id IS DISTINCT FROM {_FIVE}
        RETURNING bucket_start, miner_id
    )
    INSERT INTO hosting_rollupdue (bucket_start, miner_ids, marked_at)
    SELECT bucket_start, array_agg(miner_id ORDER BY miner_id), now() FROM changed GROUP BY bucket_start
    """,  # noqa: S608  (constants)
)


def restamp_readings(miner_ids: Sequence[int], since: datetime) -> None:
    """Stamp the rows of these machines anew from a moment on, and mark their five minutes: days and usage follow."""
    with connection.cursor() as cursor:
        for statement in _CHANGES:
            cursor.execute(statement, {"ids": list(miner_ids), "since": since})

"""What a database holds: rows and checksum of every table, the same on every server that holds the same."""

import time
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from hashinsight.backup.engine.manifest import Mark

TRIES = 200
_TABLES = """
SELECT c.relname FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""
# Both hashes depend on every column of every row and not on their order; two seeds make 128 bits.
_TABLE = """
SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text || ':'
                 || coalesce(sum(hashtextextended(t::text, 4711)::numeric), 0)::text FROM {table} t
"""
# Rows must read the same whatever a server or a login prefers.
_PLAIN = "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL extra_float_digits = 1"
_QUIET = """
SELECT pg_current_wal_insert_lsn()::text, clock_timestamp()::text,
       pg_snapshot_xmin(s) = pg_snapshot_xmax(s) FROM pg_current_snapshot() s
"""


@dataclass(frozen=True)
class Moment:
    """A place in the log at which nothing was under way (``is_exact``), or simply now."""

    lsn: str
    at: str
    is_exact: bool


def begin_snapshot(connection: "psycopg.Connection[Any]") -> Moment:
    """Begin a transaction that sees exactly what the log holds up to the place returned.

    That is so when no transaction was writing and the log had not grown between the two looks; on a busy server this
    is tried for a while, then the moment is only about right, and says so.
    """
    moment = Moment("", "", False)
    for _number in range(TRIES):
        connection.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute(_PLAIN)
        before = _look(connection)
        after = _look(connection)
        moment = Moment(before[0], before[1], before[0] == after[0] and before[2] and after[2])
        if moment.is_exact:
            return moment
        connection.execute("ROLLBACK")
        time.sleep(0.05)
    connection.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    connection.execute(_PLAIN)
    return moment


def _look(connection: "psycopg.Connection[Any]") -> tuple[str, str, bool]:
    row = connection.execute(_QUIET).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def all_tables(connection: "psycopg.Connection[Any]") -> dict[str, tuple[int, str]]:
    """Rows and checksum of every table of the schema, inside the running transaction."""
    names = [name for (name,) in connection.execute(_TABLES).fetchall()]
    found: dict[str, tuple[int, str]] = {}
    for name in names:
        row = connection.execute(sql.SQL(_TABLE).format(table=sql.Identifier(name))).fetchone()
        assert row is not None
        found[name] = (row[0], row[1])
    return found


def take_mark(connection: "psycopg.Connection[Any]") -> Mark:
    """A moment with what every table held at it; ends the transaction."""
    moment = begin_snapshot(connection)
    tables = all_tables(connection)
    connection.execute("ROLLBACK")
    return Mark(moment.lsn, moment.at, moment.is_exact, tables)


def differing(mark: Mark, found: dict[str, tuple[int, str]]) -> list[str]:
    """Names of tables that are not what the mark says."""
    return sorted(name for name in {*mark.tables, *found} if mark.tables.get(name) != found.get(name))

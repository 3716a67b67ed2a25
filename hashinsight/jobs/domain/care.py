"""How the database is doing: sizes, growth, dead rows, long transactions, indexes nobody uses."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from hashinsight.jobs.models import TableSize

LARGE = 10 * 1024 * 1024  # below 10 MB neither bloat nor an unused index is worth a person's time
DEAD_SHARE = 0.2
LONG_TRANSACTION = timedelta(minutes=10)

# A partitioned table is the sum of its partitions; what it says of itself would count their rows twice.
_TABLES = """
SELECT coalesce(parent.relname, c.relname), sum(pg_total_relation_size(c.oid))::bigint,
       sum(pg_indexes_size(c.oid))::bigint,
       sum(CASE c.relkind WHEN 'r' THEN greatest(c.reltuples, 0) ELSE 0 END)::bigint,
       sum(s.n_live_tup)::bigint, sum(s.n_dead_tup)::bigint,
       max(greatest(s.last_autovacuum, s.last_vacuum)),
       max(greatest(s.last_autoanalyze, s.last_analyze))
  FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
  LEFT JOIN pg_inherits part ON part.inhrelid = c.oid
  LEFT JOIN pg_class parent ON parent.oid = part.inhparent
 WHERE c.relkind IN ('r', 'p') AND s.schemaname = 'public'
 GROUP BY 1
 ORDER BY 2 DESC, 1
"""
_INDEXES = """
SELECT s.indexrelname, s.relname, pg_relation_size(s.indexrelid), s.idx_scan, pg_relation_size(s.relid)
  FROM pg_stat_user_indexes s JOIN pg_index i ON i.indexrelid = s.indexrelid
 WHERE s.schemaname = 'public' AND pg_relation_size(s.indexrelid) >= %s
   AND ((s.idx_scan = 0 AND NOT i.indisunique AND NOT i.indisprimary)
        OR pg_relation_size(s.indexrelid) > 2 * greatest(pg_relation_size(s.relid), %s))
 ORDER BY 3 DESC, 1
"""
_OLDEST = """
SELECT extract(epoch FROM clock_timestamp() - min(xact_start))::float FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
"""
_SERVER = """
SELECT pg_database_size(current_database()), current_setting('max_connections')::int,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database())
"""


@dataclass(frozen=True)
class Table:
    """One table with its indexes; ``grown_bytes`` since the snapshot of ``since`` (None: no snapshot yet)."""

    name: str
    total_bytes: int
    index_bytes: int
    rows: int
    live_rows: int
    dead_rows: int
    vacuumed_at: datetime | None
    analyzed_at: datetime | None
    grown_bytes: int | None = None
    since: date | None = None

    @property
    def dead_share(self) -> float:
        """Dead rows among all of them, 0 to 1."""
        return self.dead_rows / max(self.live_rows + self.dead_rows, 1)

    @property
    def is_bloated(self) -> bool:
        """Large, and a good part of it is what was deleted or overwritten."""
        return self.total_bytes >= LARGE and self.dead_share > DEAD_SHARE


@dataclass(frozen=True)
class Index:
    """An index to look at: never used since the counters were reset, or much larger than its table."""

    name: str
    table: str
    size_bytes: int
    scans: int
    table_bytes: int


@dataclass(frozen=True)
class Server:
    """The database as a whole."""

    size_bytes: int
    max_connections: int
    connections: int
    counted_since: datetime | None
    longest_transaction: timedelta | None

    @property
    def is_held_up(self) -> bool:
        """A transaction has been open so long that nothing behind it can be cleaned up."""
        return self.longest_transaction is not None and self.longest_transaction > LONG_TRANSACTION


def _ask(sql: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def tables(*, on: date) -> list[Table]:
    """Every table, the largest first, with its growth over about a month (or since the first snapshot)."""
    known: dict[str, tuple[int, date]] = {}
    rows = TableSize.objects.filter(measured_on__gte=on - timedelta(days=30), measured_on__lt=on)
    for name, size, day in rows.order_by("-measured_on").values_list("table", "total_bytes", "measured_on"):
        known[name] = (size, day)  # the oldest comes last
    found = []
    for row in _ask(_TABLES):
        before, since = known.get(row[0], (None, None))
        grown = None if before is None else row[1] - before
        found.append(replace(Table(*row), grown_bytes=grown, since=since))
    return found


def indexes() -> list[Index]:
    """Indexes worth a look, the largest first."""
    return [Index(*row) for row in _ask(_INDEXES, [LARGE, LARGE])]


def server() -> Server:
    """Size, connections, and the oldest open transaction."""
    size, most, used, since = _ask(_SERVER)[0]
    seconds = _ask(_OLDEST)[0][0]
    longest = None if seconds is None else timedelta(seconds=max(float(seconds), 0))
    return Server(size, most, used, since, longest)


def measure_tables(*, on: date) -> int:
    """Note the size of every table, once a day; returns how many tables there are."""
    rows = [TableSize(table=row[0], measured_on=on, total_bytes=row[1], row_estimate=row[3]) for row in _ask(_TABLES)]
    TableSize.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["table", "measured_on"],
        update_fields=["total_bytes", "row_estimate"],
    )
    return len(rows)

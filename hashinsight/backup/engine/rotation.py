"""Which backups are kept, and from which log file on the archive is needed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hashinsight.backup.engine.manifest import Manifest

SEGMENT = 16 * 1024 * 1024


def to_remove(backups: Sequence[Manifest], *, at: datetime, keep_days: int, keep_months: int) -> list[Manifest]:
    """Those older than ``keep_days`` that are not the first of one of the last ``keep_months`` calendar months.

    The newest one of each kind always stays, however old it is.
    """
    by_age = sorted(backups, key=lambda one: one.started)
    kept = {one.kind: one.name for one in by_age}  # the last entry of each kind wins: the newest
    months: dict[tuple[int, int], str] = {}
    for one in by_age:
        months.setdefault((one.started.year, one.started.month), one.name)
    first_month = at.year * 12 + at.month - keep_months
    monthly = {name for (year, month), name in months.items() if year * 12 + month > first_month}
    limit = at - timedelta(days=keep_days)
    keep = {*kept.values(), *monthly}
    return [one for one in by_age if one.started < limit and one.name not in keep]


def wal_name(timeline: int, lsn: str) -> str:
    """Name of the log file that holds a place, for servers with the usual 16 MiB files."""
    high, _, low = lsn.partition("/")
    return f"{timeline:08X}{int(high, 16):08X}{int(low, 16) // SEGMENT:08X}"

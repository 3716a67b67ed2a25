"""Storing readings: checked, stamped with their owner, copied into their day, and marked for reckoning.

All of a batch in one transaction: rows of the series, the newest reading of each machine, the five minutes that must be
reckoned, one event. Nothing happens per reading; a hundred thousand take some tenths of a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.transaction import atomic
from psycopg import Cursor
from psycopg.errors import UniqueViolation

from hashinsight.events.domain import publish
from hosting.domain.packed import Packed, packed, packed_cursor, rows
from hosting.domain.stamping import begin_stamping, owners
from hosting.engine.ingest import spans
from hosting.engine.ingest.checking import Doubts, check
from hosting.engine.ingest.columns import REALS, WHOLE, Columns, Integers, Mask
from hosting.engine.ingest.packing import Cell, copy_stream
from hosting.engine.ingest.spans import DAY_US, NEVER_US, day_of, microseconds, moment_of
from hosting.enums import ReadingSource
from hosting.models import Site

_MACHINES = """
    SELECT miner.id, coalesce(miner.customer_id, 0), latest.recorded_at
    FROM hosting_miner miner
    LEFT JOIN hosting_minerlatest latest ON latest.miner_id = miner.id
    WHERE miner.id = ANY(%b::bigint[])
    ORDER BY miner.id
"""
_FIGURES = (*REALS, *WHOLE)
_COLUMNS = (
    "miner_id", "recorded_at", "customer_id", *_FIGURES, "state", "power_source", "source", "clock_skewed",
)  # fmt: skip
_NAMES = ", ".join(_COLUMNS)
_ASIDE = "CREATE TEMPORARY TABLE hosting_aside (LIKE {leaf}) ON COMMIT DROP"
_TAKE = f"""
    WITH stored AS (
        INSERT INTO {{leaf}} ({_NAMES}) SELECT {_NAMES} FROM hosting_aside ORDER BY miner_id, recorded_at
        ON CONFLICT DO NOTHING RETURNING miner_id, recorded_at
    )
    SELECT miner_id, recorded_at FROM stored
"""  # noqa: S608  (constants)
_LATEST_COLUMNS = (*_FIGURES, "state", "power_source", "customer_id", "recorded_at", "received_at")
_LATEST_TYPES = ("real",) * len(REALS) + ("bigint",) * len(WHOLE) + ("smallint", "smallint", "bigint", "timestamptz")
_LASTING = {"power_target_w": "coalesce(excluded.power_target_w, known.power_target_w)"}  # until it says another
_LATEST = """
    INSERT INTO hosting_minerlatest AS known (miner_id, {columns}, answered_at)
    SELECT miner_id, {figures}, %s, answered_at
    FROM unnest(%b::bigint[], {arrays}, %b::timestamptz[]) AS fresh (miner_id, {figures}, answered_at)
    ON CONFLICT (miner_id) DO UPDATE SET {changes},
        answered_at = greatest(known.answered_at, excluded.answered_at)
    WHERE excluded.recorded_at > known.recorded_at
""".format(  # noqa: S608  (constants)
    columns=", ".join(_LATEST_COLUMNS),
    figures=", ".join(_LATEST_COLUMNS[:-1]),
    arrays=", ".join(f"%b::{name}[]" for name in _LATEST_TYPES),
    changes=", ".join(f"{name} = {_LASTING.get(name, f'excluded.{name}')}" for name in _LATEST_COLUMNS),
)
_ANSWERED = """
    UPDATE hosting_minerlatest known SET answered_at = fresh.answered_at
    FROM unnest(%b::bigint[], %b::timestamptz[]) AS fresh (miner_id, answered_at)
    WHERE known.miner_id = fresh.miner_id AND fresh.answered_at > coalesce(known.answered_at, '-infinity')
"""
_DUE = "INSERT INTO hosting_rollupdue (bucket_start, miner_ids, marked_at) VALUES (%s, %b::bigint[], %s)"


@dataclass(frozen=True, slots=True)
class Stored:
    """What came of a batch: readings stored, readings that were there already, and what was not believed."""

    stored: int
    duplicates: int
    doubts: Doubts

    @property
    def quarantined(self) -> int:
        """Whole readings put aside."""
        return self.doubts.readings()


@dataclass(frozen=True, slots=True)
class _Machines:
    """What the house knows of the machines of a batch, by id."""

    ids: Integers
    customers: Integers
    newest_us: Integers


@transaction.atomic
def store_readings(
    columns: Columns,
    *,
    source: ReadingSource,
    at: datetime,
    site: Site | None = None,
    doubts: Doubts | None = None,
    accept_from: datetime | None = None,
) -> Stored:
    """Store a batch received at ``at``; a reading that is there already stays as it is.

    What is not believed is noted in ``doubts`` (those the caller has already, or new ones): a figure beyond its bounds
    becomes unknown, a reading of no machine, too old or of the future is left out. Nothing about a reading raises.
    ``accept_from`` takes the place of the setting that says what is too old.
    """
    doubts = Doubts() if doubts is None else doubts
    oldest = microseconds(accept_from or at - timedelta(days=settings.TELEMETRY_ACCEPTED_DAYS))
    newest = microseconds(at + timedelta(seconds=settings.TELEMETRY_AHEAD_SECONDS))
    with packed_cursor() as cursor:
        begin_stamping(cursor)
        machines = _machines(cursor, columns.miner_ids)
        believed, _places = check(
            _of_known(columns, machines), oldest_us=oldest, newest_us=newest, doubts=doubts
        )  # fmt: skip
        if not len(believed):
            return Stored(0, 0, doubts)
        told = believed.take(spans.tell_apart(believed))
        at_machine = np.searchsorted(machines.ids, told.miner_ids)
        customers = owners(cursor, told.miner_ids, told.recorded_us, machines.customers[at_machine])
        fresh = _store(cursor, told, customers, source)
        last = spans.newest(told)
        _keep_newest(cursor, told, customers, last, machines, at)
        _mark(cursor, told.take(fresh), at)
    stored = int(fresh.sum())
    if stored:
        _tell(told, stored, len(believed) - stored, doubts, source=source, site=site, at=at)
    return Stored(stored, len(believed) - stored, doubts)


def _machines(cursor: Cursor[Any], miner_ids: Integers) -> _Machines:
    asked = np.unique(miner_ids)
    found = rows(cursor, _MACHINES, (packed(Cell(">i8", asked[asked > 0])),))
    return _Machines(
        np.array([row[0] for row in found], np.int64),
        np.array([row[1] for row in found], np.int64),
        np.array([NEVER_US if row[2] is None else microseconds(row[2]) for row in found], np.int64),
    )


def _of_known(columns: Columns, machines: _Machines) -> Columns:
    """The same readings, id 0 where the house has no such machine."""
    known = np.isin(columns.miner_ids, machines.ids)
    if known.all():
        return columns
    return replace(columns, miner_ids=np.where(known, columns.miner_ids, np.minimum(columns.miner_ids, 0)))


def _cells(told: Columns, customers: Integers, source: ReadingSource) -> list[Cell]:
    count = len(told)
    return [
        Cell(">i8", told.miner_ids),
        Cell("time", told.recorded_us),
        Cell(">i8", customers, customers > 0),
        *_figures(told),
        Cell(">i2", told.state, told.state > 0),
        Cell(">i2", told.power_source),
        Cell(">i2", np.full(count, int(source), np.int16)),
        Cell("?", np.zeros(count, bool) if told.skewed is None else told.skewed),
    ]


def _figures(told: Columns) -> list[Cell]:
    cells = []
    for name in _FIGURES:
        kind = ">f4" if name in REALS else ">i8"
        values = told.figures.get(name)
        if values is None:
            cells.append(Cell(kind, np.zeros(len(told)), np.zeros(len(told), bool)))
            continue
        valid = ~np.isnan(values)
        # A float that is no number has no whole number either: the cast would warn, and means nothing.
        cells.append(Cell(kind, values if kind == ">f4" or valid.all() else np.where(valid, values, 0), valid))
    return cells


def _store(cursor: Cursor[Any], told: Columns, customers: Integers, source: ReadingSource) -> Mask:
    """Copy into the leaves; says which were really stored."""
    days = told.recorded_us // DAY_US
    first, last = int(days.min()), int(days.max())
    _ensure(cursor, np.unique(days))
    if first == last:
        return _copy(cursor, first, told, customers, source)
    fresh = np.zeros(len(told), bool)
    for day in np.unique(days).tolist():
        places = np.flatnonzero(days == day)
        fresh[places] = _copy(cursor, day, told.take(places), customers[places], source)
    return fresh


def _ensure(cursor: Cursor[Any], days: Integers) -> None:
    for run in np.split(days, np.flatnonzero(np.diff(days) > 1) + 1):
        cursor.execute(
            b"SELECT hosting_ensure_partitions(%s, %s)",
            (day_of(int(run[0]) * DAY_US), day_of(int(run[-1]) * DAY_US)),
        )


def leaf_of(day: date) -> str:
    """The partition of the raw series that holds a UTC day."""
    return f"hosting_telemetry_p{day:%Y%m%d}"


def _copy(cursor: Cursor[Any], day: int, told: Columns, customers: Integers, source: ReadingSource) -> Mask:
    leaf = leaf_of(day_of(day * DAY_US))
    cells = _cells(told, customers, source)
    try:
        with atomic():
            _copy_into(cursor, leaf, cells)
        return np.ones(len(told), bool)
    except UniqueViolation:
        cursor.execute(_ASIDE.format(leaf=leaf).encode())
        _copy_into(cursor, "hosting_aside", cells)
        taken = rows(cursor, _TAKE.format(leaf=leaf))
        cursor.execute(b"DROP TABLE hosting_aside")
        return _among(told, taken)


def _copy_into(cursor: Cursor[Any], table: str, cells: Sequence[Cell]) -> None:
    with cursor.copy(f"COPY {table} ({_NAMES}) FROM STDIN (FORMAT BINARY)".encode()) as copy:
        for part in copy_stream(cells):
            copy.write(part)


def _among(told: Columns, taken: list[tuple[int, datetime]]) -> Mask:
    stored = {(miner, microseconds(moment)) for miner, moment in taken}
    if not stored:
        return np.zeros(len(told), bool)
    pairs = zip(told.miner_ids.tolist(), told.recorded_us.tolist(), strict=True)
    return np.array([pair in stored for pair in pairs], bool)


def _keep_newest(
    cursor: Cursor[Any], told: Columns, customers: Integers, last: spans.Newest, machines: _Machines, at: datetime
) -> None:
    """Rows of ``MinerLatest``, locked in the order of the machines, so that two batches never wait for each other."""
    known_us = machines.newest_us[np.searchsorted(machines.ids, last.miner_ids)]
    answered = Cell("time", last.answered_us, last.answered_us != NEVER_US)
    newer = told.recorded_us[last.places] > known_us
    if newer.any():
        chosen = last.places[newer]
        rows_ = told.take(chosen)
        owned = customers[chosen]
        arrays: list[Packed] = [packed(cell) for cell in _figures(rows_)]
        arrays += [packed(cell) for cell in (
            Cell(">i2", rows_.state, rows_.state > 0), Cell(">i2", rows_.power_source),
            Cell(">i8", owned, owned > 0), Cell("time", rows_.recorded_us),
        )]  # fmt: skip
        ids = packed(Cell(">i8", rows_.miner_ids))
        moments = packed(Cell("time", last.answered_us[newer], last.answered_us[newer] != NEVER_US))
        cursor.execute(_LATEST.encode(), (at, ids, *arrays, moments))
    if not newer.all():
        cursor.execute(_ANSWERED.encode(), (packed(Cell(">i8", last.miner_ids)), packed(answered)))


def _mark(cursor: Cursor[Any], stored: Columns, at: datetime) -> None:
    """Five minutes to reckon; the reckoner itself finds those that look back to them."""
    marks = [(moment_of(start), packed(Cell(">i8", ids)), at) for start, ids in spans.due(stored)]
    if marks:
        cursor.executemany(_DUE.encode(), marks)


def _tell(
    told: Columns, stored: int, duplicates: int, doubts: Doubts, *, source: ReadingSource, site: Site | None,
    at: datetime,
) -> None:  # fmt: skip
    publish(
        "miner.telemetry_updated",
        aggregate_type="site",
        aggregate_id=site.public_id if site else "",
        payload={
            "site_id": str(site.public_id) if site else None,
            "source": source.name.lower(),
            "machines": len(np.unique(told.miner_ids)),
            "stored": stored,
            "duplicates": duplicates,
            "quarantined": doubts.readings(),
            "first_at": moment_of(int(told.recorded_us.min())).isoformat(),
            "last_at": moment_of(int(told.recorded_us.max())).isoformat(),
        },
    )

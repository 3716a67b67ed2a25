"""Files of prices by intervals, in the three ways markets write time: moments in UTC, local clocks, settlement periods.

A local clock shows an hour twice in autumn and none in spring. When a file has the doubled hour once, it is taken as
the first of the two and the second is a gap; a time that no clock showed is refused. A settlement day has 46, 48 or 50
half-hours, counted from local midnight.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

MOST_ROWS = 400_000
MOST_TROUBLES = 100
HALF_HOUR = timedelta(minutes=30)
UTC_NAMES = ("datetime_utc", "start_utc", "time_utc", "timestamp_utc", "starts_at")
LOCAL_NAMES = ("timestamp_local", "datetime_local", "start_local", "time_local", "timestamp", "datetime")
DAY_NAMES, PERIOD_NAMES = ("settlement_date", "settlement date"), ("settlement_period", "settlement period")


class FileUnusable(ValueError):
    """Nothing of the file can be used; the message says why."""


class Form(StrEnum):
    """How a file writes time."""

    UTC = "utc"
    LOCAL = "local"
    PERIODS = "periods"


@dataclass(frozen=True, slots=True)
class Interval:
    """From a moment (UTC) to another, exclusive: what it cost, in the unit of the series."""

    start: datetime
    end: datetime
    value: Decimal


@dataclass(frozen=True)
class Trouble:
    """A line that was left out, by the number a person sees, and why."""

    line: int
    text: str


@dataclass
class PriceFile:
    """Intervals in order, the lines left out, and what lies between the intervals without a value."""

    form: Form
    column: str
    intervals: list[Interval] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    troubles_count: int = 0
    empty: int = 0
    repeated: int = 0

    @property
    def gaps(self) -> list[tuple[datetime, datetime]]:
        """Spans without a value between the first and the last interval."""
        return [(one.end, two.start) for one, two in pairwise(self.intervals) if two.start > one.end]

    def left_out(self, line: int, text: str) -> None:
        """Remember a line that is not used."""
        self.troubles_count += 1
        if len(self.troubles) < MOST_TROUBLES:
            self.troubles.append(Trouble(line, text))


@dataclass(frozen=True)
class Reading:
    """How to read: the column of the value (None: the only one that can be it), the interval, the local clock."""

    column: str | None
    step: timedelta
    zone: str = "UTC"
    lowest: Decimal = Decimal(-5000)
    highest: Decimal = Decimal(20000)
    divide_by: Decimal = Decimal(1)


def read_price_file(content: bytes, how: Reading) -> PriceFile:
    """Read a CSV file. Raises FileUnusable when it is none, has no column of time or value, or nothing usable."""
    rows, names = _rows(content)
    form = _form(names)
    column = _column(how.column, names)
    found = PriceFile(form, column)
    start_of = _clock(form, names, how)
    seen: dict[datetime, Decimal] = {}
    for line, row in rows:
        text = row.get(column, "").strip()
        if not text:
            found.empty += 1
            continue
        try:
            start = start_of(row)
            value = _value(text, how)
        except ValueError as error:
            found.left_out(line, str(error))
            continue
        if start in seen:
            found.repeated += 1
            if seen[start] != value:
                found.left_out(line, f"{start.isoformat()} was there already with {seen[start]}")
            continue
        seen[start] = value
    step = HALF_HOUR if form is Form.PERIODS else how.step
    found.intervals = [Interval(start, start + step, value) for start, value in sorted(seen.items())]
    _check_overlaps(found)
    if not found.intervals:
        raise FileUnusable(
            f"no line can be used; the first trouble: {found.troubles[0].text}" if found.troubles else "no values"
        )
    return found


def _rows(content: bytes) -> tuple[Iterator[tuple[int, Mapping[str, str]]], list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileUnusable("it is no UTF-8 text") from error
    if "\x00" in text:
        raise FileUnusable("it holds NUL characters; it is no CSV file")
    first = text.split("\n", 1)[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",", strict=True
    )
    try:
        names = [name.strip().lower() for name in next(reader)]
    except (StopIteration, csv.Error) as error:
        raise FileUnusable("it is empty") from error
    if len(set(names)) != len(names):
        raise FileUnusable("two columns have the same name")
    return _lines(reader, names), names


def _lines(reader: "csv.Reader", names: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str]]]:  # type: ignore[name-defined]
    try:
        for count, row in enumerate(reader):
            if count >= MOST_ROWS:
                raise FileUnusable(f"it has more than {MOST_ROWS} lines; split it")
            if any(row):
                yield reader.line_num, dict(zip(names, row, strict=False))
    except csv.Error as error:
        raise FileUnusable(f"line {reader.line_num} is broken: {error}") from error


def _form(names: Sequence[str]) -> Form:
    if any(name in names for name in DAY_NAMES) and any(name in names for name in PERIOD_NAMES):
        return Form.PERIODS
    if any(name in names for name in UTC_NAMES):
        return Form.UTC
    if any(name in names for name in LOCAL_NAMES):
        return Form.LOCAL
    known = ", ".join((*UTC_NAMES, *LOCAL_NAMES, "settlement_date with settlement_period"))
    raise FileUnusable(f"no column of time; known are {known}")


def _column(wanted: str | None, names: Sequence[str]) -> str:
    times = {*UTC_NAMES, *LOCAL_NAMES, *DAY_NAMES, *PERIOD_NAMES}
    others = [name for name in names if name and name not in times]
    if wanted is not None:
        if wanted.strip().lower() in others:
            return wanted.strip().lower()
        raise FileUnusable(f"no column {wanted}; there are {', '.join(others)}")
    if len(others) == 1:
        return others[0]
    raise FileUnusable(f"say which column holds the value: {', '.join(others) or 'there is none'}")


def _clock(form: Form, names: Sequence[str], how: Reading) -> Callable[[Mapping[str, str]], datetime]:
    zone = ZoneInfo(how.zone)
    if form is Form.PERIODS:
        day = next(name for name in DAY_NAMES if name in names)
        period = next(name for name in PERIOD_NAMES if name in names)
        return lambda row: period_start(_day(row[day]), _number(row[period]), zone)
    if form is Form.UTC:
        name = next(name for name in UTC_NAMES if name in names)
        return lambda row: _aligned(_utc(row[name]), how.step)
    name = next(name for name in LOCAL_NAMES if name in names)
    shown: set[datetime] = set()

    def local(row: Mapping[str, str]) -> datetime:
        moment = _moment(row[name])
        if moment.tzinfo is not None:
            return _aligned(moment.astimezone(UTC), how.step)
        start = local_start(moment, zone, again=moment in shown)
        shown.add(moment)
        return _aligned(start, how.step)

    return local


def local_start(naive: datetime, zone: ZoneInfo, *, again: bool = False) -> datetime:
    """The moment a local clock shows this; ``again``: the second time. ValueError when no clock shows it."""
    first, second = (naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(zone).replace(tzinfo=None) != naive:
        raise ValueError(f"{naive.isoformat(' ')} does not exist in {zone.key}: the clock is put forward")
    return second if again else first


def period_start(day: date, period: int, zone: ZoneInfo) -> datetime:
    """Start of a half-hour of a settlement day, which is the local day. ValueError when that day has no such one."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=zone).astimezone(UTC)
    count = int((end - midnight) / HALF_HOUR)
    if not 1 <= period <= count:
        raise ValueError(f"{day.isoformat()} has {count} settlement periods, none is {period}")
    return midnight + (period - 1) * HALF_HOUR


def _day(text: str) -> date:
    text = text.strip()
    try:
        if "/" in text:
            return datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007  (a date)
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is no day") from error


def _number(text: str) -> int:
    if not text.strip().isdecimal():
        raise ValueError(f"{text[:40]!r} is no settlement period")
    return int(text)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is no moment") from error


def _utc(text: str) -> datetime:
    moment = _moment(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _aligned(moment: datetime, step: timedelta) -> datetime:
    if moment.timestamp() % min(step.total_seconds(), 3600):
        raise ValueError(f"{moment.isoformat()} is not the start of an interval of {step}")
    return moment


def _value(text: str, how: Reading) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text[:40]!r} is no number") from error
    if not value.is_finite():
        raise ValueError(f"{text[:40]!r} is no number")
    value /= how.divide_by
    if not how.lowest <= value <= how.highest:
        raise ValueError(f"{value} is outside of {how.lowest} to {how.highest}")
    return value


def _check_overlaps(found: PriceFile) -> None:
    for one, two in pairwise(found.intervals):
        if two.start < one.end:
            minutes = int((two.start - one.start).total_seconds() // 60)
            raise FileUnusable(
                f"intervals overlap at {two.start.isoformat()}: the file has one every {minutes} minutes"
            )

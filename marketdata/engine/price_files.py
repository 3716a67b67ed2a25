"""Files of prices by intervals, in the three ways markets write time: moments in UTC, local clocks, settlement periods.

A local clock shows an hour twice in autumn and none in spring. When a file has the doubled hour once, it is taken as
the first of the two and the second is a gap; a time that no clock showed is refused. A settlement day has 46, 48 or 50
half-hours, counted from local midnight.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from marketdata.engine.reasons import FileUnusable, Reason, cut, gettext_noop

MOST_ROWS = 400_000
MOST_TROUBLES = 100
HALF_HOUR = timedelta(minutes=30)
UTC_NAMES = ("datetime_utc", "start_utc", "time_utc", "timestamp_utc", "starts_at")
LOCAL_NAMES = ("timestamp_local", "datetime_local", "start_local", "time_local", "timestamp", "datetime")
DAY_NAMES, PERIOD_NAMES = ("settlement_date", "settlement date"), ("settlement_period", "settlement period")


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
    reason: Reason


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

    def left_out(self, line: int, reason: Reason) -> None:
        """Remember a line that is not used."""
        self.troubles_count += 1
        if len(self.troubles) < MOST_TROUBLES:
            self.troubles.append(Trouble(line, reason))


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
    seen = _values(rows, found, _clock(form, names, how), how)
    step = HALF_HOUR if form is Form.PERIODS else how.step
    found.intervals = [Interval(start, start + step, value) for start, value in sorted(seen.items())]
    _check_overlaps(found)
    if not found.intervals and found.troubles:
        trouble = found.troubles[0].reason
        raise FileUnusable(gettext_noop("no line can be used; the first trouble: %(trouble)s"), trouble=trouble)
    if not found.intervals:
        raise FileUnusable(gettext_noop("it has no values"))
    return found


def _values(
    rows: Iterable[tuple[int, Mapping[str, str]]],
    found: PriceFile,
    start_of: Callable[[Mapping[str, str]], datetime],
    how: Reading,
) -> dict[datetime, Decimal]:
    """By start; the first of several counts. What is left out is noted."""
    seen: dict[datetime, Decimal] = {}
    for line, row in rows:
        text = row.get(found.column, "").strip()
        if not text:
            found.empty += 1
            continue
        try:
            start, value = start_of(row), _value(text, how)
        except Reason as reason:
            found.left_out(line, reason)
            continue
        except (ValueError, ArithmeticError):  # years before the first, numbers of a thousand digits
            found.left_out(line, Reason(gettext_noop("it cannot be read")))
            continue
        if start not in seen:
            seen[start] = value
            continue
        found.repeated += 1
        if seen[start] != value:
            again = gettext_noop("%(what)s was there already with %(value)s")
            found.left_out(line, Reason(again, what=start.isoformat(), value=seen[start]))
    return seen


def _rows(content: bytes) -> tuple[Iterator[tuple[int, Mapping[str, str]]], list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileUnusable(gettext_noop("it is no UTF-8 text")) from error
    if "\x00" in text:
        raise FileUnusable(gettext_noop("it holds NUL characters; it is no CSV file"))
    first = text.split("\n", 1)[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",", strict=True
    )
    try:
        names = [name.strip().lower() for name in next(reader)]
    except (StopIteration, csv.Error) as error:
        raise FileUnusable(gettext_noop("it is empty")) from error
    if len(set(names)) != len(names):
        raise FileUnusable(gettext_noop("two columns have the same name"))
    return _lines(reader, names), names


def _lines(reader: "csv.Reader", names: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str]]]:  # type: ignore[name-defined]
    try:
        for count, row in enumerate(reader):
            if count >= MOST_ROWS:
                raise FileUnusable(gettext_noop("it has more than %(most)s lines; split it"), most=MOST_ROWS)
            if any(row):
                yield reader.line_num, dict(zip(names, row, strict=False))
    except csv.Error as error:
        raise FileUnusable(gettext_noop("line %(line)s is broken"), line=reader.line_num) from error


def _form(names: Sequence[str]) -> Form:
    if any(name in names for name in DAY_NAMES) and any(name in names for name in PERIOD_NAMES):
        return Form.PERIODS
    if any(name in names for name in UTC_NAMES):
        return Form.UTC
    if any(name in names for name in LOCAL_NAMES):
        return Form.LOCAL
    known = ", ".join((*UTC_NAMES, *LOCAL_NAMES, "settlement_date + settlement_period"))
    raise FileUnusable(gettext_noop("no column of time; known are %(names)s"), names=known)


def _column(wanted: str | None, names: Sequence[str]) -> str:
    times = {*UTC_NAMES, *LOCAL_NAMES, *DAY_NAMES, *PERIOD_NAMES}
    others = [name for name in names if name and name not in times]
    if wanted is not None:
        if wanted.strip().lower() in others:
            return wanted.strip().lower()
        raise FileUnusable(
            gettext_noop("no column %(name)s; there are: %(names)s"), name=cut(wanted), names=", ".join(others) or "–"
        )
    if len(others) == 1:
        return others[0]
    if not others:
        raise FileUnusable(gettext_noop("no column beside the time; there are no values"))
    raise FileUnusable(gettext_noop("say which column holds the value: %(names)s"), names=", ".join(others))


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
        raise Reason(
            gettext_noop("%(what)s does not exist in %(zone)s: the clock is put forward"),
            what=naive.isoformat(" "), zone=zone.key,
        )  # fmt: skip
    return second if again else first


def period_start(day: date, period: int, zone: ZoneInfo) -> datetime:
    """Start of a half-hour of a settlement day, which is the local day. ValueError when that day has no such one."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=zone).astimezone(UTC)
    count = int((end - midnight) / HALF_HOUR)
    if not 1 <= period <= count:
        raise Reason(
            gettext_noop("%(day)s has %(count)s settlement periods, none is %(period)s"),
            day=day.isoformat(), count=count, period=period,
        )  # fmt: skip
    return midnight + (period - 1) * HALF_HOUR


def _day(text: str) -> date:
    text = text.strip()
    try:
        if "/" in text:
            return datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007  (a date)
        return date.fromisoformat(text)
    except ValueError as error:
        raise Reason(gettext_noop("%(seen)s is no day"), seen=cut(text)) from error


def _number(text: str) -> int:
    if not text.strip().isdecimal():
        raise Reason(gettext_noop("%(seen)s is no settlement period"), seen=cut(text))
    return int(text)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Reason(gettext_noop("%(seen)s is no moment"), seen=cut(text)) from error


def _utc(text: str) -> datetime:
    moment = _moment(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _aligned(moment: datetime, step: timedelta) -> datetime:
    if moment.timestamp() % min(step.total_seconds(), 3600):
        raise Reason(
            gettext_noop("%(what)s is not the start of an interval of %(minutes)s minutes"),
            what=moment.isoformat(), minutes=int(step.total_seconds() // 60),
        )  # fmt: skip
    return moment


def _value(text: str, how: Reading) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise Reason(gettext_noop("%(seen)s is no number"), seen=cut(text)) from error
    if not value.is_finite():
        raise Reason(gettext_noop("%(seen)s is no number"), seen=cut(text))
    value /= how.divide_by
    if not how.lowest <= value <= how.highest:
        raise Reason(
            gettext_noop("%(value)s is outside of %(lowest)s to %(highest)s"),
            value=value, lowest=f"{Decimal(how.lowest).normalize():f}", highest=f"{Decimal(how.highest).normalize():f}",
        )  # fmt: skip
    return value


def _check_overlaps(found: PriceFile) -> None:
    for one, two in pairwise(found.intervals):
        if two.start < one.end:
            minutes = int((two.start - one.start).total_seconds() // 60)
            raise FileUnusable(
                gettext_noop("intervals overlap at %(what)s: the file has one every %(minutes)s minutes"),
                what=two.start.isoformat(),
                minutes=minutes,
            )

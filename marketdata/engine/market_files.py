"""Files of daily market figures and of difficulty periods, by the names of their columns."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from marketdata.engine.reasons import FileUnusable, Reason, cut, gettext_noop
from marketdata.engine.targets import TargetRefused, target_of

MOST_ROWS = 100_000
MOST_TROUBLES = 100
EXA = Decimal(10**18)
# What a column may be called; the unit is part of the name.
DAY_COLUMNS: dict[str, tuple[tuple[str, Decimal], ...]] = {
    "close_usd": tuple((name, Decimal(1)) for name in ("close_usd", "price_usd", "close")),
    "open_usd": tuple((name, Decimal(1)) for name in ("open_usd", "open")),
    "high_usd": tuple((name, Decimal(1)) for name in ("high_usd", "high")),
    "low_usd": tuple((name, Decimal(1)) for name in ("low_usd", "low")),
    "volume_usd": tuple((name, Decimal(1)) for name in ("volume_usd", "volume")),
    "difficulty": (("difficulty", Decimal(1)), ("difficulty_derived", Decimal(1))),
    "hashrate_ehs": (("hashrate_ehs", Decimal(1)), ("hashrate_hps", 1 / EXA)),
    "block_height": (("block_height", Decimal(1)), ("height", Decimal(1)), ("est_height", Decimal(1))),
    "fees_per_block_btc": (("fees_per_block_btc", Decimal(1)),),
}
# Coins a day, and the blocks they came from: fees per block follow.
# (fees, subsidy): of the same blocks, so that a source that counts some of them twice does so in both.
COINS_OF_DAY = (("fees_btc_reported", "subsidy_btc_reported"), ("fees_btc", "issued_btc"), ("fees_btc", "subsidy_btc"))
DAY_NAMES = ("date", "day", "time")
PERIOD_COLUMNS = ("height_first", "first_height", "height")


@dataclass(frozen=True)
class DayLine:
    """Figures of one UTC day by the name of their column in our tables; ``fees_btc`` and ``mined_btc`` of the day."""

    line: int
    day: date
    figures: Mapping[str, Decimal]
    fees_btc: Decimal | None = None
    mined_btc: Decimal | None = None


@dataclass(frozen=True)
class PeriodLine:
    """First block of a difficulty period, its compact target or difficulty, and the time of the block if known."""

    line: int
    first_height: int
    bits: int | None
    difficulty: Decimal | None
    starts_at: datetime | None


@dataclass
class MarketFile:
    """What a file holds, and the lines that are left out."""

    days: list[DayLine] = field(default_factory=list)
    periods: list[PeriodLine] = field(default_factory=list)
    troubles: list[tuple[int, Reason]] = field(default_factory=list)
    troubles_count: int = 0

    def left_out(self, line: int, reason: Reason) -> None:
        """Remember a line that is not used."""
        self.troubles_count += 1
        if len(self.troubles) < MOST_TROUBLES:
            self.troubles.append((line, reason))


def read_market_file(content: bytes) -> MarketFile:
    """Days or difficulty periods, as the heading says. Raises FileUnusable."""
    lines, names = _table(content)
    found = MarketFile()
    if (
        any(name in names for name in PERIOD_COLUMNS)
        and ("bits" in names or "difficulty" in names)
        and not any(name in names for name, _factor in DAY_COLUMNS["close_usd"])
    ):
        _read(lines, found, lambda line, row: found.periods.append(_period(line, row)))
    else:
        _check_days(names)
        seen: set[date] = set()
        _read(lines, found, lambda line, row: _add_day(found, seen, _day_line(line, row)))
    if not found.days and not found.periods:
        if not found.troubles:
            raise FileUnusable(gettext_noop("it has no lines below the heading"))
        raise FileUnusable(
            gettext_noop("no line can be used; the first trouble: %(trouble)s"), trouble=found.troubles[0][1]
        )
    return found


def _table(content: bytes) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileUnusable(gettext_noop("it is no UTF-8 text")) from error
    if "\x00" in text:
        raise FileUnusable(gettext_noop("it holds NUL characters; it is no CSV file"))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[tuple[int, dict[str, str]]] = []
    try:
        names = [name.strip().lower() for name in next(reader)]
        for row in reader:
            if any(row):
                lines.append((reader.line_num, dict(zip(names, row, strict=False))))
            if len(lines) > MOST_ROWS:
                raise FileUnusable(gettext_noop("it has more than %(most)s lines; split it"), most=MOST_ROWS)
    except StopIteration as error:
        raise FileUnusable(gettext_noop("it is empty")) from error
    except csv.Error as error:
        raise FileUnusable(gettext_noop("line %(line)s is broken"), line=reader.line_num) from error
    return lines, names


def _read(
    lines: list[tuple[int, dict[str, str]]], found: MarketFile, take: Callable[[int, dict[str, str]], None]
) -> None:
    for line, row in lines:
        try:
            take(line, row)
        except Reason as reason:
            found.left_out(line, reason)
        except (ValueError, ArithmeticError):  # years before the first, numbers of a thousand digits
            found.left_out(line, Reason(gettext_noop("it cannot be read")))


def _check_days(names: list[str]) -> None:
    if not any(name in names for name in DAY_NAMES):
        raise FileUnusable(
            gettext_noop("no column of days (%(days)s) and none of heights (%(heights)s)"),
            days=", ".join(DAY_NAMES), heights=PERIOD_COLUMNS[0],
        )  # fmt: skip
    if not any(name in names for name, _factor in DAY_COLUMNS["close_usd"]):
        raise FileUnusable(gettext_noop("no column of prices (close_usd, price_usd or close)"))


def _add_day(found: MarketFile, seen: set[date], line: DayLine) -> None:
    if line.day in seen:
        raise Reason(gettext_noop("%(what)s was there already"), what=line.day.isoformat())
    seen.add(line.day)
    found.days.append(line)


def _day_line(line: int, row: dict[str, str]) -> DayLine:
    day = _day(next(row[name] for name in DAY_NAMES if name in row))
    figures = {}
    for name, columns in DAY_COLUMNS.items():
        for column, factor in columns:
            if (text := row.get(column, "").strip()) and name not in figures:
                figures[name] = _number(text, column) * factor
    if "close_usd" not in figures:
        raise Reason(gettext_noop("no price"))
    _check_figures(figures)
    return DayLine(line, day, figures, *_coins(row))


def _check_figures(figures: Mapping[str, Decimal]) -> None:
    for name, value in figures.items():
        if value < 0 or (value == 0 and name in ("close_usd", "difficulty", "hashrate_ehs")):
            raise Reason(gettext_noop("%(name)s is %(value)s"), name=name, value=f"{value.normalize():f}")
    high, low, close = figures.get("high_usd"), figures.get("low_usd"), figures["close_usd"]
    if high is not None and low is not None and not low <= close <= high:
        raise Reason(
            gettext_noop("the close %(close)s is not between %(low)s and %(high)s"), close=close, low=low, high=high
        )


def _coins(row: dict[str, str]) -> tuple[Decimal | None, Decimal | None]:
    for names in COINS_OF_DAY:
        if all(row.get(name, "").strip() for name in names):
            fees, mined = (_number(row[name], name) for name in names)
            if fees < 0 or mined <= 0:
                raise Reason(gettext_noop("fees of %(fees)s and %(mined)s new coins"), fees=fees, mined=mined)
            return fees, mined
    return None, None


def _period(line: int, row: dict[str, str]) -> PeriodLine:
    height = _number(next(row[name] for name in PERIOD_COLUMNS if name in row), "height")
    if height < 0 or height != height.to_integral_value() or height % 2016:
        raise Reason(gettext_noop("%(height)s is not the first height of a period"), height=height)
    bits_text, difficulty_text = (
        row.get("bits", "").strip().lower().removeprefix("0x"),
        row.get("difficulty", "").strip(),
    )
    bits = None
    if bits_text:
        if len(bits_text) > 8 or any(letter not in "0123456789abcdef" for letter in bits_text):
            raise Reason(gettext_noop("%(seen)s is no compact target"), seen=cut(bits_text))
        bits = _bits(bits_text)
    difficulty = _number(difficulty_text, "difficulty") if difficulty_text else None
    if bits is None and difficulty is None:
        raise Reason(gettext_noop("neither target nor difficulty"))
    if difficulty is not None and difficulty < 1:
        raise Reason(gettext_noop("%(name)s is %(value)s"), name="difficulty", value=difficulty)
    moment = next((row[name].strip() for name in ("starts_at", "time", "timestamp") if row.get(name, "").strip()), "")
    return PeriodLine(line, int(height), bits, difficulty, _moment(moment) if moment else None)


def _bits(text: str) -> int:
    bits = int(text, 16)
    try:
        target_of(bits)
    except TargetRefused as refusal:
        raise Reason(gettext_noop("%(seen)s is no compact target"), seen=cut(text)) from refusal
    return bits


def _day(text: str) -> date:
    """A date, or the Unix seconds at which the day (UTC) begins."""
    text = text.strip()
    if text.isdecimal() and len(text) >= 9:
        moment = _moment(text)
        if moment.timestamp() % 86_400:
            raise Reason(gettext_noop("%(seen)s is not the start of a day"), seen=cut(text))
        return moment.date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Reason(gettext_noop("%(seen)s is no day"), seen=cut(text)) from error


def _moment(text: str) -> datetime:
    if text.isdecimal():
        if not 0 < int(text) < 5_000_000_000:
            raise Reason(gettext_noop("%(seen)s is no moment in seconds"), seen=cut(text))
        return datetime.fromtimestamp(int(text), tz=UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Reason(gettext_noop("%(seen)s is no moment"), seen=cut(text)) from error
    if moment.tzinfo is None:
        raise Reason(gettext_noop("%(seen)s does not say in which time zone"), seen=cut(text))
    return moment.astimezone(UTC)


def _number(text: str, name: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation as error:
        raise Reason(gettext_noop("%(name)s is %(value)s"), name=name, value=cut(text)) from error
    if not value.is_finite() or abs(value.adjusted()) > 40:
        raise Reason(gettext_noop("%(name)s is %(value)s"), name=name, value=cut(text))
    return value

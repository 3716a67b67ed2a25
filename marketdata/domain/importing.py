"""Market figures from files: days, difficulty periods, prices by interval, coins. Each can be tried first."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.db import transaction
from django.utils.translation import gettext as _

from hashinsight.common.audit import audit_context
from hashinsight.common.imports import FileRefused
from marketdata.clients.whattomine import parse_coins
from marketdata.domain.coins import take_figures
from marketdata.domain.days import DayFigures, Noted, note_days
from marketdata.domain.periods import KnownPeriod, note_periods
from marketdata.domain.prices import Stored, store
from marketdata.engine.chain import subsidy_btc
from marketdata.engine.figures import BadAnswer
from marketdata.engine.market_files import DayLine, MarketFile, read_market_file
from marketdata.engine.price_files import PriceFile, Reading, read_price_file
from marketdata.engine.reasons import FileUnusable, Reason, gettext_noop
from marketdata.enums import Origin
from marketdata.models import PriceSeries

MOST_BYTES = 32 * 1024 * 1024
PORTION = 1000
HALF_A_DAY_MORE = 350  # blocks: a day of a fast network, and what a height may be off
FIRST_DAY = date(2009, 1, 3)
T = TypeVar("T")
_BAD = {
    "contradicts": gettext_noop("it contradicts what is known (%(detail)s)"),
    "impossible": gettext_noop("it says what cannot be (%(detail)s)"),
    "missing": gettext_noop("something is missing (%(detail)s)"),
}


class ImportRefused(FileRefused):
    """The file cannot be used; nothing of it was kept."""

    code = "import_refused"


@dataclass(frozen=True)
class Imported:
    """What a file brought, in numbers, and the lines that were left out (the first hundred, by line)."""

    what: str
    new: int = 0
    changed: int = 0
    same: int = 0
    left_out: int = 0
    troubles: list[tuple[int, str]] = field(default_factory=list)
    gaps: list[tuple[datetime, datetime]] = field(default_factory=list)
    tried_only: bool = False


class _Tried(Exception):
    pass


def import_market_file(content: bytes, *, source: str, by: Any, at: datetime, dry_run: bool = False) -> Imported:
    """Days (``date, price_usd, …``) or difficulty periods (``height_first, bits, …``). Raises ImportRefused."""
    file = _read(content, read_market_file)

    def keep() -> Imported:
        if file.periods:
            return _keep_periods(file, source, at)
        noted = Noted()
        figures = [_figures(line) for line in file.days if _is_over(line, file, at)]
        for begin in range(0, len(figures), PORTION):
            part = note_days(figures[begin : begin + PORTION], origin=Origin.IMPORTED, source=source, at=at)
            noted = Noted(noted.new + part.new, noted.changed + part.changed, noted.same + part.same)
        return Imported("days", noted.new, noted.changed, noted.same, file.troubles_count, _lines(file))

    return _run(keep, by, dry_run)


def import_prices(
    series: PriceSeries,
    content: bytes,
    *,
    column: str | None,
    source: str,
    by: Any,
    at: datetime,
    issued_at: datetime | None = None,
    is_settled: bool = False,
    divide_by: Decimal = Decimal(1),
    dry_run: bool = False,
) -> Imported:
    """Prices of a series by interval. Raises ImportRefused."""
    how = Reading(
        column or None, timedelta(minutes=series.step_minutes), series.time_zone, series.lowest, series.highest,
        divide_by,
    )  # fmt: skip
    file: PriceFile = _read(content, lambda body: read_price_file(body, how))
    span = {(one.end - one.start) for one in file.intervals}
    if span != {timedelta(minutes=series.step_minutes)}:
        raise ImportRefused(_("The intervals of the file are not those of the series."))

    def keep() -> Imported:
        stored: Stored = store(series, file.intervals, at=at, issued_at=issued_at, is_settled=is_settled, source=source)
        troubles = [(one.line, _told(one.reason)) for one in file.troubles]
        return Imported(
            "prices", stored.new, stored.changed, stored.same + stored.kept, file.troubles_count, troubles, file.gaps
        )

    return _run(keep, by, dry_run)


def import_coins(content: bytes, *, by: Any, at: datetime, dry_run: bool = False) -> Imported:
    """Figures of coins from the list of WhatToMine (JSON). Raises ImportRefused."""
    figures, wrong = _read(content, parse_coins)

    def keep() -> Imported:
        taken = take_figures(figures, by=by, at=at)
        troubles = [(0, text) for text in (*wrong, *taken.left_out)]
        return Imported("coins", changed=taken.changed, left_out=len(troubles), troubles=troubles)

    return _run(keep, by, dry_run)


def _read(content: bytes, reader: Callable[[bytes], T]) -> T:
    if len(content) > MOST_BYTES:
        raise ImportRefused(_("The file is larger than %(most)s MB.") % {"most": MOST_BYTES // 1024 // 1024})
    try:
        return reader(content)
    except (FileUnusable, BadAnswer) as error:
        raise ImportRefused(_("The file cannot be used: %(reason)s.") % {"reason": _told(error)}) from error


def _told(reason: object) -> str:
    """In the language of whoever reads it; a reason may name another."""
    if isinstance(reason, BadAnswer):
        return _(_BAD.get(reason.reason, "%(detail)s")) % {"detail": reason.detail or reason.reason}
    if not isinstance(reason, Reason):
        return str(reason)
    told = {name: _told(value) if isinstance(value, Reason) else value for name, value in reason.values.items()}
    return _(reason.text) % told


def _lines(file: MarketFile) -> list[tuple[int, str]]:
    return [(line, _told(reason)) for line, reason in file.troubles]


def _run(keep: Callable[[], Imported], by: Any, dry_run: bool) -> Imported:
    """All or nothing; a dry run does the same work and takes it back."""
    found: list[Imported] = []
    try:
        with audit_context(actor=by, source="market-import"), transaction.atomic():
            found.append(keep())
            if dry_run:
                raise _Tried
    except _Tried:
        return Imported(**{**vars(found[0]), "tried_only": True})
    except BadAnswer as error:
        raise ImportRefused(_("The file cannot be used: %(reason)s.") % {"reason": _told(error)}) from error
    return found[0]


def _keep_periods(file: MarketFile, source: str, at: datetime) -> Imported:
    periods = [KnownPeriod(one.first_height, one.bits, one.difficulty, one.starts_at) for one in file.periods]
    new = note_periods(periods, source=source, at=at)
    return Imported("periods", new, 0, len(periods) - new, file.troubles_count, _lines(file))


def _is_over(line: DayLine, file: MarketFile, at: datetime) -> bool:
    if FIRST_DAY <= line.day < at.astimezone(UTC).date():
        return True
    file.left_out(
        line.line, Reason(gettext_noop("%(day)s is not over, or before the first block"), day=line.day.isoformat())
    )
    return False


def _figures(line: DayLine) -> DayFigures:
    """As our columns hold it. The subsidy follows from the height; fees per block from those of the day's blocks."""
    figures = dict(line.figures)
    height = figures.pop("block_height", None)
    reward = subsidy_btc(int(height)) if height is not None else None
    fees = figures.pop("fees_per_block_btc", None)
    if fees is None and line.fees_btc is not None and line.mined_btc and reward and not _halves(int(height or 0)):
        fees = line.fees_btc * reward / line.mined_btc
    return DayFigures(
        line.day,
        **{name: _places(value, name) for name, value in figures.items()},
        block_height=int(height) if height is not None else None,
        block_reward_btc=reward,
        fees_per_block_btc=_places(fees, "fees_per_block_btc") if fees is not None else None,
    )


def _halves(height: int) -> bool:
    """Blocks of the day before may have had another subsidy; heights of files are off by up to 150 blocks."""
    return subsidy_btc(max(0, height - HALF_A_DAY_MORE)) != subsidy_btc(height + HALF_A_DAY_MORE)


def _places(value: Decimal, name: str) -> Decimal:
    places = {"volume_usd": 2, "hashrate_ehs": 12}.get(name, 8)
    return value.quantize(Decimal(1).scaleb(-places))

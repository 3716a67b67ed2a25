"""Series that are asked for: each in its own interval, over HTTP."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import Q

from hashinsight.common.errors import DomainError
from marketdata.clients.http import Asker, SourceFailed
from marketdata.clients.series_csv import parse_csv
from marketdata.clients.series_json import BadMapping, parse_series
from marketdata.domain.prices import Stored, store
from marketdata.engine.figures import BadAnswer
from marketdata.engine.price_files import Interval, Reading
from marketdata.enums import Adapter
from marketdata.models import PriceSeries

AskerFor = Callable[[str], Asker]


class SeriesNotAnswered(DomainError):
    """The address gave no usable answer; the message says why."""

    code = "series_not_answered"


def due_series(*, at: datetime) -> list[PriceSeries]:
    """Active series with an address whose interval is over."""
    rows = PriceSeries.objects.filter(is_active=True).exclude(adapter=Adapter.NONE).order_by("pk")
    return [row for row in rows if row.asked_at is None or row.asked_at + timedelta(minutes=row.every_minutes) <= at]


def ask_due(*, clock: Callable[[], datetime], asker_for: AskerFor) -> dict[str, str]:
    """Ask each due series; one that fails does not stop the others. Returns what became of each, by code."""
    said = {}
    for series in due_series(at=clock()):
        try:
            stored = ask_series(series, at=clock(), asker_for=asker_for)
            said[series.code] = f"{stored.new} new, {stored.changed} changed"
        except SeriesNotAnswered as error:
            said[series.code] = str(error)
    return said


def ask_series(series: PriceSeries, *, at: datetime, asker_for: AskerFor) -> Stored:
    """Ask one series now and keep what is new. Raises SeriesNotAnswered; the series then says what was wrong."""
    try:
        intervals = _parse(series, asker_for(series.url).get("").body)
    except (SourceFailed, BadAnswer, BadMapping) as error:
        _note(series, at, str(error))
        raise SeriesNotAnswered(str(error)) from error
    stored = store(series, intervals, at=at, source=series.source)
    _note(series, at, "")
    return stored


def _parse(series: PriceSeries, body: bytes) -> list[Interval]:
    step = timedelta(minutes=series.step_minutes)
    if series.adapter == Adapter.CSV:
        how = Reading(None, step, zone=series.time_zone, lowest=series.lowest, highest=series.highest)
        return parse_csv(body, series.mapping, how)
    return parse_series(
        body, series.mapping, step=step, lowest=series.lowest, highest=series.highest, currency=series.currency
    )


def with_trouble() -> Q:
    """Series whose last question failed."""
    return ~Q(trouble="")


def _note(series: PriceSeries, at: datetime, trouble: str) -> None:
    """What a person sees of the last question; no change of the series itself, so no version of it."""
    series.asked_at, series.trouble = at, trouble[:300]
    if not trouble:
        series.answered_at = at
    series.save(update_fields=["asked_at", "trouble", "answered_at"])

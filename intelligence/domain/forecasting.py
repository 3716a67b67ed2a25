"""Forecasts: made once from the same data, kept for scoring, published as series that curtailment can ask."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction
from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hashinsight.events.domain.outbox import publish
from intelligence.engine.chain_pace import ChainDay
from intelligence.engine.difficulty import forecast_difficulty, learned_trail
from intelligence.engine.price import HISTORY_DAYS, Close, forecast_price
from intelligence.engine.series import ForecastRefused, Point
from intelligence.enums import ForecastKind
from intelligence.models import ForecastPoint, ForecastRun
from marketdata.domain.days import midnight
from marketdata.domain.prices import store
from marketdata.engine.price_files import Interval
from marketdata.enums import KnownFrom, SeriesKind
from marketdata.models import MarketDay, PriceSeries

CACHE_SECONDS = 30 * 60
KEPT = timedelta(days=30)  # of the points after the last of them; scoring needs the rest, retention decides (C-39)
CHAIN_DAYS = 420
_PLACES = Decimal("1e-8")
DAY = timedelta(days=1)
SERIES = {
    ForecastKind.PRICE: ("forecast-btc-usd", "Bitcoin price, forecast", SeriesKind.BITCOIN, "USD", "BTC"),
    ForecastKind.DIFFICULTY: ("forecast-difficulty", "Difficulty, forecast", SeriesKind.DIFFICULTY, "XXX", "T"),
}
TRILLION = Decimal(10**12)


class ForecastNotMade(DomainError):
    """There is too little to forecast from, or it makes no sense; the message says which."""

    code = "forecast_not_made"


@dataclass(frozen=True)
class Made:
    """What an engine answers, in the terms of our tables."""

    issued_at: datetime
    window_from: datetime
    observations: int
    model_name: str
    model_version: str
    params: dict[str, Any]
    flags: Sequence[str]
    data_hash: str
    points: Sequence[Point]


def current(kind: ForecastKind, *, at: datetime, by: Any = None, renew: bool = False) -> ForecastRun:
    """The forecast of now: the one of the last 30 minutes, else a new one; many who ask at once wait for one.

    ``renew`` looks at the data in any case. Raises ForecastNotMade.
    """
    if not renew and (known := _fresh(kind, at)) is not None:
        return known
    with transaction.atomic():
        _lock(kind)
        if not renew and (known := _fresh(kind, at)) is not None:
            return known
        run = make(kind, at=at, by=by)
    cache.set(_key(kind), run.pk, CACHE_SECONDS)
    return run


def _key(kind: ForecastKind) -> str:
    return f"intelligence:forecast:{kind}"


def _fresh(kind: ForecastKind, at: datetime) -> ForecastRun | None:
    """From the cache, or by the row itself where the cache has forgotten."""
    rows = ForecastRun.objects.current().filter(kind=kind, checked_at__gt=at - timedelta(seconds=CACHE_SECONDS))
    known = cache.get(_key(kind))
    found: ForecastRun | None = (rows.filter(pk=known) if known else rows).first()
    return found


def _lock(kind: ForecastKind) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"intelligence.forecast:{kind}"])


@transaction.atomic
def make(kind: ForecastKind, *, at: datetime, by: Any = None, known_at: datetime | None = None) -> ForecastRun:
    """Forecast from the days that were over at ``known_at`` (now by default); a past moment makes a backtest.

    The same data give the run that is there. Raises ForecastNotMade; then nothing is written.
    """
    began = time.perf_counter()
    moment = known_at or at
    try:
        made = ENGINES[kind](moment)
    except ForecastRefused as refusal:
        raise ForecastNotMade(_("No forecast: %(reason)s.") % {"reason": refusal}) from refusal
    took = Decimal(repr(round(time.perf_counter() - began, 3)))
    return keep(kind, made, at=at, by=by, is_backtest=known_at is not None, took_s=took)


def keep(
    kind: ForecastKind, made: Made, *, at: datetime, by: Any, is_backtest: bool, took_s: Decimal,
    series: PriceSeries | None = None,
) -> ForecastRun:  # fmt: skip
    """The row of what an engine made, or the one that is there; the newest of its kind and series unless a backtest."""
    run, created = ForecastRun.objects.get_or_create(
        kind=kind, series=series, issued_at=made.issued_at, model_version=made.model_version, data_hash=made.data_hash,
        defaults={
            "user": by if getattr(by, "pk", None) else None, "is_backtest": is_backtest, "computed_at": at,
            "checked_at": at, "took_s": took_s, "window_from": made.window_from, "observations": made.observations,
            "model_name": made.model_name[:60], "params": made.params, "flags": list(made.flags),
            "expires_at": made.points[-1].at + KEPT,
        },
    )  # fmt: skip
    if created:
        ForecastPoint.objects.bulk_create(
            ForecastPoint(
                run=run, horizon=point.horizon, at=point.at, value=_kept(point.value), lower=_kept(point.lower),
                upper=_kept(point.upper), naive=_kept(point.naive),
            )
            for point in made.points
        )  # fmt: skip
    if not is_backtest:
        is_news = not run.is_current
        _make_current(run, at)
        if is_news:
            _publish(run, at)
    return run


def _kept(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(_PLACES)


def _make_current(run: ForecastRun, at: datetime) -> None:
    ForecastRun.objects.current().filter(kind=run.kind, series=run.series).exclude(pk=run.pk).update(is_current=False)
    run.is_current, run.checked_at, run.is_backtest = True, at, False
    run.save(update_fields=["is_current", "checked_at", "is_backtest"])


def _publish(run: ForecastRun, at: datetime) -> None:
    """As a series with the moment it became known, and as an event."""
    kind = ForecastKind(run.kind)
    points = list(run.points.order_by("horizon"))
    if run.series is not None:
        publish_energy(run, run.series, points, at)
        _tell(run, points)
        return
    code, name, series_kind, currency, unit = SERIES[kind]
    series, _made = PriceSeries.objects.get_or_create(
        code=code,
        defaults={
            "name": name, "kind": series_kind, "currency": currency, "unit": unit, "step_minutes": 1440,
            "known_from": KnownFrom.RECEIVED, "source": run.model_version, "lowest": Decimal(0),
            "highest": Decimal(10) ** 9,
        },
    )  # fmt: skip
    scale = TRILLION if kind is ForecastKind.DIFFICULTY else Decimal(1)
    intervals = [Interval(point.at - DAY, point.at, point.value / scale) for point in points]
    store(series, intervals, at=at, issued_at=at, source=run.model_version)
    _tell(run, points)


def publish_energy(run: ForecastRun, of: PriceSeries, points: Sequence[ForecastPoint], at: datetime) -> None:
    """Hours of a market as a series beside its own."""
    series, _made = PriceSeries.objects.get_or_create(
        code=f"forecast-{of.code}"[:60],
        defaults={
            "name": f"{of.name}, forecast"[:120], "kind": of.kind, "market_zone": of.market_zone,
            "currency": of.currency, "unit": of.unit, "step_minutes": 60, "time_zone": of.time_zone,
            "known_from": KnownFrom.RECEIVED, "source": run.model_version, "lowest": of.lowest, "highest": of.highest,
        },
    )  # fmt: skip
    intervals = [Interval(point.at, point.at + timedelta(hours=1), point.value) for point in points]
    store(series, intervals, at=at, issued_at=at, source=run.model_version)


def _tell(run: ForecastRun, points: Sequence[ForecastPoint]) -> None:
    publish(
        "intelligence.forecast_generated",
        aggregate_type="forecast",
        aggregate_id=run.public_id,
        payload={
            "forecast_id": str(run.public_id), "kind": run.kind, "issued_at": run.issued_at.isoformat(),
            "horizons": len(points), "last_value": f"{points[-1].value.normalize():f}",
        },
    )  # fmt: skip


# --- what the engines are given -------------------------------------------------------------------------------
def _days(moment: datetime, count: int) -> list[MarketDay]:
    past = moment.astimezone(UTC).date()
    rows = MarketDay.objects.filter(day__lt=past, day__gte=past - timedelta(days=count)).order_by("day")
    return list(rows)


def _price(moment: datetime) -> Made:
    closes = [Close(row.day, float(row.close_usd)) for row in _days(moment, HISTORY_DAYS)]
    if not closes:
        raise ForecastRefused("there are no closes")
    made = forecast_price(closes)
    p, d, q = made.fitted.order
    return Made(
        made.issued_at, midnight(made.window_from), made.observations, f"ARIMA({p},{d},{q}) on log price",
        made.model_version, {"order": [p, d, q]}, made.flags, made.data_hash, made.points,
    )  # fmt: skip


def _difficulty(moment: datetime) -> Made:
    rows = [
        ChainDay(midnight(row.day) + DAY, row.block_height, float(row.difficulty))
        for row in _days(moment, CHAIN_DAYS)
        if row.block_height is not None and row.difficulty is not None
    ]
    if not rows:
        raise ForecastRefused("no heights are known")
    made = forecast_difficulty(rows, trail_blocks=learned_trail(rows))
    params = {
        "hashrate_hps": made.hashrate_hps, "hashrate_deviation": made.hashrate_deviation,
        "growth_per_day": made.growth_per_day, "blocks": made.blocks, "elapsed_s": made.elapsed_s,
        "remaining_s": made.remaining_s, "trail_blocks": made.trail_blocks,
        "retargets": [
            {"at": one.at.isoformat(), "change_percent": one.change_percent, "difficulty": one.difficulty}
            for one in made.retargets
        ],
    }  # fmt: skip
    return Made(
        made.issued_at, made.window_from, made.observations, "retarget arithmetic", made.model_version, params, (),
        made.data_hash, made.points,
    )  # fmt: skip


ENGINES: dict[ForecastKind, Callable[[datetime], Made]] = {
    ForecastKind.PRICE: _price,
    ForecastKind.DIFFICULTY: _difficulty,
}


def due_kinds(*, at: datetime) -> list[ForecastKind]:
    """Kinds whose current forecast knows less than the newest day."""
    newest = MarketDay.objects.filter(day__lt=at.astimezone(UTC).date()).order_by("-day").first()
    if newest is None:
        return []
    end = midnight(newest.day) + DAY
    fresh = set(ForecastRun.objects.current().filter(issued_at__gte=end).values_list("kind", flat=True))
    return [kind for kind in ENGINES if kind not in fresh]


def backtest(kinds: Iterable[ForecastKind], *, days: int, at: datetime) -> int:
    """Runs as they would have been made on each of the last known days; returns how many could be made."""
    newest = MarketDay.objects.filter(day__lt=at.astimezone(UTC).date()).order_by("-day").first()
    if newest is None:
        return 0
    made = 0
    for back in range(days, 0, -1):
        moment = midnight(newest.day) + DAY - timedelta(days=back)
        for kind in kinds:
            try:
                make(kind, at=at, known_at=moment)
            except ForecastNotMade:
                continue
            made += 1
    return made

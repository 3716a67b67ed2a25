"""Indicators of each day's close, one after the other: each goes on from the state of the day before."""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.db import transaction

from hashinsight.events.domain.outbox import publish
from marketdata.domain.days import lock_days
from marketdata.engine.indicators import SIGNAL_RULE, IndicatorState, Row, step
from marketdata.models import MarketDay, TechnicalIndicator

# So many days without a close are bridged as weekends are elsewhere; after more the indicators warm up anew.
MOST_MISSING = 3
PORTION = 500


def catch_up(*, at: datetime, most: int = PORTION) -> int:
    """Reckon the indicators of at most so many days that have none, oldest first; returns how many there were.

    Days are taken in order, so that the result is that of reckoning all of them anew, whatever came between.
    """
    with transaction.atomic():
        lock_days()
        first = MarketDay.objects.filter(indicator__isnull=True).order_by("day").values_list("day", flat=True).first()
        if first is None:
            return 0
        # A day in between that came late changes all after it.
        TechnicalIndicator.objects.filter(day__gt=first).delete()
        before = TechnicalIndicator.objects.filter(day__lt=first).order_by("-day").first()
        state = IndicatorState.from_dict(before.state) if before else IndicatorState()
        last = before.day if before else None
        rows = []
        for day in MarketDay.objects.filter(day__gte=first).order_by("day")[:most]:
            if last is not None and (day.day - last).days - 1 > MOST_MISSING:
                state = IndicatorState()
            state, row = step(state, day.close_usd)
            rows.append(_stored(day, row, state, at))
            last = day.day
        TechnicalIndicator.objects.bulk_create(rows)
        _publish(rows)
    return len(rows)


def is_due() -> bool:
    """Is there a day without indicators?"""
    return MarketDay.objects.filter(indicator__isnull=True).exists()


def newest_signal(*, before: date | None = None) -> TechnicalIndicator | None:
    """The indicators of the newest day (before another)."""
    rows = TechnicalIndicator.objects.all()
    if before is not None:
        rows = rows.filter(day__lt=before)
    found: TechnicalIndicator | None = rows.order_by("-day").first()
    return found


def is_fresh(row: TechnicalIndicator, *, at: datetime) -> bool:
    """Is it of yesterday or the day before?"""
    return row.day >= at.date() - timedelta(days=2)


def _stored(day: MarketDay, row: Row, state: IndicatorState, at: datetime) -> TechnicalIndicator:
    return TechnicalIndicator(
        market_day=day, day=day.day, rsi=_places(row.rsi, 2), macd=_places(row.macd, 4),
        macd_signal=_places(row.macd_signal, 4), macd_histogram=_places(row.macd_histogram, 4),
        bb_upper=_places(row.bb_upper, 4), bb_middle=_places(row.bb_middle, 4), bb_lower=_places(row.bb_lower, 4),
        ema_12=_places(row.ema_12, 4), ema_26=_places(row.ema_26, 4),
        signal=row.signal.lower() if row.signal else None, rule_version=SIGNAL_RULE, state=state.to_dict(),
        created_at=at,
    )  # fmt: skip


def _places(value: float | None, places: int) -> Decimal | None:
    if value is None:
        return None
    return Decimal(value).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _publish(rows: list[TechnicalIndicator]) -> None:
    newest = rows[-1]
    publish(
        "market.indicators_reckoned",
        aggregate_type="network",
        aggregate_id="bitcoin",
        payload={
            "first_day": rows[0].day.isoformat(), "last_day": newest.day.isoformat(), "days": len(rows),
            "signal": newest.signal,
        },
    )  # fmt: skip

"""Exchange rates of our own series."""

from datetime import datetime, timedelta
from decimal import Decimal

from marketdata.engine.numbers import ONE, exactly
from marketdata.enums import SeriesKind
from marketdata.models import PricePoint

RATE_OLDEST = timedelta(days=7)


def usd_per(currency: str, *, at: datetime) -> Decimal | None:
    """US dollars per unit of a currency, by the exchange rates we have, either way round; None where none is known."""
    if currency == "USD":
        return ONE
    for quoted, base in (("USD", currency), (currency, "USD")):
        rows = PricePoint.objects.filter(
            series__kind=SeriesKind.FX, series__is_active=True, series__currency=quoted, series__unit=base,
            starts_at__lte=at, ends_at__gt=at - RATE_OLDEST, value__gt=0,
        )  # fmt: skip
        newest = rows.known(at).order_by("-starts_at", "-issued_at").first()
        if newest is not None:
            value: Decimal = newest.value
            with exactly():
                return value if quoted == "USD" else ONE / value
    return None

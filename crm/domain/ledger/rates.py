"""What a foreign amount is worth in the books."""

from datetime import date, timedelta
from decimal import Decimal

from crm.models import ExchangeRate

# A rate older than this says nothing about the day any more.
OLDEST_RATE = timedelta(days=10)
DIGITS = Decimal(1).scaleb(-12)


def rate_on(currency: str, in_currency: str, *, on: date) -> Decimal | None:
    """Units of ``in_currency`` for one of ``currency``: the newest known on the day, either way round; None if none."""
    if currency == in_currency:
        return Decimal(1)
    rows = ExchangeRate.objects.filter(
        currency__in=(currency, in_currency),
        in_currency__in=(currency, in_currency),
        valid_on__lte=on,
        valid_on__gte=on - OLDEST_RATE,
    )
    row = rows.order_by("-valid_on", "-id").first()
    if row is None:
        return None
    return row.rate if row.currency == currency else (1 / row.rate).quantize(DIGITS)

"""Interest on money that is late."""

from decimal import Decimal

from crm.engine.amounts import round_half_up


def simple_interest(amount: Decimal, *, percent_per_year: Decimal, days: int, digits: int) -> Decimal:
    """Simple interest, 365 days a year, rounded half up once to ``digits``."""
    return round_half_up(amount * percent_per_year * days / Decimal(36_500), digits)

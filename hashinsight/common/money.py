"""Money: Decimal amounts with a currency code, rounded once, half up, by the functions of this module."""

from decimal import ROUND_HALF_UP, Decimal

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

# ISO 4217 minor units of the currencies the product invoices in; BTC has 8 (satoshi).
CURRENCIES: dict[str, int] = {
    "USD": 2, "EUR": 2, "GBP": 2, "CHF": 2, "CAD": 2, "AUD": 2, "NOK": 2, "SEK": 2, "DKK": 2, "PLN": 2,
    "AED": 2, "SGD": 2, "JPY": 0, "BTC": 8,
}  # fmt: skip
CURRENCY_CHOICES = [(code, code) for code in CURRENCIES]
DEFAULT_CURRENCY = "USD"

country_validator = RegexValidator(r"^[A-Z]{2}$", _("Enter a two-letter country code (ISO 3166), for example DE."))


def exponent(currency: str) -> int:
    """Digits after the point of ``currency``. Raises KeyError for a currency the product does not know."""
    return CURRENCIES[currency]


def round_money(amount: Decimal, currency: str) -> Decimal:
    """``amount`` in the currency's minor unit, rounded half away from zero (kaufmännisch)."""
    return amount.quantize(Decimal(1).scaleb(-exponent(currency)), rounding=ROUND_HALF_UP)


class MoneyField(models.DecimalField):
    """An amount of money; the currency stands in a column beside it. Two digits except for BTC (8) and JPY (0)."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("max_digits", 20)
        kwargs.setdefault("decimal_places", 2)
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]


class CurrencyField(models.CharField):
    """ISO 4217 code of a known currency (or BTC)."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("max_length", 3)
        kwargs.setdefault("choices", CURRENCY_CHOICES)
        kwargs.setdefault("default", DEFAULT_CURRENCY)
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

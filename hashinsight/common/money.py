"""Money: Decimal amounts with a currency code, rounded once, half up, by the functions of this module."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

# ISO 4217 minor units of the currencies the product invoices in; BTC has 8 (satoshi).
CURRENCIES: dict[str, int] = {
    "USD": 2, "EUR": 2, "GBP": 2, "CHF": 2, "CAD": 2, "AUD": 2, "NOK": 2, "SEK": 2, "DKK": 2, "PLN": 2,
    "AED": 2, "SGD": 2, "JPY": 0, "KWD": 3, "BTC": 8,
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


def check_digits(amount: Decimal | None, currency: str, *, field: str) -> None:
    """Refuse an amount with more digits than its currency has. Raises ValidationError for ``field``."""
    if not isinstance(amount, Decimal) or currency not in CURRENCIES or not amount.is_finite():
        return  # said by the field itself
    if amount != round_money(amount, currency):
        text = gettext("The amount has too many digits for %(currency)s.") % {"currency": currency}
        raise ValidationError({field: ValidationError(text, code="too_many_digits")})


class MoneyFormField(forms.DecimalField):
    """Shows an amount without the zeros that only the column needs: 1000.00 instead of 1000.00000000."""

    def prepare_value(self, value: Any) -> Any:
        """At least two digits after the point, so that it looks like money."""
        if not isinstance(value, Decimal) or not value.is_finite():
            return super().prepare_value(value)
        digits = max(2, -int(value.normalize().as_tuple().exponent))
        return value.quantize(Decimal(1).scaleb(-digits))


class MoneyField(models.DecimalField):
    """An amount of money; the currency stands in a column beside it: two digits but for BTC (8), KWD (3), JPY (0)."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("max_digits", 20)
        kwargs.setdefault("decimal_places", 2)
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def formfield(self, *args: Any, **kwargs: Any) -> Any:
        """Typed and shown as money."""
        kwargs.setdefault("form_class", MoneyFormField)
        return super().formfield(*args, **kwargs)


class CurrencyField(models.CharField):
    """ISO 4217 code of a known currency (or BTC)."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("max_length", 3)
        kwargs.setdefault("choices", CURRENCY_CHOICES)
        kwargs.setdefault("default", DEFAULT_CURRENCY)
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

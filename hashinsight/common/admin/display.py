"""How values look in lists and on confirm pages."""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from hashinsight.common.money import CURRENCIES

NO_BREAK_SPACE = "\u00a0"
MONEY_DIGITS = 2
MOST_DIGITS = 100  # of what a calculator may be asked


class Badge(tuple[str, Any]):
    """A state and its word: a badge in lists (``@display(label=…)``), the plain word on the page of one row."""

    __slots__ = ()

    def __new__(cls, state: str, word: Any) -> "Badge":
        """``Badge("used", _("used up"))``."""
        return super().__new__(cls, (state, word))

    def __html__(self) -> str:
        return conditional_escape(self[1])


def money_text(amount: Decimal | None, currency: str) -> str:
    """``1,234.50 EUR`` in the reader's format, with as many digits as the currency has."""
    return "" if amount is None else f"{figure_text(amount, currency)}{NO_BREAK_SPACE}{currency}"


def figure_text(amount: Decimal, currency: str) -> str:
    """The same without the currency, for tables that name it above."""
    digits = CURRENCIES.get(currency, MONEY_DIGITS)
    # Django cuts digits off; a figure that was only reckoned has more of them than money.
    with localcontext(prec=MOST_DIGITS):
        rounded = amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return str(number_format(rounded, decimal_pos=digits, use_l10n=True, force_grouping=True))


def money_cell(amount: Decimal | None, currency: str) -> SafeString:
    """The same, right-aligned, for a column of a list."""
    return format_html('<span class="hi-money">{}</span>', money_text(amount, currency) or "–")


def number_text(value: Decimal | None) -> str:
    """A plain number without needless zeros."""
    if value is None:
        return ""
    digits = max(0, -int(value.normalize().as_tuple().exponent))
    return str(number_format(value, decimal_pos=digits, use_l10n=True, force_grouping=True))


def percent_text(share: Any) -> str:
    """``16.7 %`` for a share of 1, with the reader's comma."""
    return f"{number_format(round(100 * share, 1), decimal_pos=1, use_l10n=True)}{NO_BREAK_SPACE}%"


def price_text(price: Decimal | None, currency: str) -> str:
    """``0.0585 USD``, ``980.00 USD``: the price of a unit, whole cents at least and no needless zeros after them."""
    if price is None:
        return ""
    digits = max(CURRENCIES.get(currency, MONEY_DIGITS), -int(price.normalize().as_tuple().exponent))
    figure = number_format(price, decimal_pos=digits, use_l10n=True, force_grouping=True)
    return f"{figure}{NO_BREAK_SPACE}{currency}"


def day_text(day: date | datetime | None) -> str:
    """A day in the reader's style, that of a moment in the zone of the pages; empty when there is none."""
    shown = localtime(day) if isinstance(day, datetime) else day
    return date_format(shown, "DATE_FORMAT") if shown else ""


def moment_text(moment: datetime | None) -> str:
    """Day and minute in the zone of the pages, in the reader's style; empty when there is none."""
    return date_format(localtime(moment), "DATETIME_FORMAT") if moment else ""


def link(url: str, text: Any) -> SafeString:
    """A link in the admin's colour."""
    return format_html('<a class="hi-link" href="{}">{}</a>', url, text)

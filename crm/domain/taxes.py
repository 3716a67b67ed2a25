"""Which tax a line bears on a day."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q
from django.utils.translation import gettext as _

from crm.enums import TaxCategory
from crm.models import Customer, InvoiceLine, TaxCode, TaxRate
from hashinsight.common.errors import DomainError

NOT_SUBJECT_REASON = "Not subject to tax"


class NoTaxRate(DomainError):
    """A tax code has no rate on the day."""

    code = "no_tax_rate"


@dataclass(frozen=True)
class LineTax:
    """What is frozen on a line: category, rate in percent, and why no tax is charged, in words and as VATEX code."""

    category: str
    rate: Decimal
    reason: str
    code: str = ""


def code_of_line(line: InvoiceLine, *, customer: Customer) -> TaxCode | None:
    """The code a line is taxed by: its own, else the customer's, else the product's; None when nobody chose one."""
    return line.tax_code or customer.tax_code or (line.product.tax_code if line.product else None)


def tax_of_line(line: InvoiceLine, *, customer: Customer, on: date, cache: dict[tuple[int, date], LineTax]) -> LineTax:
    """The tax of a line on a day: the line's code, else the customer's, else the product's, else none.

    ``cache`` spares the look-up for the next line of the same code and day.

    Raises NoTaxRate when the code has no rate on that day.
    """
    code = code_of_line(line, customer=customer)
    if code is None:
        return LineTax(TaxCategory.NOT_SUBJECT, Decimal(0), NOT_SUBJECT_REASON)
    if (code.pk, on) not in cache:
        cache[code.pk, on] = _tax_of_code(code, on)
    return cache[code.pk, on]


def _tax_of_code(code: TaxCode, on: date) -> LineTax:
    in_force = Q(valid_to__isnull=True) | Q(valid_to__gt=on)
    rate = TaxRate.objects.filter(in_force, tax_code=code, valid_from__lte=on).first()
    if rate is None and code.category == TaxCategory.STANDARD:
        raise NoTaxRate(_("The tax code %(code)s has no rate on %(day)s.") % {"code": code.code, "day": on})
    if code.category == TaxCategory.STANDARD and rate is not None and not rate.rate:
        raise NoTaxRate(
            _("The tax code %(code)s is standard rated with 0 %% on %(day)s: make it zero rated or exempt.")
            % {"code": code.code, "day": on}
        )
    value = rate.rate if rate is not None and code.category == TaxCategory.STANDARD else Decimal(0)
    return LineTax(code.category, value, code.exemption_reason, code.exemption_code)

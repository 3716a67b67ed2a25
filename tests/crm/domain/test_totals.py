"""Totals of stored invoices against a calculator of our own that knows nothing of the application: exact fractions."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.models import User
from crm.domain import deals, invoicing, issuing
from crm.domain.taxes import NoTaxRate
from crm.models import Customer, DealLine, Invoice, InvoiceLine, TaxCode, TaxRate
from tests import factories
from tests.factories import NOW, TODAY

pytestmark = pytest.mark.django_db
DIGITS = {"USD": 2, "EUR": 2, "JPY": 0, "BTC": 8}


def half_up(value: Fraction, digits: int) -> Fraction:
    """Away from zero on a tie."""
    scaled = abs(value) * 10**digits
    whole = int(scaled) + (scaled - int(scaled) >= Fraction(1, 2))
    return Fraction(whole, 10**digits) * (1 if value >= 0 else -1)


def calculate(lines: list[tuple[str, str, str]], digits: int) -> tuple[Fraction, Fraction, Fraction]:
    """Net, tax and gross of (quantity, price, rate): each line's net and each rate's tax are rounded once."""
    groups: dict[Fraction, Fraction] = defaultdict(Fraction)
    for quantity, price, rate in lines:
        groups[Fraction(rate)] += half_up(Fraction(quantity) * Fraction(price), digits)
    net = sum(groups.values(), Fraction(0))
    tax = sum((half_up(basis * rate / 100, digits) for rate, basis in groups.items()), Fraction(0))
    return net, tax, net + tax


def test_the_calculator_itself() -> None:
    assert half_up(Fraction("0.005"), 2) == Fraction("0.01")
    assert half_up(Fraction("-0.005"), 2) == Fraction("-0.01")
    assert half_up(Fraction("0.0049"), 2) == 0
    assert calculate([("3", "0.335", "19"), ("1", "10", "7")], 2) == (
        Fraction("11.01"),
        Fraction("0.89"),
        Fraction("11.90"),
    )


RATES = ("0", "5.5", "7", "19", "8.875")
quantity = st.decimals("0.001", "99999", places=3).map(str)
price = st.decimals("0", "99999", places=8).map(lambda value: format(value, "f"))
line = st.tuples(quantity, price, st.sampled_from(RATES))


@example(lines=[("1", "0.125", "0"), ("1", "0.005", "7"), ("3", "1", "5.5")], currency="USD")
@example(lines=[("1", "2.5", "0"), ("0.5", "5", "19")], currency="JPY")
@example(lines=[("0.5", "0.00000005", "0")], currency="BTC")
@given(lines=st.lists(line, min_size=1, max_size=6), currency=st.sampled_from(sorted(DIGITS)))
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_totals_equal_the_independent_calculation(
    lines: list[tuple[str, str, str]], currency: str, root: User, customer_a: Customer
) -> None:
    with transaction.atomic():
        codes = {rate: _code(rate) for rate in RATES}
        draft = invoicing.draft_from_deal(
            factories.signed_deal(by=root, customer=customer_a, currency=currency), by=root, at=NOW
        )
        rows = [
            InvoiceLine(description="x", quantity=Decimal(q), unit_price=Decimal(p), tax_code=codes[r])
            for q, p, r in lines
        ]
        invoicing.set_lines(draft, lines=rows, on=TODAY)
        issued = issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW)
        transaction.set_rollback(True)
    stored = tuple(Fraction(total) for total in (issued.net_total, issued.tax_total, issued.gross_total))
    assert stored == calculate(lines, DIGITS[currency])


def _code(rate: str) -> TaxCode:
    code = TaxCode.objects.create(code=f"r{rate}", name=rate, category="Z" if rate == "0" else "S")
    TaxRate.objects.create(tax_code=code, rate=Decimal(rate), valid_from=date(2020, 1, 1))
    return code


@pytest.mark.parametrize(
    ("day", "rate"),
    [(date(2026, 11, 30), "19"), (date(2026, 12, 1), "20"), (date(2026, 12, 31), "20"), (date(2027, 1, 1), "21")],
)
def test_the_rate_of_the_tax_point_counts(day: date, rate: str, root: User, customer_a: Customer) -> None:
    code = TaxCode.objects.create(code="s", name="Standard", category="S")
    for value, begin, end in (
        ("19", date(2020, 1, 1), date(2026, 12, 1)),
        ("20", date(2026, 12, 1), date(2027, 1, 1)),
        ("21", date(2027, 1, 1), None),
    ):
        TaxRate.objects.create(tax_code=code, rate=Decimal(value), valid_from=begin, valid_to=end)
    Customer.objects.filter(pk=customer_a.pk).update(tax_code=code)
    draft = factories.draft_invoice(by=root, customer=customer_a.reload())
    by_issue = issuing.issue_invoice(draft, by=root, on=day, at=NOW)
    assert by_issue.lines.get().tax_rate == Decimal(rate)
    served = factories.draft_invoice(by=root, customer=customer_a)
    Invoice.objects.filter(pk=served.pk).update(service_to=day)
    by_service = issuing.issue_invoice(served, by=root, on=day + timedelta(days=60), at=NOW)
    assert by_service.lines.get().tax_rate == Decimal(rate)


def test_a_day_without_rate_or_a_standard_rate_of_zero_is_refused_clearly(root: User, customer_a: Customer) -> None:
    code = factories.standard_tax(valid_from=TODAY + timedelta(days=1))
    draft = factories.draft_invoice(by=root, customer=customer_a)
    Customer.objects.filter(pk=customer_a.pk).update(tax_code=code)
    with pytest.raises(NoTaxRate, match="has no rate on 2026-11-20"):
        issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW)
    TaxRate.objects.create(tax_code=code, rate=0, valid_from=date(2020, 1, 1), valid_to=TODAY + timedelta(days=1))
    with pytest.raises(NoTaxRate, match="standard rated with 0 %"):
        issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW)
    assert (draft.reload().status, draft.number) == ("draft", None)


@pytest.mark.parametrize(("vat_id", "issued"), [("", False), ("DE1", True)])
def test_reverse_charge_needs_the_vat_id(vat_id: str, issued: bool, root: User, customer_a: Customer) -> None:
    code = TaxCode.objects.create(code="rc", name="RC", category="AE", exemption_reason="Reverse charge")
    draft = factories.draft_invoice(by=root, customer=customer_a)
    Customer.objects.filter(pk=customer_a.pk).update(tax_code=code, vat_id=vat_id)
    if not issued:
        with pytest.raises(issuing.InvoiceRefused, match="VAT id"):
            issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW)
        return
    line = issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW).lines.get()
    assert (line.tax_category, line.tax_rate, line.exemption_reason) == ("AE", 0, "Reverse charge")


def test_the_order_in_which_tax_codes_are_asked(root: User, customer_a: Customer) -> None:
    own, of_customer, of_product = (factories.standard_tax(rate) for rate in ("5", "7", "19"))
    product = factories.ProductFactory(tax_code=of_product)
    draft = invoicing.draft_from_deal(factories.signed_deal(by=root, customer=customer_a), by=root, at=NOW)

    def rates(tax_code: Any) -> list[Decimal]:
        Customer.objects.filter(pk=customer_a.pk).update(tax_code=tax_code)
        rows = [
            InvoiceLine(description="a", quantity=1, unit_price=1, product=product, tax_code=own),
            InvoiceLine(description="b", quantity=1, unit_price=1, product=product),
            InvoiceLine(description="c", quantity=1, unit_price=1),
        ]
        invoicing.set_lines(draft, lines=rows, on=TODAY)
        return [one.tax_rate for one in draft.lines.all()]

    assert rates(of_customer) == [5, 7, 7]
    assert rates(None) == [5, 19, 0]


@pytest.mark.parametrize("quantity_", ["9999999999999.999", "9999999999"])
def test_amounts_beyond_the_columns_are_refused_clearly(quantity_: str, root: User, customer_a: Customer) -> None:
    huge: dict[str, Any] = {"quantity": Decimal(quantity_), "unit_price": Decimal("999999999999.99999999")}
    deal = factories.DealFactory(customer=customer_a)
    with pytest.raises(deals.DealRefused, match="more than can be billed"):
        deals.set_lines(deal, lines=[DealLine(description="x", **huge)])
    draft = invoicing.draft_from_deal(factories.signed(deal, by=root), by=root, at=NOW)
    with pytest.raises(invoicing.InvoiceRefused, match="more than can be billed"):
        invoicing.set_lines(draft, lines=[InvoiceLine(description="x", **huge)], on=TODAY)


def test_the_largest_amount_that_fits_is_billed_exactly(root: User, customer_a: Customer) -> None:
    Customer.objects.filter(pk=customer_a.pk).update(invoice_format="pdf")  # more than an e-invoice holds
    draft = invoicing.draft_from_deal(factories.signed_deal(by=root, customer=customer_a), by=root, at=NOW)
    rows = [InvoiceLine(description="x", quantity=Decimal(9999), unit_price=Decimal("999999999999.99"))]
    invoicing.set_lines(draft, lines=rows, on=TODAY)
    assert issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW).gross_total == Decimal("9998999999999900.01")


def test_an_invoice_over_nothing_is_paid_at_once_one_below_zero_and_one_without_lines_refused(
    root: User, customer_a: Customer
) -> None:
    draft = invoicing.draft_from_deal(factories.signed_deal(by=root, customer=customer_a, value=0), by=root, at=NOW)
    assert issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW).status == "paid"
    below = invoicing.draft_from_deal(factories.signed_deal(by=root, customer=customer_a), by=root, at=NOW)
    invoicing.set_lines(below, lines=[InvoiceLine(description="x", quantity=-1, unit_price=1)], on=TODAY)
    with pytest.raises(issuing.InvoiceRefused, match="its total is negative"):
        issuing.issue_invoice(below, by=root, on=TODAY, at=NOW)
    invoicing.set_lines(below, lines=[], on=TODAY)
    with pytest.raises(issuing.InvoiceRefused, match="it has no lines"):
        issuing.issue_invoice(below, by=root, on=TODAY, at=NOW)

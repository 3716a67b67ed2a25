"""What a recalculation writes: the lines that come out otherwise, and nothing else."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from crm.domain import invoicing, issuing
from crm.models import Customer, Invoice, InvoiceLine, TaxCode
from tests import factories
from tests.support.standing import standing

DAY = date(2026, 11, 20)


@pytest.fixture
@standing
def draft(customer_a: Customer, root: User) -> Invoice:
    """Three lines: two of one rate, one without tax."""
    tax = factories.standard_tax("19")
    invoice = factories.draft_invoice(by=root, customer=customer_a)
    lines = [
        InvoiceLine(description=name, quantity=quantity, unit_price=Decimal(price), tax_code=code)
        for name, quantity, price, code in (("a", 1, "100", tax), ("b", 2, "0.055", tax), ("c", 3, "7", None))
    ]
    return invoicing.set_lines(invoice, lines=lines, on=DAY)


def stored(draft: Invoice) -> list[tuple[object, ...]]:
    return list(draft.lines.values_list("position", "tax_category", "tax_rate", "net_amount", "version"))


def test_only_lines_that_come_out_otherwise_are_written(draft: Invoice) -> None:
    assert stored(draft) == [(1, "S", 19, 100, 2), (2, "S", 19, Decimal("0.11"), 2), (3, "O", 0, 21, 2)]
    TaxCode.objects.get(code="std-19").rates.update(rate=Decimal(7))
    draft.lines.filter(description="a").update(position=9)

    changed = invoicing.recalculate(draft, on=DAY)

    assert stored(draft) == [(1, "S", 7, Decimal("0.11"), 3), (2, "O", 0, 21, 3), (3, "S", 7, 100, 4)]
    assert (changed.net_total, changed.tax_total) == (Decimal("121.11"), Decimal("7.01"))


def test_issuing_a_draft_that_adds_up_writes_no_line(draft: Invoice, root: User) -> None:
    before = stored(draft)
    with CaptureQueriesContext(connection) as asked:
        issued = issuing.issue_invoice(draft, by=root, on=DAY, at=factories.NOW)
    assert [one["sql"] for one in asked if "UPDATE crm_invoiceline" in one["sql"].replace('"', "")] == []
    assert stored(issued) == before
    assert (issued.net_total, issued.gross_total) == (Decimal("121.11"), Decimal("140.13"))

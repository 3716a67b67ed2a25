"""Credit notes: mirror what was billed, line by line, never more; and what the invoice becomes by them."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from crm.documents.build import document_data
from crm.domain import crediting, deals, invoicing, issuing, payments
from crm.models import Customer, DealLine, Invoice
from tests import factories
from tests.factories import NOW, TODAY
from tests.support.standing import standing

pytestmark = pytest.mark.django_db


@pytest.fixture
@standing
def invoice(root: User, customer_a: Customer) -> Invoice:
    """3 racks at 10 and one machine at 1,000, both with 19 %."""
    customer_a.tax_code = factories.standard_tax()
    customer_a.save()
    deal = factories.DealFactory(customer=customer_a)
    deals.set_lines(
        deal,
        lines=[
            DealLine(description="Rack", quantity=3, unit_price=Decimal(10)),
            DealLine(description="Machine", quantity=1, unit_price=Decimal(1000)),
        ],
    )
    return issuing.issue_invoice(
        invoicing.draft_from_deal(factories.signed(deal, by=root), by=root, at=NOW), by=root, on=TODAY, at=NOW
    )


def credit(invoice: Invoice, by: User, quantities: Any = None) -> Invoice:
    return issuing.credit_invoice(invoice, by=by, on=TODAY, at=NOW, reason="Broken", quantities=quantities)


def test_a_full_credit_mirrors_the_invoice_and_cancels_it(invoice: Invoice, root: User) -> None:
    note = credit(invoice, root)
    invoice.refresh_from_db()
    assert (note.net_total, note.tax_total, note.gross_total) == (
        invoice.net_total,
        invoice.tax_total,
        invoice.gross_total,
    )
    assert note.gross_total == Decimal("1225.70")
    assert (note.number, note.corrects, note.note, note.buyer["name"]) == (
        f"CN-{invoice.customer.code}-2026-0001",
        invoice,
        "Broken",
        invoice.buyer["name"],
    )
    assert list(note.lines.values_list("position", "corrects_position", "quantity", "tax_rate")) == [
        (1, 1, Decimal(3), Decimal(19)),
        (2, 2, Decimal(1), Decimal(19)),
    ]
    assert (invoice.status, invoice.cancel_reason) == ("cancelled", "Broken")


def test_no_line_is_credited_beyond_its_own_quantity(invoice: Invoice, root: User) -> None:
    """Though the invoice as a whole would still bear it."""
    credit(invoice, root, {1: Decimal(2)})
    for quantities in ({1: Decimal(2)}, {1: Decimal("1.001")}, {2: Decimal(1), 1: Decimal(3)}):
        with pytest.raises(issuing.InvoiceRefused):
            credit(invoice, root, quantities)
    credit(invoice, root, {1: Decimal(1)})
    with pytest.raises(issuing.InvoiceRefused):
        credit(invoice, root, {1: Decimal("0.001")})
    assert invoice.reload().status == "sent"
    assert Invoice.objects.with_balance().get(pk=invoice.pk).credited_total == Decimal("35.70")


def test_a_credit_of_the_rest_takes_what_is_left(invoice: Invoice, root: User) -> None:
    credit(invoice, root, {2: Decimal("0.25"), 1: Decimal(3)})
    rest = credit(invoice, root)
    assert list(rest.lines.values_list("corrects_position", "quantity")) == [(2, Decimal("0.75"))]
    assert invoice.reload().status == "cancelled"
    with pytest.raises(issuing.InvoiceRefused):
        credit(invoice, root)


@pytest.mark.parametrize(
    "quantities",
    [
        {},
        {1: Decimal(0)},
        {1: Decimal(-1)},
        {1: Decimal("3.001")},
        {1: Decimal("0.0001")},
        {1: Decimal("NaN")},
        {1: Decimal("sNaN")},
        {1: Decimal("Infinity")},
        {3: Decimal(1)},
        {0: Decimal(1)},
    ],
    ids=str,
)
def test_quantities_that_make_no_sense_are_refused(quantities: Any, invoice: Invoice, root: User) -> None:
    with pytest.raises(issuing.InvoiceRefused):
        credit(invoice, root, quantities)
    assert (Invoice.objects.count(), invoice.reload().status) == (1, "sent")


def test_drafts_credit_notes_and_cancelled_invoices_are_not_credited(
    invoice: Invoice, root: User, customer_b: Customer
) -> None:
    note = credit(invoice, root)
    for one in (invoice, note, factories.draft_invoice(by=root, customer=customer_b)):
        with pytest.raises(issuing.InvoiceRefused):
            credit(one, root)


@pytest.mark.parametrize(
    ("paid", "credited", "status", "outstanding", "surplus"),
    [
        ("0", {1: "3"}, "sent", "1190", "0"),
        ("0", None, "cancelled", "0", "0"),
        ("1190", {1: "3"}, "paid", "0", "0"),
        ("1225.70", {1: "3"}, "paid", "0", "35.70"),
        ("1225.70", None, "paid", "0", "1225.70"),
        ("0.01", None, "paid", "0", "0.01"),
    ],
)
def test_payments_and_credits_settle_together(
    paid: str, credited: Any, status: str, outstanding: str, surplus: str, invoice: Invoice, root: User
) -> None:
    if Decimal(paid):
        payments.record_payment(
            invoice, amount=Decimal(paid), currency="USD", received_on=TODAY, by=root, on=TODAY, at=NOW
        )
    credit(invoice, root, credited and {position: Decimal(value) for position, value in credited.items()})
    found = Invoice.objects.with_balance().get(pk=invoice.pk)
    assert (found.status, found.outstanding, found.surplus_total) == (status, Decimal(outstanding), Decimal(surplus))


def test_a_discount_line_cannot_be_credited_alone(root: User, customer_a: Customer) -> None:
    draft = invoicing.draft_from_deal(factories.signed_deal(by=root, customer=customer_a), by=root, at=NOW)
    from crm.models import InvoiceLine

    invoicing.set_lines(
        draft,
        lines=[
            InvoiceLine(description="Rack", quantity=1, unit_price=Decimal(100)),
            InvoiceLine(description="Discount", quantity=-1, unit_price=Decimal(30)),
        ],
        on=TODAY,
    )
    invoice = issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW)
    for quantities in ({2: Decimal(-1)}, {1: Decimal(1)}, {2: Decimal(1)}):
        with pytest.raises(issuing.InvoiceRefused):
            credit(invoice, root, quantities)
    assert credit(invoice, root).gross_total == Decimal(70)


def test_numbers_of_invoices_and_credit_notes_cannot_meet(legal_entity: Any) -> None:
    from django.core.exceptions import ValidationError
    from django.db import DatabaseError, transaction

    legal_entity.credit_note_prefix = legal_entity.number_prefix
    with pytest.raises(ValidationError, match="different prefixes"):
        legal_entity.full_clean()
    with pytest.raises(DatabaseError, match="prefixes_differ"), transaction.atomic():
        legal_entity.save()


def test_credits_in_parts_add_up_to_the_cent(root: User, customer_a: Customer) -> None:
    customer_a.tax_code = factories.standard_tax()
    customer_a.save()
    deal = factories.DealFactory(customer=customer_a)
    deals.set_lines(
        deal,
        lines=[
            DealLine(description="Rack", quantity=3, unit_price=Decimal("0.03")),
            DealLine(description="Hour", quantity=3, unit_price=Decimal("0.333")),
        ],
    )
    invoice = issuing.issue_invoice(
        invoicing.draft_from_deal(factories.signed(deal, by=root), by=root, at=NOW), by=root, on=TODAY, at=NOW
    )
    notes = [credit(invoice, root, {1: Decimal(1), 2: Decimal(1)}), credit(invoice, root, {2: Decimal(1)})]
    notes.append(credit(invoice, root))
    assert sum(note.net_total for note in notes) == invoice.net_total == Decimal("1.09")
    assert sum(note.tax_total for note in notes) == invoice.tax_total == Decimal("0.21")
    assert invoice.reload().status == "cancelled"
    for note in notes:
        shown = document_data(note, on=TODAY)
        assert (shown.totals.net, shown.totals.gross) == (note.net_total, note.gross_total)
        assert [line.net for line in shown.lines] == [line.net_amount for line in note.lines.all()]


def test_what_notes_took_costs_a_query_and_one_more_where_there_are_notes(
    invoice: Invoice, root: User, django_assert_num_queries: Any
) -> None:
    """None goes through the lines of other invoices, whatever the planner believes of tables being filled."""
    with django_assert_num_queries(1):
        assert crediting.taken_before(invoice) == {}
    credit(invoice, root, {1: Decimal(1)})
    note = credit(invoice, root, {1: Decimal("0.5"), 2: Decimal(1)})
    with django_assert_num_queries(2) as asked:
        assert crediting.taken_before(invoice) == {1: Decimal("1.5"), 2: Decimal(1)}
    assert "JOIN" not in " ".join(query["sql"] for query in asked.captured_queries)
    assert crediting.taken_before(invoice, note=note) == {1: Decimal(1)}

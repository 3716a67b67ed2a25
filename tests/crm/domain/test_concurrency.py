"""The same verb at the same moment on eight connections: the effect happens once."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from crm.domain import customers, deals, deliveries, documents, invoicing, issuing, leads, payments
from crm.models import Customer, Deal, DealLine, Invoice, InvoiceDocument, Lead, Payment
from hashinsight.common.transitions import MoveRefused
from hashinsight.events.models import OutboxEvent
from hashinsight.jobs.models import DueWork
from tests import factories
from tests.factories import NOW, TODAY
from tests.trust.threads import in_threads

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet_broker")]
MANY = 8


def _errors(results: list[Any]) -> list[str]:
    return sorted(type(one).__name__ for one in results if isinstance(one, Exception))


def test_converting_a_lead(root: User, legal_entity: object) -> None:
    lead = factories.LeadFactory()
    results = in_threads(lambda _n: leads.convert_lead(Lead.objects.get(pk=lead.pk), by=root, at=NOW), MANY)
    assert _errors(results) == []
    assert {deal.pk for deal in results} == {Deal.objects.get().pk}
    assert Customer.objects.count() == 1
    assert OutboxEvent.objects.filter(kind="lead.converted").count() == 1


def test_converting_leads_of_one_company(root: User, legal_entity: object) -> None:
    """Same address in different letters, same name: one customer."""
    rows = [
        factories.LeadFactory(email=("x@one.example", "X@One.example")[n % 2], company=("One", "ONE")[n % 2])
        for n in range(MANY)
    ]
    results = in_threads(lambda n: leads.convert_lead(rows[n], by=root, at=NOW), MANY)
    assert _errors(results) == []
    assert (Customer.objects.count(), Deal.objects.count()) == (1, MANY)


def test_completing_a_deal(root: User, customer_a: Customer) -> None:
    deal = factories.signed_deal(by=root, customer=customer_a)
    results = in_threads(lambda _n: deals.complete_deal(Deal.objects.get(pk=deal.pk), by=root, at=NOW), MANY)
    assert _errors(results) == ["MoveRefused"] * (MANY - 1)
    assert Invoice.objects.count() == 1


def test_drafting_from_a_deal(root: User, customer_a: Customer) -> None:
    deal = factories.signed_deal(by=root, customer=customer_a)
    results = in_threads(lambda _n: invoicing.draft_from_deal(deal, by=root, at=NOW), MANY)
    assert _errors(results) == []
    assert {one.pk for one in results} == {Invoice.objects.get().pk}


def test_issuing_an_invoice(root: User, customer_a: Customer) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    results = in_threads(lambda _n: issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW), MANY)
    assert _errors(results) == ["MoveRefused"] * (MANY - 1)
    assert isinstance(next(one for one in results if isinstance(one, Exception)), MoveRefused)
    assert Invoice.objects.get().number == f"INV-{customer_a.code}-2026-0001"
    assert DueWork.objects.filter(kind="crm.render_invoice_pdf").count() == 1


def test_crediting_by_parts_never_credits_more_than_was_billed(root: User, customer_a: Customer) -> None:
    deal = factories.DealFactory(customer=customer_a)
    deals.set_lines(
        deal,
        lines=[
            DealLine(description="Small", quantity=3, unit_price=Decimal(10)),
            DealLine(description="Large", quantity=1, unit_price=Decimal(1000)),
        ],
    )
    invoice = issuing.issue_invoice(
        invoicing.draft_from_deal(factories.signed(deal, by=root), by=root, at=NOW), by=root, on=TODAY, at=NOW
    )
    results = in_threads(
        lambda _n: issuing.credit_invoice(
            invoice, by=root, on=TODAY, at=NOW, reason="x", quantities={1: Decimal(1)}, send=False
        ),
        MANY,
    )
    assert _errors(results) == ["InvoiceRefused"] * (MANY - 3)
    assert Invoice.objects.with_balance().get(pk=invoice.pk).credited_total == Decimal(30)


def test_paying_with_one_reference(root: User, customer_a: Customer) -> None:
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    results = in_threads(
        lambda _n: payments.record_payment(
            invoice, amount=Decimal(1000), currency="USD", received_on=TODAY, by=root, on=TODAY, at=NOW, reference="R1"
        ),
        MANY,
    )
    assert _errors(results) == ["DuplicatePayment"] * (MANY - 1)
    assert (Payment.objects.count(), invoice.reload().status) == (1, "paid")
    assert OutboxEvent.objects.filter(kind="invoice.paid").count() == 1


def test_paying_in_parts(root: User, customer_a: Customer) -> None:
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    results = in_threads(
        lambda n: payments.record_payment(
            invoice, amount=Decimal(125), currency="USD", received_on=date(2026, 11, n + 1), by=root, on=TODAY, at=NOW
        ),
        MANY,
    )
    assert _errors(results) == []
    balance = Invoice.objects.with_balance().get(pk=invoice.pk)
    assert (balance.outstanding, balance.status) == (0, "paid")
    assert OutboxEvent.objects.filter(kind="invoice.paid").count() == 1


def test_storing_a_document_while_a_delivery_is_asked_for(root: User, customer_a: Customer) -> None:
    """Whoever comes second sees the first: no delivery is left without its work."""
    for _ in range(4):
        invoice = factories.issued_invoice(by=root, customer=customer_a)
        steps = [
            lambda invoice=invoice: documents.store_document(invoice, content=b"x", template_version="1", at=NOW),
            *[
                lambda invoice=invoice, n=n: deliveries.queue_delivery(invoice, recipient=f"a{n}@b.example", at=NOW)
                for n in range(MANY - 1)
            ],
        ]
        assert _errors(in_threads(lambda n, steps=steps: steps[n](), MANY)) == []
        waiting = {str(pk) for pk in invoice.deliveries.values_list("pk", flat=True)}
        assert len(waiting) == MANY
        assert waiting <= set(DueWork.objects.filter(kind=deliveries.EMAIL_WORK).values_list("key", flat=True))
    assert InvoiceDocument.objects.filter(format="pdf").count() == 4


def test_making_a_customer_twice(root: User) -> None:
    results = in_threads(
        lambda _n: customers.create_customer(company_name="One", email="x@one.example", by=root, at=NOW), MANY
    )
    assert Customer.objects.count() == 1
    assert len(_errors(results)) == MANY - 1
    assert set(_errors(results)) <= {"ValidationError", "IntegrityError"}

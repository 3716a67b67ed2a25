"""Billing many at once leaves exactly what single calls leave; and refuses what they refuse."""

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from accounts.models import User
from crm.domain import bulk_billing, deals, issuing, payments
from crm.domain.bulk import RecordRefused
from crm.domain.bulk_billing import Completion, Issue, Receipt
from crm.domain.invoicing import InvoiceRefused
from crm.domain.payments import PaymentRefused
from crm.models import Activity, Customer, Deal, DealLine, Invoice, InvoiceDelivery, InvoiceLine, Payment
from hashinsight.events.models import OutboxEvent
from hashinsight.jobs.models import DueWork
from tests import factories
from tests.factories import NOW, TODAY
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
ISSUED_ON = [TODAY - timedelta(days=days) for days in (30, 10, 20)]


@pytest.fixture
@standing
def signed(root: User, customer_a: Customer, customer_b: Customer) -> list[Deal]:
    """Three sales of two customers; one is taxed, with two rates in time."""
    customer_a.tax_code = factories.standard_tax()
    customer_a.save()
    found = []
    for number, customer in enumerate((customer_a, customer_b, customer_a), start=1):
        deal = factories.DealFactory(customer=customer, title=f"Sale {number}", is_sample=True)
        product = factories.ProductFactory()
        deals.set_lines(
            deal,
            lines=[
                DealLine(product=product, description="Rack", quantity=number, unit_price=Decimal("33.335")),
                DealLine(description="Set-up", quantity=Decimal("0.5"), unit_price=Decimal("99.99")),
            ],
        )
        deals.submit_deal(deal, by=root, at=NOW)
        deals.approve_deal(deal, by=root, at=NOW)
        found.append(deals.sign_deal(deal, by=root, on=TODAY - timedelta(days=40), at=NOW))
    return found


def _at(day: date) -> datetime:
    return NOW - timedelta(days=(TODAY - day).days)


# Percent of the total and days after the issue, per sale: in two parts, in full, too little.
PAID = (((40, 3), (60, 9)), ((100, 4),), ((50, 5),))


def _one_by_one(signed: list[Deal], by: User) -> None:
    drafts = [deals.complete_deal(deal, by=by, at=_at(day)) for deal, day in zip(signed, ISSUED_ON, strict=True)]
    issued = {}
    for draft, day in sorted(zip(drafts, ISSUED_ON, strict=True), key=lambda pair: pair[1]):
        issued[draft.pk] = issuing.issue_invoice(draft, by=by, on=day, at=_at(day), send=False)
    for receipt in _receipts([issued[draft.pk] for draft in drafts]):
        payments.record_payment(
            receipt.invoice,
            amount=receipt.amount,
            currency="USD",
            received_on=receipt.received_on,
            by=by,
            on=TODAY,
            at=receipt.at,
            method=receipt.method,
            reference=receipt.reference,
            is_sample=True,
        )


def _at_once(signed: list[Deal], by: User) -> None:
    done = [Completion(deal, _at(day)) for deal, day in zip(signed, ISSUED_ON, strict=True)]
    drafts = bulk_billing.complete_deals(done, by=by)
    wanted = [Issue(draft, day, _at(day)) for draft, day in zip(drafts, ISSUED_ON, strict=True)]
    issued = {one.pk: one for one in bulk_billing.issue_invoices(wanted, by=by)}
    bulk_billing.record_payments(_receipts([issued[draft.pk] for draft in drafts]), on=TODAY, by=by)


def _receipts(issued: list[Invoice]) -> list[Receipt]:
    found = []
    for invoice, parts in zip(issued, PAID, strict=True):
        assert invoice.issued_on is not None
        for percent, days in parts:
            day = invoice.issued_on + timedelta(days=days)
            amount = (invoice.gross_total * percent / 100).quantize(Decimal("0.01"))
            found.append(Receipt(invoice, amount, day, _at(day), "bank_transfer", f"ref {percent}"))
    return sorted(found, key=lambda one: one.received_on)


def _trace() -> dict[str, Any]:
    """Everything that is left, by what it says instead of by id."""
    named = {str(row.public_id): f"invoice {row.deal.title}" for row in Invoice.objects.select_related("deal")}
    named |= {str(row.public_id): row.title for row in Deal.objects.all()}
    named |= {str(row.public_id): f"payment {row.amount}" for row in Payment.objects.all()}
    own = ("id", "public_id", "reference", "invoice_id", "created_at", "updated_at", "version")

    def rows(model: Any, *order: str) -> list[Any]:
        columns = [field.attname for field in model._meta.concrete_fields if field.attname not in own]
        return list(model.objects.order_by(*order).values(*columns))

    return {
        "deals": rows(Deal, "title"),
        "invoices": rows(Invoice, "deal__title"),
        "lines": rows(InvoiceLine, "invoice__deal__title", "position"),
        "payments": rows(Payment, "invoice__deal__title", "received_on"),
        "moments": list(Invoice.objects.order_by("deal__title").values_list("created_at")),
        "activities": Counter(
            Activity.objects.values_list(
                "kind", "subject", "invoice__deal__title", "deal__title", "occurred_at", "client_visible", "created_by"
            )
        ),
        "events": Counter(
            (one.kind, named.get(one.aggregate_id, one.aggregate_id), one.customer_id, one.user_id,
             tuple(sorted((name, named.get(str(value), value)) for name, value in one.payload.items())))
            for one in OutboxEvent.objects.all()
        ),
        "work": list(DueWork.objects.order_by("not_before").values_list("kind", "queue", "not_before", "state")),
        "deliveries": InvoiceDelivery.objects.count(),
    }  # fmt: skip


def test_many_at_once_leave_what_single_calls_leave(signed: list[Deal], root: User) -> None:
    found = []
    for way in (_one_by_one, _at_once):
        with transaction.atomic():
            way(signed, root)
            found.append(_trace())
            transaction.set_rollback(True)
    single, bulk = found
    for name in single:
        assert bulk[name] == single[name], name
    assert [row["status"] for row in bulk["invoices"]] == ["paid", "paid", "sent"]
    assert bulk["deliveries"] == 0


def test_numbers_follow_the_days(signed: list[Deal], root: User) -> None:
    _at_once(signed, root)
    mine = Invoice.objects.filter(customer=signed[0].customer).order_by("number")
    assert list(mine.values_list("deal__title", flat=True)) == ["Sale 1", "Sale 3"]
    assert [one.number[-4:] for one in mine] == ["0001", "0002"]


def test_one_refusal_refuses_all(signed: list[Deal], root: User) -> None:
    draft = factories.DealFactory(customer=signed[0].customer)
    with pytest.raises(RecordRefused):
        bulk_billing.complete_deals([Completion(one, NOW) for one in (*signed, draft)], by=root)
    assert not Invoice.objects.exists()
    drafts = bulk_billing.complete_deals([Completion(one, NOW) for one in signed], by=root)
    with pytest.raises(RecordRefused):
        bulk_billing.complete_deals([Completion(signed[0], NOW)], by=root)
    Customer.objects.filter(pk=signed[1].customer_id).update(company_name=" ")
    with pytest.raises(InvoiceRefused):
        bulk_billing.issue_invoices([Issue(one, TODAY, NOW) for one in drafts], by=root)
    assert set(Invoice.objects.values_list("status", "number")) == {("draft", None)}
    issued = bulk_billing.issue_invoices([Issue(drafts[0], TODAY, NOW)], by=root)
    with pytest.raises(RecordRefused):
        bulk_billing.issue_invoices([Issue(issued[0], TODAY, NOW)], by=root)


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "NaN"])
def test_money_that_makes_no_sense_is_refused(amount: str, signed: list[Deal], root: User) -> None:
    draft = deals.complete_deal(signed[0], by=root, at=NOW)
    good = Receipt(
        issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW), Decimal(1), TODAY, NOW, "bank_transfer", "a"
    )
    for bad in (Decimal(amount), Decimal(1)):
        on = TODAY if bad != 1 else TODAY - timedelta(days=1)  # the second is money from the future
        wrong = Receipt(good.invoice, bad, TODAY, NOW, "bank_transfer", "b")
        with pytest.raises(PaymentRefused):
            bulk_billing.record_payments([good, wrong], on=on, by=root)
    assert Payment.objects.count() == 0

"""A closed month is closed to every verb that dates something in it, and to the files made of it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from crm.domain import (
    bulk_billing,
    customer_credits,
    exports,
    issuing,
    opening_import,
    payments,
    periods,
    refunds,
    reversals,
    write_offs,
)
from crm.domain.bulk_billing import Issue, Receipt
from crm.domain.ledger.check import discrepancies
from crm.enums import ExportKind
from crm.models import AccountingExport, Customer, CustomerCredit, Invoice, JournalEntry, Payment
from hashinsight.approvals.domain import requests
from tests import factories
from tests.crm.opening_files import OpeningFiles
from tests.factories import NOW, TODAY
from tests.support.standing import standing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_broker")]
OCTOBER, DAY = date(2026, 10, 1), date(2026, 10, 28)
AT = datetime(2026, 10, 20, 9, tzinfo=UTC)


class Scene:
    """An invoice of October, partly paid, and a deposit."""

    folder: Path

    def __init__(self, root: User, customer: Customer) -> None:
        self.root, self.customer = root, customer
        self.invoice: Invoice = factories.issued_invoice(by=root, customer=customer, at=AT)
        self.entity = self.invoice.legal_entity
        money: dict[str, Any] = {
            "currency": "USD", "received_on": AT.date(), "by": root, "on": AT.date(), "at": AT
        }  # fmt: skip
        self.payment: Payment = payments.record_payment(self.invoice, amount=Decimal(100), **money)
        self.deposit: CustomerCredit = customer_credits.record_deposit(customer, amount=Decimal(50), **money)
        self.draft: Invoice = factories.draft_invoice(by=root, customer=customer)

    def step(self, day: date) -> dict[str, Any]:
        return {"by": self.root, "on": day, "at": NOW}

    def opening(self, day: date) -> Any:
        files = OpeningFiles({
            "open_invoices": [f"OLD-1,{self.customer.code},2025-11-01,2025-11-15,USD,9.00,9.00"], "credits": [],
            "number_series": [], "balances": [f"{self.customer.code},USD,9.00"], "totals": ["USD,9.00"],
        })  # fmt: skip
        read = files.read(self.folder)
        return opening_import.import_opening(read, legal_entity=self.entity, on=day, by=self.root, at=NOW)


Act = Callable[[Scene, date], Any]
MONEY = {"amount": Decimal(10)}
VERBS: dict[str, Act] = {
    "issue": lambda s, day: issuing.issue_invoice(s.draft, **s.step(day)),
    "issue in bulk": lambda s, day: bulk_billing.issue_invoices([Issue(s.draft, day, NOW)], by=s.root),
    "credit note": lambda s, day: issuing.credit_invoice(s.invoice, reason="x", **s.step(day)),
    "payment": lambda s, day: payments.record_payment(
        s.invoice, currency="USD", received_on=day, **MONEY, **s.step(day)
    ),
    "payments in bulk": lambda s, day: bulk_billing.record_payments(
        [Receipt(s.invoice, Decimal(10), day, NOW, "card", "x")], on=day, by=s.root
    ),
    "deposit": lambda s, day: customer_credits.record_deposit(
        s.customer, currency="USD", received_on=day, **MONEY, **s.step(day)
    ),
    "application": lambda s, day: customer_credits.apply_credit(
        s.deposit, invoice=s.invoice, **MONEY, **s.step(day)
    ),
    "refund of a credit": lambda s, day: refunds.refund_credit(s.deposit, reason="x", **MONEY, **s.step(day)),
    "refund of a payment": lambda s, day: refunds.refund_payment(s.payment, reason="x", **MONEY, **s.step(day)),
    "write-off": lambda s, day: write_offs.write_off(s.invoice, reason="x", **MONEY, **s.step(day)),
    "reversal": lambda s, day: reversals.reverse(s.payment, reason="x", **s.step(day)),
    "opening": lambda s, day: s.opening(day),
}  # fmt: skip


@pytest.fixture
@standing
def business(root: User, customer_a: Customer) -> Scene:
    return Scene(root, customer_a)


@pytest.fixture
def scene(business: Scene, tmp_path: Path) -> Scene:
    business.folder = tmp_path
    return business


def entries() -> int:
    return JournalEntry.objects.filter(posted_on__lt=date(2026, 11, 1)).count()


@pytest.mark.parametrize("verb", VERBS)
def test_it_is_refused_in_words_and_nothing_is_dated_there(scene: Scene, verb: str) -> None:
    periods.close_period(scene.entity, month=OCTOBER, by=scene.root, at=NOW)
    before = entries()
    refused = (periods.PeriodClosed, opening_import.OpeningRefused)
    with pytest.raises(refused, match="2026-10 is closed"), transaction.atomic():
        VERBS[verb](scene, DAY)
    assert entries() == before
    VERBS[verb](scene, TODAY)  # what is refused there is taken today
    assert entries() == before
    assert discrepancies() == []


@pytest.mark.parametrize("verb", VERBS)
def test_control_the_open_month_takes_it(scene: Scene, verb: str) -> None:
    before = entries()
    VERBS[verb](scene, DAY)
    assert entries() == before + 1


def test_files_of_a_closed_month_are_settled_until_two_people_open_it(scene: Scene) -> None:
    wish: dict[str, Any] = {"kind": ExportKind.JOURNAL_CSV, "first": OCTOBER, "last": OCTOBER, "by": scene.root}
    period = periods.close_period(scene.entity, month=OCTOBER, by=scene.root, at=NOW)
    first = exports.make_export(scene.entity, at=NOW, **wish)
    for change in ({"is_provisional": True}, {"content": b"other"}, {"row_count": 1}):
        with pytest.raises(IntegrityError, match="written once"), transaction.atomic():
            AccountingExport.objects.filter(pk=first.pk).update(**change)
    with pytest.raises(IntegrityError, match="written once"), transaction.atomic():
        AccountingExport.objects.all().delete()
    write_offs.write_off(scene.invoice, reason="x", **MONEY, **scene.step(TODAY))
    assert exports.make_export(scene.entity, at=NOW, **wish).pk == first.pk
    other = factories.UserFactory(is_staff=True, is_superuser=True)
    requests.approve(periods.ask_reopen(period, reason="forgotten", by=scene.root, at=NOW), by=other, at=NOW)
    assert exports.make_export(scene.entity, at=NOW, **wish).is_provisional
    write_offs.write_off(scene.invoice, reason="x", **MONEY, **scene.step(DAY))
    periods.close_period(scene.entity, month=OCTOBER, by=scene.root, at=NOW.replace(hour=12))
    second = exports.make_export(scene.entity, at=NOW, **wish)
    assert (second.pk != first.pk, second.row_count - first.row_count) == (True, 2)
    assert bytes(AccountingExport.objects.get(pk=first.pk).content or b"") != bytes(second.content or b"")

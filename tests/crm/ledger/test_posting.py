"""Issue, payment and credit in the books: the right accounts, once, in the transaction of the document."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError, IntegrityError

from accounts.models import User
from crm.domain import deals, invoicing, issuing, payments
from crm.domain.ledger import books, vouchers
from crm.domain.ledger.posting import post
from crm.enums import EntryKind
from crm.models import (
    Customer,
    DealLine,
    ExchangeRate,
    Invoice,
    JournalEntry,
    LedgerAccount,
    LedgerPosting,
    LegalEntity,
)
from tests import factories
from tests.factories import NOW, TODAY
from tests.support.standing import standing

pytestmark = pytest.mark.django_db


def postings(kind: str) -> list[tuple[str, str, str]]:
    """Account, amount (credit below zero) and currency of each posting of an entry kind, in the order written."""
    rows = LedgerPosting.objects.filter(entry__kind=kind).select_related("account").order_by("id")
    return [(row.account.code, format((row.debit - row.credit).normalize(), "f"), row.currency) for row in rows]


def values(kind: str) -> list[str | None]:
    """The same in the currency of the books."""
    rows = LedgerPosting.objects.filter(entry__kind=kind).order_by("id")
    return [
        None if row.base_debit is None else format((row.base_debit - row.base_credit).normalize(), "f") for row in rows
    ]


@pytest.fixture
@standing
def taxed(root: User, customer_a: Customer) -> Invoice:
    """100.00 with 19 % and 50.00 with 7 %: 172.50 USD."""
    high, low = factories.standard_tax("19"), factories.standard_tax("7")
    deal = factories.DealFactory(customer=customer_a)
    products = [factories.ProductFactory(tax_code=high), factories.ProductFactory(tax_code=low)]
    prices = [Decimal(100), Decimal(50)]
    lines = [
        DealLine(product=one, description="x", quantity=1, unit_price=price)
        for one, price in zip(products, prices, strict=True)
    ]
    deals.set_lines(deal, lines=lines)
    factories.signed(deal, by=root)
    return issuing.issue_invoice(invoicing.draft_from_deal(deal, by=root, at=NOW), by=root, on=TODAY, at=NOW)


def pay(invoice: Invoice, amount: Any, by: User, **more: Any) -> Any:
    fields = {"currency": invoice.currency, "received_on": TODAY, "on": TODAY, "at": NOW, **more}
    return payments.record_payment(invoice, amount=Decimal(amount), by=by, **fields)


def test_an_invoice_is_booked_per_tax_rate(taxed: Invoice, root: User) -> None:
    assert postings("invoice") == [
        ("receivable", "172.5", "USD"),
        ("revenue.S.19", "-100", "USD"),
        ("output_tax.S.19", "-19", "USD"),
        ("revenue.S.7", "-50", "USD"),
        ("output_tax.S.7", "-3.5", "USD"),
    ]
    entry = JournalEntry.objects.get()
    assert (entry.posted_on, entry.source_id, entry.created_by, entry.text) == (TODAY, taxed.pk, root, taxed.number)


def test_money_beyond_the_invoice_is_the_customers(taxed: Invoice, root: User) -> None:
    pay(taxed, "72.5", root, method="card")
    pay(taxed, "120", root)
    assert postings("payment") == [
        ("card", "72.5", "USD"), ("receivable", "-72.5", "USD"),
        ("bank", "120", "USD"), ("receivable", "-100", "USD"), ("credits", "-20", "USD"),
    ]  # fmt: skip


def test_a_credit_note_takes_back_revenue_tax_and_what_is_owed(taxed: Invoice, root: User) -> None:
    pay(taxed, "172.5", root)
    issuing.credit_invoice(taxed, by=root, on=TODAY, at=NOW, reason="x", quantities={2: Decimal("0.5")})
    assert postings("credit_note") == [
        ("revenue.S.7", "25", "USD"), ("output_tax.S.7", "1.75", "USD"), ("credits", "-26.75", "USD"),
    ]  # fmt: skip


def test_an_invoice_over_nothing_leaves_no_entry(root: User, customer_a: Customer) -> None:
    factories.issued_invoice(by=root, customer=customer_a, value=Decimal(0))
    assert JournalEntry.objects.count() == 0


def test_bitcoin_at_the_rate_typed_with_it(root: User, customer_a: Customer) -> None:
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    payment = pay(invoice, "0.01", root, currency="BTC", method="bitcoin", rate=Decimal(97_000), settles=Decimal(1000))
    assert postings("payment") == [
        ("wallet", "0.01", "BTC"), ("conversion", "-0.01", "BTC"), ("conversion", "970", "USD"),
        ("fx_difference", "30", "USD"), ("receivable", "-1000", "USD"),
    ]  # fmt: skip
    assert values("payment") == ["970", "-970", "970", "30", "-1000"]
    assert (payment.settles, invoice.reload().status) == (Decimal(1000), "paid")


def test_bitcoin_without_an_agreed_amount_settles_its_worth(root: User, customer_a: Customer) -> None:
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    pay(invoice, "0.01", root, currency="BTC", method="bitcoin", rate=Decimal("97000.005"))
    assert postings("payment")[-1] == ("receivable", "-970", "USD")
    assert Invoice.objects.with_balance().get(pk=invoice.pk).outstanding == Decimal(30)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"currency": "BTC"}, "state the rate"),
        ({"currency": "BTC", "rate": Decimal(0)}, "rate must be"),
        ({"currency": "BTC", "rate": Decimal("-1")}, "rate must be"),
        ({"currency": "BTC", "rate": Decimal("NaN")}, "rate must be"),
        ({"currency": "BTC", "rate": Decimal("1E+13")}, "rate must be"),
        ({"currency": "BTC", "rate": Decimal("0.1234567891")}, "rate must be"),
        ({"currency": "BTC", "rate": Decimal(97_000), "settles": Decimal(100_000)}, "too far"),
        ({"currency": "BTC", "rate": Decimal(97_000), "settles": Decimal("97000.001")}, "too many digits"),
        ({"currency": "BTC", "rate": Decimal("0.001"), "settles": None}, "greater than zero"),
        ({"rate": Decimal(1)}, "A rate belongs to"),
        ({"settles": Decimal(1)}, "A rate belongs to"),
        ({"currency": "XXX", "rate": Decimal(1)}, "state the rate"),
    ],
)
def test_rates_that_make_no_sense_are_refused(
    changes: dict[str, Any], message: str, root: User, customer_a: Customer
) -> None:
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    if changes.get("settles") == Decimal(100_000):
        changes = {**changes, "settles": Decimal(122_000)}
    with pytest.raises(payments.PaymentRefused, match=message):
        pay(invoice, "1", root, **changes)
    assert JournalEntry.objects.filter(kind="payment").count() == 0


def test_books_in_another_currency_show_the_gain(root: User, customer_a: Customer, legal_entity: LegalEntity) -> None:
    """Issued at 0.90 EUR for a dollar, half of it paid at 0.95: 25 EUR won."""
    LegalEntity.objects.filter(pk=legal_entity.pk).update(currency="EUR")
    rate = ExchangeRate.objects.create(currency="USD", in_currency="EUR", valid_on=TODAY, rate=Decimal("0.9"))
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    assert values("invoice") == ["900", "-900"]
    ExchangeRate.objects.filter(pk=rate.pk).update(rate=Decimal("0.95"))
    pay(invoice, 500, root)
    assert postings("payment")[-1] == ("fx_difference", "0", "EUR")
    assert values("payment") == ["475", "-450", "-25"]


def test_without_a_rate_the_books_say_so_instead_of_guessing(
    root: User, customer_a: Customer, legal_entity: LegalEntity
) -> None:
    LegalEntity.objects.filter(pk=legal_entity.pk).update(currency="EUR")
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    ExchangeRate.objects.create(currency="EUR", in_currency="USD", valid_on=TODAY, rate=Decimal(1))
    pay(invoice, 500, root)
    assert values("invoice") == [None, None]
    assert values("payment") == [None, None]


def test_nothing_is_booked_twice(taxed: Invoice, root: User) -> None:
    totals = invoicing.document_totals(taxed, list(taxed.lines.all()))
    with pytest.raises(IntegrityError, match="crm_journalentry_once"), transaction.atomic():
        post(vouchers.of_invoice(taxed, totals, by=root, at=NOW))


def test_an_issue_that_fails_after_booking_leaves_nothing(
    root: User, customer_a: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    book = books.book_invoice

    def book_and_fail(*args: Any, **kwargs: Any) -> None:
        book(*args, **kwargs)
        assert JournalEntry.objects.count() == 1
        raise ZeroDivisionError

    monkeypatch.setattr("crm.domain.ledger.books.book_invoice", book_and_fail)
    with pytest.raises(ZeroDivisionError):
        issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW)
    assert JournalEntry.objects.count() == 0


SPOILED = {
    "an entry is changed": "UPDATE crm_journalentry SET text = 'x'",
    "an entry is deleted": "DELETE FROM crm_journalentry",
    "a posting is changed": "UPDATE crm_ledgerposting SET debit = debit + 1, credit = credit",
    "a posting is deleted": "DELETE FROM crm_ledgerposting",
    "an account becomes another": "UPDATE crm_ledgeraccount SET kind = 'bank'",
    "an account is deleted": "DELETE FROM crm_ledgeraccount",
    "the books change their currency": "UPDATE crm_legalentity SET currency = 'EUR'",
    "an entry without postings": (
        "INSERT INTO crm_journalentry (public_id, legal_entity_id, customer_id, kind, source_id, posted_on, currency,"
        " base_currency, text, request_id, transaction_id, created_at, is_sample) SELECT gen_random_uuid(),"
        " legal_entity_id, customer_id, 'payment', 999, posted_on, currency, base_currency, '', '', 0, now(), false"
        " FROM crm_journalentry"
    ),
}


def _spoil(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("what", SPOILED)
def test_the_database_keeps_the_books(what: str, root: User, customer_a: Customer) -> None:
    factories.issued_invoice(by=root, customer=customer_a)
    with pytest.raises(DatabaseError), transaction.atomic():
        _spoil(SPOILED[what])


def _entry(customer: Customer, entity: LegalEntity, source: int) -> JournalEntry:
    return JournalEntry.objects.create(
        legal_entity=entity, customer=customer, kind=EntryKind.PAYMENT, source_id=source, posted_on=TODAY,
        currency="USD", base_currency="USD",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("debit", "credit"),
    [
        ({"debit": 1, "base_debit": 1, "base_credit": 0}, {"credit": 2, "base_debit": 0, "base_credit": 2}),
        ({"debit": 1, "base_debit": 1, "base_credit": 0}, {"credit": 1, "base_debit": 0, "base_credit": 2}),
        ({"debit": 1, "base_debit": 1, "base_credit": 0}, {"credit": 1}),
        ({"debit": 1}, {"credit": 1, "currency": "EUR"}),
    ],
)
def test_what_does_not_balance_is_not_committed(
    debit: dict[str, Any], credit: dict[str, Any], customer_a: Customer, legal_entity: LegalEntity
) -> None:
    with pytest.raises(IntegrityError, match="does not balance"), transaction.atomic():
        _two_sides(customer_a, legal_entity, debit, credit)


def _two_sides(customer: Customer, entity: LegalEntity, debit: dict[str, Any], credit: dict[str, Any]) -> None:
    bank = LedgerAccount.objects.create(legal_entity=entity, code="bank", kind="bank")
    owed = LedgerAccount.objects.create(legal_entity=entity, code="receivable", kind="receivable")
    entry = _entry(customer, entity, 1)
    LedgerPosting.objects.create(entry=entry, account=bank, kind="bank", **{"currency": "USD", **debit})
    LedgerPosting.objects.create(
        entry=entry, account=owed, kind="receivable", customer=customer, **{"currency": "USD", **credit}
    )
    connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db(transaction=True)
def test_a_closed_entry_takes_no_more_postings(root: User, customer_a: Customer) -> None:
    factories.issued_invoice(by=root, customer=customer_a)
    known = LedgerPosting.objects.filter(kind="revenue").get()
    with pytest.raises(IntegrityError, match="is closed"):
        LedgerPosting.objects.create(
            entry=known.entry, account=known.account, kind="revenue", currency="USD", debit=Decimal(1)
        )


def test_two_first_bookings_open_one_account(root: User, customer_a: Customer) -> None:
    for _turn in range(2):
        factories.issued_invoice(by=root, customer=customer_a)
    codes = list(LedgerAccount.objects.order_by("code").values_list("code", flat=True))
    assert codes == ["receivable", "revenue.O.0"]

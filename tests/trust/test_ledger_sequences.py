"""T5: after any sequence of invoices, money, credits, refunds, disputes, write-offs and mistakes the books add up.

The machine does what people do, in any order; what the domain refuses is fine, what it accepts must balance. After
each step a model of its own (plain numbers, no query) is compared with the documents, the ledger and the statement;
at the end of a sequence the plain SQL of ``check_ledger`` looks over everything. The control loses one posting.
"""

import os
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from crm.domain import customer_credits, dunning, invoicing, issuing, payments, refunds, reversals, write_offs
from crm.domain.ledger import queries, statement
from crm.domain.ledger.check import discrepancies
from crm.models import (
    CreditApplication,
    Customer,
    CustomerCredit,
    Invoice,
    InvoiceLine,
    LedgerPosting,
    Payment,
    Refund,
    WriteOff,
)  # fmt: skip
from hashinsight.common.errors import DomainError
from tests import factories
from tests.factories import NOW, TODAY
from tests.support.database import owner_login
from tests.trust.ledger_questions import ask, documents, held_credits, paid_back, received, total

pytestmark = pytest.mark.django_db
SEED = int(os.environ.get("HASHINSIGHT_SEED", "20261121"))
# Parts, sequences of each and steps: an ordinary run, one per pull request (HASHINSIGHT_LEDGER=pr), a nightly one.
ORDINARY, PULL_REQUEST, NIGHTLY = (1, 10, 10), (1, 100, 30), (20, 100, 50)
SIZE = (
    NIGHTLY if os.environ.get("HASHINSIGHT_NIGHTLY")
    else PULL_REQUEST if os.environ.get("HASHINSIGHT_LEDGER") == "pr" else ORDINARY
)  # fmt: skip
CENTS = st.integers(min_value=1, max_value=120_00).map(lambda cents: Decimal(cents) / 100)
PARTS = st.integers(min_value=1, max_value=10)
PICK = st.integers(min_value=0, max_value=10_000)


class Books(RuleBasedStateMachine):
    """One customer's account, from the first invoice on. ``who`` is set by the test before a run."""

    who: User
    breaks: bool = False  # the control loses a posting on the way
    accepted: ClassVar[Counter[str]] = Counter()  # which acts the domain took, over all sequences of a run

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.day: date = TODAY
        self.at: datetime = NOW
        self.owed = Decimal(0)  # the model: what the customer owes, less what we hold of its money
        self.cash = Decimal(0)  # the model: money received less money paid back, in dollars at its agreed worth

    @initialize(price=CENTS)
    def begin(self, price: Decimal) -> None:
        """A customer with taxed lines, two invoices, a part of one paid, and some money in advance."""
        tax = factories.standard_tax("19")
        self.customer: Customer = factories.CustomerFactory(tax_code=tax)
        self.issue(3, price)
        self.issue(1, price)
        self.pay(1, price)
        self.deposit(price)

    def teardown(self) -> None:
        """The whole account once more in SQL; then nothing of it ever was."""
        try:
            assert discrepancies() == []
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        finally:
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)

    # --- helpers ---------------------------------------------------------------------------------------------
    def attempt(self, act: Any) -> Any:
        """What the act made, or None where the domain refuses it (then nothing has changed)."""
        try:
            with transaction.atomic():
                made = act()
            Books.accepted[act.__qualname__.split(".")[1]] += 1
            return made
        except DomainError:
            return None

    def pick(self, rows: Any, number: int) -> Any:
        """One of the rows, always the same for the same number."""
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        return rows.model.objects.get(pk=keys[number % len(keys)]) if keys else None

    def invoices(self) -> Any:
        """What was issued to the customer."""
        return Invoice.objects.filter(customer=self.customer, number__isnull=False).exclude(kind="credit_note")

    def fitting(self, amount: Decimal, most: Decimal, number: int) -> Decimal:
        """Mostly an amount that can be accepted; each fourth time whatever was drawn."""
        return amount if number % 4 == 0 or most <= 0 else min(amount, most)

    def outstanding(self, invoice: Invoice) -> Decimal:
        """What is still owed on it."""
        found: Any = Invoice.objects.with_balance().get(pk=invoice.pk)
        return Decimal(found.outstanding)

    @property
    def common(self) -> dict[str, Any]:
        """Who and when."""
        return {"by": self.who, "on": self.day, "at": self.at}

    # --- what people do --------------------------------------------------------------------------------------
    @rule(quantity=PARTS, price=CENTS)
    def issue(self, quantity: int, price: Decimal) -> None:
        deal = factories.signed_deal(by=self.who, customer=self.customer)
        draft = invoicing.draft_from_deal(deal, by=self.who, at=self.at)
        lines = [InvoiceLine(description="Hosting", quantity=quantity, unit_price=price)]
        invoicing.set_lines(draft, lines=lines, on=self.day)
        invoice = issuing.issue_invoice(draft, send=False, **self.common)
        self.owed += invoice.gross_total

    @rule(number=PICK, amount=CENTS)
    def pay(self, number: int, amount: Decimal) -> None:
        invoice = self.pick(self.invoices(), number)
        if invoice and self.attempt(
            lambda: payments.record_payment(invoice, amount=amount, currency="USD", received_on=self.day, **self.common)
        ):
            self.owed -= amount
            self.cash += amount

    @rule(number=PICK, sats=st.integers(min_value=1, max_value=200_000), rate=st.integers(20_000, 150_000), off=CENTS)
    def pay_in_bitcoin(self, number: int, sats: int, rate: int, off: Decimal) -> None:
        """At a rate typed with it; every other time another amount than its worth was agreed."""
        invoice = self.pick(self.invoices(), number)
        amount = Decimal(sats).scaleb(-8)
        worth = (amount * rate).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
        agreed = None if number % 2 else max(worth - off / 100, Decimal("0.01")).quantize(Decimal("0.01"))
        if invoice and self.attempt(
            lambda: payments.record_payment(
                invoice, amount=amount, currency="BTC", method="bitcoin", rate=Decimal(rate), settles=agreed,
                received_on=self.day, **self.common,
            )
        ):  # fmt: skip
            self.owed -= worth if agreed is None else agreed
            self.cash += worth if agreed is None else agreed

    @rule(number=PICK, parts=PARTS)
    def credit(self, number: int, parts: int) -> None:
        invoice = self.pick(self.invoices(), number)
        note = invoice and self.attempt(
            lambda: issuing.credit_invoice(
                invoice, reason="x", quantities={1: Decimal(parts)}, send=False, **self.common
            )
        )
        self.owed -= note.gross_total if note else 0

    @rule(number=PICK)
    def void(self, number: int) -> None:
        """A credit note over all that is left."""
        invoice = self.pick(self.invoices(), number)
        note = invoice and self.attempt(lambda: issuing.credit_invoice(invoice, reason="x", send=False, **self.common))
        self.owed -= note.gross_total if note else 0

    @rule(amount=CENTS)
    def deposit(self, amount: Decimal) -> None:
        made = self.attempt(
            lambda: customer_credits.record_deposit(
                self.customer, amount=amount, currency="USD", received_on=self.day, **self.common
            )
        )
        assert made is not None
        self.owed -= amount
        self.cash += amount

    @rule(number=PICK, other=PICK, amount=CENTS)
    def apply(self, number: int, other: int, amount: Decimal) -> None:
        credit = self.pick(CustomerCredit.objects.filter(customer=self.customer), number)
        invoice = self.pick(self.invoices(), other)
        if credit and invoice:
            most = min(customer_credits.balance_of(credit), self.outstanding(invoice))
            amount = self.fitting(amount, most, number + other)
            self.attempt(lambda: customer_credits.apply_credit(credit, invoice=invoice, amount=amount, **self.common))

    @rule(number=PICK, amount=CENTS)
    def refund_credit(self, number: int, amount: Decimal) -> None:
        credit = self.pick(CustomerCredit.objects.filter(customer=self.customer), number)
        amount = self.fitting(amount, customer_credits.balance_of(credit), number) if credit else amount
        if credit and self.attempt(lambda: refunds.refund_credit(credit, amount=amount, reason="x", **self.common)):
            self.owed += amount
            self.cash -= amount

    @rule(number=PICK, amount=CENTS)
    def refund_payment(self, number: int, amount: Decimal) -> None:
        payment = self.pick(Payment.objects.filter(customer=self.customer), number)
        amount = self.fitting(amount, refunds.refundable_of(payment), number) if payment else amount
        if payment and self.attempt(lambda: refunds.refund_payment(payment, amount=amount, reason="x", **self.common)):
            self.owed += amount
            self.cash -= amount

    @rule(number=PICK, amount=CENTS, kind=st.sampled_from(["bad_debt", "small_difference"]))
    def write_off(self, number: int, amount: Decimal, kind: str) -> None:
        invoice = self.pick(self.invoices(), number)
        amount = self.fitting(amount, self.outstanding(invoice), number) if invoice else amount
        if invoice and self.attempt(
            lambda: write_offs.write_off(invoice, amount=amount, reason="x", kind=kind, **self.common)
        ):
            self.owed -= amount

    @rule(number=PICK, amount=CENTS)
    def dispute(self, number: int, amount: Decimal) -> None:
        """A marker: it moves no money."""
        invoice = self.pick(self.invoices(), number)
        if invoice:
            self.attempt(lambda: dunning.dispute(invoice, amount=amount, reason="x", by=self.who, at=self.at))

    @rule(number=PICK, start=st.integers(min_value=0, max_value=4))
    def take_back(self, number: int, start: int) -> None:
        """One of the first kind, from ``start`` on, of which there is any."""
        kinds: list[Any] = [Payment, CustomerCredit, CreditApplication, Refund, WriteOff]
        found = (self.pick(kind.objects.filter(customer=self.customer), number) for kind in kinds[start:] + kinds)
        row = next((one for one in found if one is not None), None)
        if row is None or not self.attempt(lambda: reversals.reverse(row, reason="x", **self.common)):
            return
        amount = row.settles if isinstance(row, Payment) else row.amount
        if isinstance(row, Payment | CustomerCredit):
            self.owed, self.cash = self.owed + amount, self.cash - amount
        elif isinstance(row, Refund):
            self.owed, self.cash = self.owed - amount, self.cash + amount
        elif isinstance(row, WriteOff):
            self.owed += amount

    @rule(days=st.integers(min_value=1, max_value=9))
    def time_passes(self, days: int) -> None:
        self.day += timedelta(days=days)
        self.at += timedelta(days=days)

    @precondition(lambda self: self.breaks)
    @rule()
    def lose_a_posting(self) -> None:
        """The control only: as if one side of the last entry had never been written."""
        last = LedgerPosting.objects.filter(customer=self.customer).order_by("-pk").first()
        if last is not None:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM crm_ledgerposting WHERE id = %s", [last.pk])

    # --- what must always be true ----------------------------------------------------------------------------
    @invariant()
    def debits_equal_credits(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT currency FROM crm_ledgerposting GROUP BY 1 HAVING sum(debit) <> sum(credit)")
            assert cursor.fetchall() == []

    @invariant()
    def the_balance_is_the_sum(self) -> None:
        if hasattr(self, "customer"):
            assert queries.balance_of(self.customer, "USD") == self.owed

    @invariant()
    def documents_agree_and_nothing_is_below_zero(self) -> None:
        if not hasattr(self, "customer"):
            return
        customer = self.customer.pk
        rows, held = ask(documents, customer), ask(held_credits, customer)
        assert all(min(row) >= 0 for row in rows)
        assert all(balance >= 0 for balance, *_rest in held)
        assert sum(row[0] for row in rows) - sum(balance for balance, *_rest in held) == self.owed
        deposits = sum(amount for _balance, amount, kind, undone in held if kind == "deposit" and not undone)
        assert total(received, customer) + deposits - total(paid_back, customer) == self.cash

    @invariant()
    def the_statement_equals_the_ledger(self) -> None:
        if not hasattr(self, "customer"):
            return
        shown = statement.statement_of(self.customer, currency="USD", first=TODAY + timedelta(days=1), last=self.day)
        assert shown.closing == self.owed == shown.ageing.total - shown.held
        assert shown.opening + sum(line.debit - line.credit for line in shown.lines) == shown.closing


def play(sequences: int, steps: int, part: int = 0) -> None:
    """Run the machine that often."""
    run_state_machine_as_test(
        seeded(SEED + part)(Books),
        settings=settings(
            max_examples=sequences, stateful_step_count=steps, deadline=None, database=None, print_blob=False,
            phases=[Phase.generate],
 suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


@pytest.fixture
def ready(root: User, legal_entity: Any, quiet_broker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Books, "who", root, raising=False)
    print(f"HASHINSIGHT_SEED={SEED}")


@pytest.mark.parametrize("part", range(SIZE[0]))
def test_the_books_add_up_after_every_step_of_any_sequence(ready: None, part: int) -> None:
    """In parts, which the processes of a run share; none grows the transaction, and so its tables, without end."""
    Books.accepted.clear()
    play(*SIZE[1:], part=part)
    acts = {"pay", "pay_in_bitcoin", "credit", "void", "deposit", "apply", "refund_credit", "refund_payment"}
    acts |= {"write_off", "dispute", "take_back"}
    print(Books.accepted)
    assert len(acts & set(Books.accepted)) >= (8 if SIZE == ORDINARY else len(acts))  # refused acts prove little


@pytest.mark.django_db(transaction=True)
def test_control_a_lost_posting_is_noticed(ready: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Books, "breaks", True)
    with owner_login(), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE crm_ledgerposting DISABLE TRIGGER aa_guard")
        with pytest.raises(AssertionError):
            play(5, 15)
        transaction.set_rollback(True)

"""What else happened with customers' money: deposits, money paid back, claims given up, disputes, reminders.

Told after the invoices and payments, through the real domain functions and from what is in the books by then. Acts
above a limit are asked for by finance and decided by the owner; one request still waits.
"""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from crm.domain import customer_credits, dunning, payments, refunds, reversals, write_offs
from crm.enums import CreditKind, InvoiceKind, InvoiceStatus, LimitedAct, LimitRule, WriteOffKind
from crm.models import ApprovalLimit, Customer, CustomerCredit, DunningLevel, Invoice, LegalEntity, Payment
from hashinsight.approvals.domain.requests import approve, reject
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.common.money import round_money
from hashinsight.demo.billing import METHODS
from hashinsight.demo.calendar import Clock
from hashinsight.demo.people import Staff

LIMITS = {LimitedAct.REFUND: Decimal(500), LimitedAct.WRITE_OFF: Decimal(250), LimitedAct.CREDIT_NOTE: Decimal(20000)}
# Level: days after the due date, fee, interest per year, text in English and German.
LADDER = (
    (1, 7, "0", "0", "Our records show the invoices below as unpaid. Perhaps this letter and your payment crossed.",
     "Die folgenden Rechnungen sind bei uns noch offen. Vielleicht hat sich Ihre Zahlung mit diesem Brief gekreuzt."),
    (2, 21, "10", "0", "We have received no payment so far. Please settle the open amount within seven days.",
     "Bisher ist keine Zahlung eingegangen. Bitte begleichen Sie den offenen Betrag innerhalb von sieben Tagen."),
    (3, 45, "25", "9", "This is our last reminder. Without payment we will stop the machines and hand over the claim.",
     "Dies ist unsere letzte Mahnung. Ohne Zahlung schalten wir die Geräte ab und geben die Forderung weiter."),
)  # fmt: skip
REMINDED = 10  # customers with letters
REMINDER_DAYS = (31, 17, 3)  # days ago
DEPOSITS = 6


class MoneyTeller:
    """Tells the money stories of one company; the same seed tells the same ones."""

    def __init__(self, staff: Staff, clock: Clock, *, seed: int) -> None:
        self.staff, self.clock = staff, clock
        self.chance = random.Random(f"hashinsight-demo-money-{seed}")  # noqa: S311  (a story, no secret)

    def tell(self) -> None:
        """All of it. A company too small for a story goes without it."""
        self._set_up()
        self._deposits()
        self._too_much()
        self._surpluses()
        late = self._late()
        for invoice in islice(late, 1):
            self._small_difference(invoice)
        for invoice, story in zip(late, (self._give_up, self._refuse_to_give_up, self._ask), strict=False):
            story(invoice)
        for number, invoice in enumerate(islice(late, 4)):
            self._dispute(invoice, is_over=number == 0)
        for invoice in islice(late, 1):
            self._hold(invoice, is_whole=True)
            self._hold(invoice, is_whole=False)
        self._payments()
        self._remind()

    # --- the frame ------------------------------------------------------------------------------------------------
    def _set_up(self) -> None:
        for entity in LegalEntity.objects.order_by("pk"):
            for act, amount in LIMITS.items():
                _stored(ApprovalLimit(legal_entity=entity, act=act, rule=LimitRule.ABOVE, amount=amount))
            for level, days, fee, interest, english, german in LADDER:
                _stored(DunningLevel(
                    legal_entity=entity, level=level, days_after_due=days, fee=Decimal(fee),
                    interest_percent=Decimal(interest), text_en=english, text_de=german,
                ))  # fmt: skip

    def _when(self, days_ago: int) -> dict[str, Any]:
        """Who, which day, which moment."""
        day = self.clock.today - timedelta(days=days_ago)
        return {"by": self.staff.finance, "on": day, "at": self.clock.moment(day)}

    def _late(self) -> Iterator[Invoice]:
        """Overdue invoices of the currency of their books, the oldest first; each is told of once."""
        rows: Any = Invoice.objects.filter(status=InvoiceStatus.OVERDUE, credit_notes=None).with_balance()
        rows = rows.filter(outstanding__gt=20).select_related("customer", "legal_entity")
        return (
            invoice
            for invoice in rows.order_by("due_on", "number")
            if invoice.currency == invoice.legal_entity.currency and (self.clock.today - invoice.due_on).days > 10
        )

    # --- deposits and credits -------------------------------------------------------------------------------------
    def _deposits(self) -> None:
        billed = Customer.objects.filter(invoices__number__isnull=False, status="active").distinct().order_by("code")
        customers = list(billed)
        chosen = self.chance.sample(customers, min(DEPOSITS, len(customers)))
        for number, customer in enumerate(chosen):
            days = self.chance.randrange(15, 60)
            made = self._deposit(
                customer, Decimal(self.chance.randrange(4, 40) * 250), days, f"Deposit {customer.code}"
            )
            if number == 0:
                self._mistake(made, days - 1)
            elif number == 1:
                self._pay_back(made, Decimal(250), "Contract became smaller", days - 9)
            else:
                self._use(made)

    def _deposit(self, customer: Customer, amount: Decimal, days: int, reference: str) -> CustomerCredit:
        when = self._when(days)
        return customer_credits.record_deposit(
            customer, amount=amount, currency=customer.currency, received_on=when["on"], reference=reference,
            method=self.chance.choice(METHODS), note="Security for the contract", **when,
        )  # fmt: skip

    def _mistake(self, deposit: CustomerCredit, days: int) -> None:
        """A nought too many; taken back and recorded as it was."""
        reversals.reverse(deposit, reason="Amount mistyped", **self._when(days))
        self._deposit(deposit.customer, deposit.amount / 10, days, f"{deposit.reference} corrected")

    def _use(self, credit: CustomerCredit) -> None:
        """For the newest open invoice of the customer, as far as it goes."""
        rows: Any = Invoice.objects.open().filter(
            customer=credit.customer, legal_entity=credit.legal_entity, currency=credit.currency
        )
        invoice = rows.with_balance().filter(outstanding__gt=0).order_by("-issued_on", "-number").first()
        if invoice is None:
            return
        amount = min(customer_credits.balance_of(credit), invoice.outstanding)
        newest = max(credit.received_on, invoice.issued_on)
        days = max(0, min((self.clock.today - newest).days, 2))
        customer_credits.apply_credit(credit, invoice=invoice, amount=amount, **self._when(days))

    def _surpluses(self) -> None:
        """What came too much: used for the next invoice, or paid back."""
        rows: Any = CustomerCredit.objects.filter(kind=CreditKind.OVERPAYMENT, received_on__lt=self.clock.today)
        rows = rows.with_balance().filter(balance__gt=0)
        for number, credit in enumerate(rows.order_by("received_on", "pk")[:6]):
            if number % 2:
                self._use(credit)
            else:
                self._pay_back(credit, credit.balance, "Paid too much", 1)

    def _pay_back(self, row: CustomerCredit | Payment, amount: Decimal, reason: str, days: int) -> None:
        """Recorded by finance; what is above the limit the owner decides, the day after."""
        days = max(days, 1)
        made = refunds.refund_or_ask(row, amount=amount, reason=reason, **self._when(days))
        if isinstance(made, ApprovalRequest):
            self._approve(made, days - 1)

    def _approve(self, request: ApprovalRequest, days: int) -> None:
        approve(request, by=self.staff.owner, at=self._when(days)["at"], note="Seen and agreed")

    # --- claims ---------------------------------------------------------------------------------------------------
    def _small_difference(self, invoice: Any) -> None:
        """Bank charges were taken off on the way."""
        missing = Decimal("7.50")
        when = self._when(6)
        payments.record_payment(
            invoice, amount=invoice.outstanding - missing, currency=invoice.currency, received_on=when["on"],
            reference=f"{invoice.number} less charges", is_sample=True, **when,
        )  # fmt: skip
        write_offs.write_off_or_ask(
            invoice, amount=missing, reason="Charges of the sending bank", kind=WriteOffKind.SMALL_DIFFERENCE, **when
        )

    def _too_much(self) -> None:
        """The oldest invoice that is not due yet, paid and rounded up."""
        when = self._when(1)
        rows: Any = Invoice.objects.filter(
            kind=InvoiceKind.DEAL, status=InvoiceStatus.SENT, issued_on__lte=when["on"], credit_notes=None
        )
        invoice = rows.with_balance().filter(outstanding__gt=0).order_by("issued_on", "number").first()
        if invoice is not None:
            payments.record_payment(
                invoice, amount=invoice.outstanding + 25, currency=invoice.currency, received_on=when["on"],
                reference=f"{invoice.number} rounded", is_sample=True, **when,
            )  # fmt: skip

    def _wish(self, invoice: Any, reason: str, days: int) -> Any:
        return write_offs.write_off_or_ask(
            invoice, amount=invoice.outstanding, reason=reason, kind=WriteOffKind.BAD_DEBT, **self._when(days)
        )

    def _give_up(self, invoice: Any) -> None:
        made = self._wish(invoice, "Insolvency; nothing can be expected", 9)
        if isinstance(made, ApprovalRequest):
            self._approve(made, 8)

    def _refuse_to_give_up(self, invoice: Any) -> None:
        made = self._wish(invoice, "Customer does not answer", 12)
        if isinstance(made, ApprovalRequest):
            reject(made, by=self.staff.owner, at=self._when(11)["at"], note="A lawyer writes to them first")

    def _ask(self, invoice: Any) -> None:
        """Waits for the owner."""
        self._wish(invoice, "Site was sold; the buyer took nothing over", 1)

    def _dispute(self, invoice: Any, *, is_over: bool) -> None:
        reasons = ("Energy reading is too high", "Machines stood still for two days", "Never ordered the parts")
        share = Decimal(self.chance.choice((20, 35, 100)))
        amount = max(round_money(invoice.outstanding * share / 100, invoice.currency), Decimal("0.01"))
        days = self.chance.randrange(4, 10)
        found = dunning.dispute(
            invoice, amount=amount, reason=self.chance.choice(reasons), by=self.staff.finance,
            at=self._when(days)["at"],
        )  # fmt: skip
        if is_over:
            outcome = "Reading checked with the customer; the invoice stands"
            dunning.close_dispute(found, outcome=outcome, by=self.staff.finance, at=self._when(days - 2)["at"])

    def _hold(self, invoice: Any, *, is_whole: bool) -> None:
        dunning.hold(
            invoice.customer, invoice=None if is_whole else invoice, until=self.clock.today + timedelta(days=14),
            reason="Pays in instalments, agreed by telephone" if is_whole else "Copy of the invoice was sent",
            at=self._when(5)["at"],
        )  # fmt: skip

    # --- payments -------------------------------------------------------------------------------------------------
    def _payments(self) -> None:
        """One was booked for the wrong invoice, of two a part went back."""
        since = self.clock.today - timedelta(days=40)
        rows = Payment.objects.standing().filter(
            received_on__gte=since, received_on__lt=self.clock.today - timedelta(days=8), surplus=None,
            invoice__status=InvoiceStatus.PAID, invoice__kind=InvoiceKind.DEAL, invoice__credit_notes=None,
            amount__gt=800,
        ).select_related("invoice__legal_entity", "customer")  # fmt: skip
        own = [row for row in rows.order_by("received_on", "pk") if row.currency == row.invoice.legal_entity.currency]
        for number, payment in enumerate(self.chance.sample(own, min(3, len(own)))):
            if number == 0:
                reversals.reverse(payment, reason="Money was meant for another invoice", **self._when(6))
                continue
            amount = Decimal(600) if number == 1 else Decimal(120)
            self._pay_back(payment, amount, "Agreed discount, paid back", 5)

    # --- reminders ------------------------------------------------------------------------------------------------
    def _remind(self) -> None:
        """Some customers had their letters already; the daily job goes on from there."""
        late: dict[int, int] = {}
        for invoice in self._late():
            late[invoice.customer_id] = late.get(invoice.customer_id, 0) + 1
        chosen = sorted(late, key=lambda customer: (-late[customer], customer))[:REMINDED]
        for days in REMINDER_DAYS:
            day: date = self.clock.today - timedelta(days=days)
            for customer in chosen:
                dunning.dun_customer(customer, on=day, at=self.clock.moment(day))


def _stored(row: Any) -> None:
    row.full_clean()
    row.save()

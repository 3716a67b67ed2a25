"""Deposits and what they are used for: what is owed and what is left, before and after; then the button."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.domain import customer_credits, receivables, second_person
from crm.domain.ledger import queries
from crm.domain.money_rules import MoneyRefused
from crm.domain.rehearsals import Standing, rehearse_money
from crm.enums import LimitedAct
from crm.forms.invoices import rounded_for
from crm.forms.money import ApplyFromForm, ApplyToForm, DepositForm, today_of
from crm.models import CustomerCredit, Invoice, JournalEntry, LegalEntity
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.common.admin.confirm import ChangedSince, ConfirmPage, Effect
from hashinsight.common.admin.display import money_text


@dataclass(frozen=True)
class Asked:
    """Whether an act is above what one person may do."""

    act: LimitedAct
    legal_entity: LegalEntity
    before: Decimal


class MoneyPage(ConfirmPage):
    """An act that needs an amount; written rows never change, so what was booked since the page was opened counts."""

    preview_button: ClassVar[Any] = gettext_lazy("Show the effect of this amount")
    made: Any = None

    def customer(self) -> Any:
        """Whose money it is."""
        return self.objects[0].customer

    def fingerprint(self) -> str:
        """With the last booking on the customer's account."""
        last = JournalEntry.objects.filter(customer=self.customer()).aggregate(last=Max("pk"))["last"]
        return hashlib.sha256(f"{super().fingerprint()}:{last}".encode()).hexdigest()[:24]

    def hold(self, obj: Any) -> None:
        """Nothing was booked meanwhile: the row itself is the same before and after a first click."""
        super().hold(obj)
        if self.request.POST.get("seen") != self.fingerprint():
            raise ChangedSince(_("Something changed since this page was opened. Please look again."))

    @property
    def step(self) -> dict[str, Any]:
        """By whom and when."""
        return {"by": self.request.user, "at": timezone.now()}

    def amount(self) -> Decimal | None:
        """The amount typed, else the one the form offers."""
        typed: Decimal | None = self.form.typed("amount")
        return self.initial().get("amount") if typed is None else typed

    def warn_if_asked(self, effect: Effect, asked: Asked, amount: Decimal, currency: str) -> None:
        """Say beforehand that a second person will decide."""
        if second_person.is_needed(
            asked.act, legal_entity=asked.legal_entity, amount=asked.before + amount, currency=currency
        ):
            effect.warnings.append(_("This is above what one person may do: it will wait for a second person."))

    def done(self, count: int) -> str:
        """Said afterwards."""
        if isinstance(self.made, ApprovalRequest):
            return _("The request waits for a second person's approval.")
        return self.said()

    def said(self) -> str:
        """What was done."""
        raise NotImplementedError


def changes_of(before: Standing, after: Standing) -> list[tuple[Any, Any, Any]]:
    """What an invoice owes, its status, and what is left of a credit: before and after."""
    rows: list[tuple[Any, Any, Any]] = []
    if before.invoice is not None:
        first, last, currency = before.invoice, after.invoice, before.invoice.currency
        rows += [
            (
                _("outstanding on %(invoice)s") % {"invoice": first},
                money_text(first.outstanding, currency),
                money_text(last.outstanding, currency),
            ),
            (_("status"), first.get_status_display(), last.get_status_display()),
        ]
    if before.credit is not None:
        currency = before.credit.currency
        rows.append(
            (
                _("left of the credit"),
                money_text(before.credit.balance, currency),
                money_text(after.credit.balance, currency),
            )
        )
    return rows


def act_effect(
    act: Callable[[], Any], *, invoice: Invoice | None, credit: CustomerCredit | None, facts: list[tuple[Any, Any]]
) -> Effect:
    """The act done for show: facts, and how invoice and credit stand before and after."""
    before, after = rehearse_money(act, invoice=invoice, credit=credit)
    return Effect(facts=facts, changes=changes_of(before, after))


class DepositPage(MoneyPage):
    """Money that came without an invoice; it waits."""

    power = "add_customercredit"
    label = gettext_lazy("Record deposit")
    icon = "savings"
    title = gettext_lazy("Record deposit")
    button = gettext_lazy("Record the deposit")
    form_class = DepositForm

    def customer(self) -> Any:
        """The object itself."""
        return self.objects[0]

    def effect(self) -> Effect:
        """The customer's balance before and after."""
        customer, amount = self.objects[0], self.form.typed("amount")
        currency = self.form.typed("currency") or customer.currency
        before = queries.balance_of(customer, currency)
        effect = Effect(facts=[(_("customer"), customer)])
        if amount is None:
            effect.facts.append((_("balance"), balance_text(before, currency)))
            return effect
        rehearse_money(lambda: self.record(customer, self.form.cleaned_data), invoice=None, credit=None)
        after = before - amount
        effect.changes = [(_("balance"), balance_text(before, currency), balance_text(after, currency))]
        return effect

    def record(self, customer: Any, cleaned: dict[str, Any]) -> Any:
        """One domain call."""
        entity = cleaned["legal_entity"]
        return customer_credits.record_deposit(
            customer, amount=cleaned["amount"], currency=cleaned["currency"], received_on=cleaned["received_on"],
            on=today_of(entity), legal_entity=entity, method=cleaned["method"], reference=cleaned["reference"],
            note=cleaned["note"], **self.step,
        )  # fmt: skip

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        self.made = self.record(obj, form.cleaned_data)

    def said(self) -> str:
        """Said afterwards."""
        return _("The deposit was recorded.")


def balance_text(amount: Decimal, currency: str) -> str:
    """``120.00 EUR owed``, or ``held`` where we hold more than is owed."""
    words = _("%(amount)s owed") if amount > 0 else _("%(amount)s held")
    return words % {"amount": money_text(abs(amount), currency)}


class _ApplyPage(MoneyPage):
    power = "apply_customercredit"
    label = gettext_lazy("Apply credit")
    icon = "output"
    title = gettext_lazy("Apply credit to an invoice")
    button = gettext_lazy("Apply it")
    chosen: ClassVar[str]

    def pair(self) -> tuple[CustomerCredit, Any]:
        """Credit and invoice as chosen, else the first that fits. Raises MoneyRefused where nothing fits."""
        found = self.form.typed(self.chosen) or self.form.fields[self.chosen].queryset.first()
        if found is None:
            raise MoneyRefused(self.nothing_fits())
        mine: Any = self.objects[0]
        return (found, mine) if self.chosen == "credit" else (mine, found)

    def nothing_fits(self) -> str:
        """Why the page has no button."""
        raise NotImplementedError

    def effect(self) -> Effect:
        """Both before and after."""
        credit, invoice = self.pair()
        amount = self.form.typed("amount") or self.most(credit, invoice)
        facts = [
            (_("customer"), invoice.customer), (_("invoice"), invoice), (_("customer credit"), credit),
            (_("amount"), money_text(amount, credit.currency)),
        ]  # fmt: skip
        return act_effect(lambda: self.apply(credit, invoice, amount), invoice=invoice, credit=credit, facts=facts)

    def most(self, credit: CustomerCredit, invoice: Any) -> Decimal:
        """As much as both sides allow."""
        owed: Any = Invoice.objects.with_balance().get(pk=invoice.pk)
        return min(customer_credits.balance_of(credit), owed.outstanding)

    def apply(self, credit: CustomerCredit, invoice: Invoice, amount: Decimal) -> Any:
        """One domain call."""
        today = today_of(invoice.legal_entity)
        return customer_credits.apply_credit(credit, invoice=invoice, amount=amount, on=today, **self.step)

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        credit, invoice = self.pair()
        self.made = self.apply(credit, invoice, form.cleaned_data["amount"])

    def said(self) -> str:
        """Said afterwards."""
        return _("The credit was applied.")


class ApplyToPage(_ApplyPage):
    """From the page of a credit: to which invoice."""

    form_class = ApplyToForm
    chosen = "invoice"

    def initial(self) -> dict[str, Any]:
        """All that fits the oldest open invoice."""
        credit = self.objects[0]
        first: Any = receivables.settleable(credit).first()
        if first is None:
            return {}
        return {"amount": rounded_for(self.most(credit, first), credit.currency)}

    def nothing_fits(self) -> str:
        """No invoice."""
        return _("There is no open invoice of this customer in this currency with this legal entity.")


class ApplyFromPage(_ApplyPage):
    """From the page of an invoice: which credit."""

    form_class = ApplyFromForm
    chosen = "credit"

    def initial(self) -> dict[str, Any]:
        """All that fits of the oldest credit."""
        invoice = self.objects[0]
        first: Any = receivables.usable_credits(invoice).first()
        if first is None:
            return {}
        return {"amount": rounded_for(self.most(first, invoice), invoice.currency)}

    def nothing_fits(self) -> str:
        """No credit."""
        return _("We hold no money of this customer in this currency with this legal entity.")

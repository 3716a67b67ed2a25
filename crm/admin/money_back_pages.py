"""Money paid back, claims given up, mistakes taken back: the effect first, then the button."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.admin.money_pages import Asked, MoneyPage, act_effect
from crm.domain import customer_credits, refunds, reversals, write_offs
from crm.enums import LimitedAct, WriteOffKind
from crm.forms.invoices import rounded_for
from crm.forms.money import RefundForm, ReverseForm, WriteOffForm, today_of
from crm.models import CustomerCredit, Invoice, LegalEntity, Payment
from hashinsight.common.admin.confirm import Effect
from hashinsight.common.admin.display import day_text, money_text

NO_REASON_YET = "–"


class _RefundPage(MoneyPage):
    label = gettext_lazy("Refund")
    icon = "undo"
    danger = True
    button = gettext_lazy("Record the refund")
    form_class = RefundForm

    def left(self) -> Decimal:
        """What can be paid back at most."""
        raise NotImplementedError

    def sides(self) -> tuple[Invoice | None, CustomerCredit | None]:
        """The invoice that is owed again, or the credit that gets less."""
        raise NotImplementedError

    def entity(self) -> LegalEntity:
        """Who pays."""
        invoice, credit = self.sides()
        holder: Any = invoice or credit
        return holder.legal_entity

    def currency(self) -> str:
        """In which money."""
        invoice, credit = self.sides()
        holder: Any = invoice or credit
        return str(holder.currency)

    def make_form(self, data: Any) -> Any:
        """With the currency in the label."""
        form = super().make_form(data)
        form.in_currency(self.currency())
        return form

    def initial(self) -> dict[str, Any]:
        """All that is left, today."""
        amount = rounded_for(self.left(), self.currency()) or None
        return {"amount": amount, "on": today_of(self.entity()), "method": self.objects[0].method or "bank_transfer"}

    def effect(self) -> Effect:
        """Before and after, and whether a second person decides."""
        row, (invoice, credit) = self.objects[0], self.sides()
        amount = self.amount() or Decimal(0)
        facts = [(_("customer"), row.customer), (_("amount"), money_text(amount, self.currency()))]
        day = self.form.typed("on") or today_of(self.entity())
        refund: Any = refunds.refund_payment if isinstance(row, Payment) else refunds.refund_credit
        effect = act_effect(
            lambda: refund(row, amount=amount, reason=NO_REASON_YET, on=day, **self.step),
            invoice=invoice, credit=credit, facts=facts,
        )  # fmt: skip
        asked = Asked(LimitedAct.REFUND, self.entity(), refunds.refunded_of(row))
        self.warn_if_asked(effect, asked, amount, self.currency())
        return effect

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        self.made = refunds.refund_or_ask(obj, **self.step, **form.cleaned_data)

    def said(self) -> str:
        """Said afterwards."""
        return _("The refund was recorded.")


class RefundCreditPage(_RefundPage):
    """Out of what we hold."""

    power = "refund_customercredit"
    title = gettext_lazy("Refund a credit")

    def left(self) -> Decimal:
        """What is left of it."""
        return customer_credits.balance_of(self.objects[0])

    def sides(self) -> tuple[Invoice | None, CustomerCredit | None]:
        """The credit."""
        return None, self.objects[0]


class RefundPaymentPage(_RefundPage):
    """Out of a payment; its invoice is owed again."""

    power = "refund_payment"
    title = gettext_lazy("Refund a payment")

    def left(self) -> Decimal:
        """What of it still counts for the invoice."""
        return refunds.refundable_of(self.objects[0])

    def sides(self) -> tuple[Invoice | None, CustomerCredit | None]:
        """The invoice."""
        return self.objects[0].invoice, None


class WriteOffPage(MoneyPage):
    """A claim given up, in part or in full."""

    power = "add_writeoff"
    label = gettext_lazy("Write off")
    icon = "money_off"
    danger = True
    title = gettext_lazy("Write off a claim")
    button = gettext_lazy("Write it off")
    form_class = WriteOffForm

    def initial(self) -> dict[str, Any]:
        """All that is open, as bad debt, today."""
        found: Any = Invoice.objects.with_balance().get(pk=self.objects[0].pk)
        amount = rounded_for(max(found.outstanding, Decimal(0)), found.currency) or None
        return {"amount": amount, "kind": WriteOffKind.BAD_DEBT, "on": today_of(found.legal_entity)}

    def effect(self) -> Effect:
        """Before and after, and whether a second person decides."""
        invoice: Any = Invoice.objects.with_balance().get(pk=self.objects[0].pk)
        amount, kind = self.amount() or Decimal(0), self.form.typed("kind") or WriteOffKind.BAD_DEBT
        day = self.form.typed("on") or today_of(invoice.legal_entity)
        facts = [
            (_("customer"), invoice.customer), (_("due on"), day_text(invoice.due_on)),
            (_("amount"), money_text(amount, invoice.currency)), (_("kind"), WriteOffKind(kind).label),
        ]  # fmt: skip
        effect = act_effect(
            lambda: write_offs.write_off(invoice, amount=amount, reason=NO_REASON_YET, kind=kind, on=day, **self.step),
            invoice=invoice, credit=None, facts=facts,
        )  # fmt: skip
        asked = Asked(LimitedAct.WRITE_OFF, invoice.legal_entity, invoice.written_off_total)
        self.warn_if_asked(effect, asked, amount, invoice.currency)
        if kind == WriteOffKind.BAD_DEBT:
            effect.warnings.append(_("A bad debt leaves the invoice unpaid; a small difference settles it."))
        return effect

    def run(self, obj: Invoice, form: Any) -> Any:
        """One domain call."""
        self.made = write_offs.write_off_or_ask(obj, **self.step, **form.cleaned_data)

    def said(self) -> str:
        """Said afterwards."""
        return _("The claim was written off.")


class ReversePage(MoneyPage):
    """A mistake taken back; subclasses name the power."""

    label = gettext_lazy("Take back")
    icon = "settings_backup_restore"
    danger = True
    title = gettext_lazy("Take back what should not have been recorded")
    button = gettext_lazy("Take it back")
    preview_button = ""
    form_class = ReverseForm

    def initial(self) -> dict[str, Any]:
        """Today."""
        return {"on": today_of(reversals.entity_of(self.objects[0]))}

    def effect(self) -> Effect:
        """Before and after."""
        row = self.objects[0]
        facts = [
            (_("customer"), row.customer), (_("amount"), money_text(row.amount, row.currency)),
            (_("recorded by"), row.created_by or "–"),
        ]  # fmt: skip
        day = self.form.typed("on") or today_of(reversals.entity_of(row))
        return act_effect(
            lambda: reversals.reverse(row, reason=NO_REASON_YET, on=day, **self.step),
            invoice=reversals.invoice_of(row), credit=reversals.credit_of(row), facts=facts,
        )  # fmt: skip

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        self.made = reversals.reverse(obj, reason=form.cleaned_data["reason"], on=form.cleaned_data["on"], **self.step)

    def said(self) -> str:
        """Said afterwards."""
        return _("It was taken back; the counter-entry is in the books.")


class ReversePaymentPage(ReversePage):
    """A payment."""

    power = "reverse_payment"


class ReverseCreditPage(ReversePage):
    """A deposit."""

    power = "reverse_customercredit"


class ReverseApplicationPage(ReversePage):
    """A credit applied to an invoice."""

    power = "reverse_creditapplication"


class ReverseRefundPage(ReversePage):
    """A refund."""

    power = "reverse_refund"


class ReverseWriteOffPage(ReversePage):
    """A write-off."""

    power = "reverse_writeoff"

"""Noting on an invoice that the customer denies owing an amount, and settling it."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.domain import dunning
from crm.forms.invoices import rounded_for
from crm.models import Dispute, Invoice
from hashinsight.common.admin.confirm import ConfirmForm, ConfirmPage, Effect
from hashinsight.common.admin.display import money_text


class DisputeForm(ConfirmForm):
    """How much and why."""

    amount = forms.DecimalField(label=gettext_lazy("Disputed amount"), max_digits=24, decimal_places=8)
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=300)


class OutcomeForm(ConfirmForm):
    """What came of it."""

    outcome = forms.CharField(label=gettext_lazy("Outcome"), max_length=300)


class DisputePage(ConfirmPage):
    """The amount is owed on paper, but nobody is reminded of it."""

    power = "add_dispute"
    label = gettext_lazy("Dispute")
    icon = "gavel"
    title = gettext_lazy("Note a dispute")
    button = gettext_lazy("Note it")
    form_class = DisputeForm

    def balance(self) -> Any:
        """With what is open."""
        return Invoice.objects.with_balance().get(pk=self.objects[0].pk)

    def initial(self) -> dict[str, Any]:
        """All that is open."""
        balance = self.balance()
        return {"amount": rounded_for(max(balance.outstanding, 0), balance.currency) or None}

    def effect(self) -> Effect:
        """What is open, and what stays to be asked for."""
        balance = self.balance()
        if balance.disputes.filter(closed_at=None).exists():
            raise dunning.DunningRefused(_("%(invoice)s is disputed already.") % {"invoice": balance})
        return Effect(
            facts=[
                (_("invoice"), balance),
                (_("customer"), balance.customer),
                (_("outstanding"), money_text(balance.outstanding, balance.currency)),
            ],
            warnings=[_("Disputed amounts stay open; the customer gets no reminder of them.")],
        )

    def run(self, obj: Invoice, form: Any) -> Any:
        """One domain call."""
        data = form.cleaned_data
        dunning.dispute(obj, amount=data["amount"], reason=data["reason"], by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The dispute was noted.")


class SettlePage(ConfirmPage):
    """From now on the amount is asked for again."""

    power = "change_dispute"
    label = gettext_lazy("Settle")
    icon = "handshake"
    title = gettext_lazy("Settle dispute")
    button = gettext_lazy("Settle it")
    form_class = OutcomeForm

    def effect(self) -> Effect:
        """What was disputed."""
        found = self.objects[0]
        if found.closed_at is not None:
            raise dunning.DunningRefused(_("Only an open dispute is closed, with its outcome."))
        return Effect(
            facts=[
                (_("invoice"), found.invoice),
                (_("amount"), money_text(found.amount, found.invoice.currency)),
                (_("reason"), found.reason),
            ]
        )

    def run(self, obj: Dispute, form: Any) -> Any:
        """One domain call."""
        dunning.close_dispute(obj, outcome=form.cleaned_data["outcome"], by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The dispute is settled.")

"""Forms about customers' money: deposits, applying them, refunds, write-offs, reversals."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.domain.queries import default_legal_entity, local_date
from crm.domain.receivables import settleable, usable_credits
from crm.enums import PaymentMethod, WriteOffKind
from crm.models import CustomerCredit, Invoice, LegalEntity
from hashinsight.common.admin.confirm import ConfirmForm
from hashinsight.common.admin.display import day_text, money_text
from hashinsight.common.money import CURRENCY_CHOICES


def amount_field() -> forms.DecimalField:
    """An amount of money; which digits a currency has is for the domain to say."""
    return forms.DecimalField(label=gettext_lazy("Amount"), max_digits=24, decimal_places=8)


def reason_field() -> forms.CharField:
    """Why, kept with the row."""
    return forms.CharField(
        label=gettext_lazy("Reason"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Kept in the history."),
    )  # fmt: skip


def reference_field() -> forms.CharField:
    """What the bank calls it."""
    return forms.CharField(
        label=gettext_lazy("Reference"), max_length=140, required=False,
        help_text=gettext_lazy("Bank reference or transaction id."),
    )  # fmt: skip


class MoneyForm(ConfirmForm):
    """What the forms share: a look at the effect needs no reason yet."""

    def build(self) -> None:
        """The reason is asked for with the deed."""
        if "reason" in self.fields and "preview" in self.request.POST:
            self.fields["reason"].required = False

    def in_currency(self, currency: str) -> None:
        """Say in which currency the amount is."""
        self.fields["amount"].label = _("Amount in %(currency)s") % {"currency": currency}

    def typed(self, name: str) -> Any:
        """What a person typed in a field, None before that or while the form makes no sense."""
        return self.cleaned_data.get(name) if self.is_bound and self.is_valid() else None


class DepositForm(MoneyForm):
    """Money received without an invoice."""

    amount = amount_field()
    currency = forms.ChoiceField(label=gettext_lazy("Currency"), choices=CURRENCY_CHOICES)
    received_on = forms.DateField(label=gettext_lazy("Received on"), widget=forms.DateInput)
    method = forms.ChoiceField(label=gettext_lazy("Method"), choices=PaymentMethod.choices)
    legal_entity = forms.ModelChoiceField(
        LegalEntity.objects.filter(is_active=True), label=gettext_lazy("Held by"), empty_label=None
    )
    reference = reference_field()
    note = forms.CharField(label=gettext_lazy("Internal note"), max_length=300, required=False)

    def build(self) -> None:
        """In the customer's currency, with its legal entity."""
        self.fields["received_on"].initial = timezone.localdate
        self.fields["currency"].initial = self.obj.currency
        self.fields["legal_entity"].initial = self.obj.legal_entity or default_legal_entity()


class CreditChoice(forms.ModelChoiceField):
    """A credit by what is left of it."""

    def label_from_instance(self, obj: Any) -> str:
        """Kind, day and what is left."""
        left = _("%(amount)s left") % {"amount": money_text(obj.balance, obj.currency)}
        return f"{obj.get_kind_display()} {day_text(obj.received_on)}: {left}"


class InvoiceChoice(forms.ModelChoiceField):
    """An invoice by what is owed on it."""

    def label_from_instance(self, obj: Any) -> str:
        """Number and what is open."""
        return _("%(invoice)s: %(amount)s open") % {
            "invoice": obj,
            "amount": money_text(obj.outstanding, obj.currency),
        }


class ApplyToForm(MoneyForm):
    """Which invoice of its customer a credit settles, and how much of it."""

    invoice = InvoiceChoice(Invoice.objects.none(), label=gettext_lazy("Invoice"), empty_label=None)
    amount = amount_field()

    def build(self) -> None:
        """Open invoices of the same customer, legal entity and currency, oldest due first."""
        field: Any = self.fields["invoice"]
        field.queryset = settleable(self.obj)
        self.in_currency(self.obj.currency)


class ApplyFromForm(MoneyForm):
    """Which credit of its customer settles an invoice, and how much of it."""

    credit = CreditChoice(CustomerCredit.objects.none(), label=gettext_lazy("Customer credit"), empty_label=None)
    amount = amount_field()

    def build(self) -> None:
        """What is left of credits of the same customer, legal entity and currency, oldest first."""
        field: Any = self.fields["credit"]
        field.queryset = usable_credits(self.obj)
        self.in_currency(self.obj.currency)


class RefundForm(MoneyForm):
    """Money paid back."""

    amount = amount_field()
    on = forms.DateField(label=gettext_lazy("Refunded on"), widget=forms.DateInput)
    method = forms.ChoiceField(label=gettext_lazy("Method"), choices=PaymentMethod.choices)
    reference = reference_field()
    reason = reason_field()


class WriteOffForm(MoneyForm):
    """A claim given up."""

    amount = amount_field()
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=WriteOffKind.choices)
    on = forms.DateField(label=gettext_lazy("Written off on"), widget=forms.DateInput)
    reason = reason_field()

    def build(self) -> None:
        """In the invoice's currency."""
        super().build()
        self.in_currency(self.obj.currency)


class ReverseForm(MoneyForm):
    """A mistake taken back."""

    on = forms.DateField(
        label=gettext_lazy("Reversed on"), widget=forms.DateInput,
        help_text=gettext_lazy("The day of the counter-entry; what was booked stays."),
    )  # fmt: skip
    reason = reason_field()


def today_of(entity: LegalEntity) -> Any:
    """Today where one of our companies is."""
    return local_date(timezone.now(), entity.time_zone)

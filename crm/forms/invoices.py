"""Forms about invoices."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.domain.issuing import left_to_credit
from crm.enums import DealStatus, PaymentMethod
from crm.models import Deal, Invoice
from hashinsight.common.admin.confirm import ConfirmForm
from hashinsight.common.admin.display import number_text
from hashinsight.common.admin.widgets import HouseAutocomplete
from hashinsight.common.money import CURRENCIES, CURRENCY_CHOICES

LINE_PREFIX = "line_"


class NewInvoiceForm(ConfirmForm):
    """The deal to bill."""

    deal = forms.ModelChoiceField(
        Deal.objects.all(),
        label=gettext_lazy("Deal"),
        help_text=gettext_lazy("Its lines become the lines of the draft."),
    )

    def build(self) -> None:
        """Search instead of a list of thousands."""
        field: Any = self.fields["deal"]
        field.widget = HouseAutocomplete(Invoice._meta.get_field("deal"), admin.site)
        field.widget.choices = field.choices

    def clean_deal(self) -> Deal:
        """A deal that came to nothing is not billed."""
        deal: Deal = self.cleaned_data["deal"]
        if deal.status == DealStatus.CANCELLED:
            raise forms.ValidationError(_("This deal is cancelled."))
        return deal


class PaymentForm(ConfirmForm):
    """Money received."""

    amount = forms.DecimalField(label=gettext_lazy("Amount"), max_digits=24, decimal_places=8)
    currency = forms.ChoiceField(label=gettext_lazy("Currency"), choices=CURRENCY_CHOICES, required=False)
    rate = forms.DecimalField(
        label=gettext_lazy("Rate"),
        max_digits=20,
        decimal_places=8,
        required=False,
        help_text=gettext_lazy("For money in another currency: units of the invoice's currency for one of its own."),
    )
    settles = forms.DecimalField(
        label=gettext_lazy("Settles"),
        max_digits=24,
        decimal_places=8,
        required=False,
        help_text=gettext_lazy("What was agreed to be settled by it; empty: its worth at the rate."),
    )
    received_on = forms.DateField(label=gettext_lazy("Received on"), widget=forms.DateInput)
    method = forms.ChoiceField(label=gettext_lazy("Method"), choices=PaymentMethod.choices)
    reference = forms.CharField(
        label=gettext_lazy("Reference"),
        max_length=140,
        required=False,
        help_text=gettext_lazy("Bank reference or transaction id."),
    )
    note = forms.CharField(label=gettext_lazy("Internal note"), max_length=300, required=False)

    def build(self) -> None:
        """In the invoice's currency, today."""
        self.fields["received_on"].initial = timezone.localdate
        self.fields["currency"].initial = self.obj.currency
        self.fields["settles"].label = _("Settles in %(currency)s") % {"currency": self.obj.currency}

    def clean_currency(self) -> str:
        """The invoice's where nothing is said."""
        return self.cleaned_data["currency"] or str(self.obj.currency)


class CreditForm(ConfirmForm):
    """How much of each line is taken back, and why."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Printed on the credit note."),
    )
    send = forms.BooleanField(label=gettext_lazy("Send it by e-mail"), required=False, initial=True)

    def build(self) -> None:
        """One field per line that has something left."""
        self.fields["reason"].required = "preview" not in self.request.POST
        lines = {line.position: line for line in self.obj.lines.all()}
        left = left_to_credit(self.obj, lines)
        for position, line in lines.items():
            rest = left[position]
            if not rest:
                continue
            self.fields[f"{LINE_PREFIX}{position}"] = forms.DecimalField(
                label=f"{position}. {line.description}",
                max_digits=16,
                decimal_places=3,
                required=False,
                initial=rest.normalize() if rest != rest.to_integral() else rest.quantize(Decimal(1)),
                help_text=_("%(rest)s %(unit)s at %(price)s can be taken back; empty: nothing.")
                % {
                    "rest": number_text(rest),
                    "unit": line.get_unit_code_display(),
                    "price": number_text(line.unit_price),
                },
            )
        self.order_fields([name for name in self.fields if name.startswith(LINE_PREFIX)])

    def quantities(self) -> dict[int, Decimal]:
        """By line position, without the empty ones."""
        return {
            int(name.removeprefix(LINE_PREFIX)): value
            for name, value in self.cleaned_data.items()
            if name.startswith(LINE_PREFIX) and value
        }

    def typed_quantities(self) -> dict[int, Decimal] | None:
        """What a person typed; None (all that is left) before that, or while it makes no sense."""
        return self.quantities() if self.is_bound and self.is_valid() else None

    def clean(self) -> dict[str, Any]:
        """At least one line."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and not self.quantities():
            raise forms.ValidationError(_("Name a quantity for at least one line."))
        return cleaned


def rounded_for(amount: Decimal, currency: str) -> Decimal:
    """As many digits as the currency has, for the first value of a field."""
    return round(amount, CURRENCIES[currency])

"""Which statement, and the ageing of which day: forms of pages that only show."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.domain.ledger.queries import accounts_of
from crm.domain.ledger.statement import usual_period
from crm.domain.queries import default_legal_entity
from crm.models import Customer, LegalEntity
from hashinsight.common.admin.widgets import dress
from hashinsight.common.money import CURRENCY_CHOICES


class StatementForm(forms.Form):
    """An account of a customer and a period; at first the account last booked on, and the last three months."""

    legal_entity = forms.ModelChoiceField(LegalEntity.objects.all(), label=gettext_lazy("Legal entity"))
    currency = forms.ChoiceField(label=gettext_lazy("Currency"), choices=CURRENCY_CHOICES)
    first = forms.DateField(label=gettext_lazy("From"), widget=forms.DateInput)
    last = forms.DateField(label=gettext_lazy("To"), widget=forms.DateInput)

    def __init__(self, data: Any, customer: Customer) -> None:
        usual = usual_account(customer)
        first, last = usual_period(timezone.localdate())
        start = {**usual, "first": first.isoformat(), "last": last.isoformat()}
        super().__init__({**start, **{name: data[name] for name in start if data.get(name)}})
        field: Any = self.fields["legal_entity"]
        field.empty_label = None
        dress(self)

    def clean(self) -> dict[str, Any]:
        """The right way round."""
        cleaned = super().clean() or self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and last < first - timedelta(days=1):
            raise forms.ValidationError(_("The period ends before it begins."))
        return cleaned


def usual_account(customer: Customer) -> dict[str, Any]:
    """The account of a customer that was last booked on, else the one that a first invoice would open."""
    known = accounts_of(customer)
    if known:
        return {"legal_entity": known[0].legal_entity_id, "currency": known[0].currency}
    entity = customer.legal_entity or default_legal_entity()
    return {"legal_entity": entity.pk if entity else None, "currency": customer.currency}


class AgeingForm(forms.Form):
    """A day, and one of our companies or all."""

    on = forms.DateField(label=gettext_lazy("At the end of"), widget=forms.DateInput)
    legal_entity = forms.ModelChoiceField(
        LegalEntity.objects.all(), label=gettext_lazy("Legal entity"), required=False, empty_label=gettext_lazy("All")
    )

    def __init__(self, data: Any) -> None:
        given = {"on": data.get("on") or timezone.localdate().isoformat(), "legal_entity": data.get("legal_entity")}
        super().__init__(given)
        dress(self)

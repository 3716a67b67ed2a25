"""What the pages of notifications share."""

from typing import Any

from django import forms
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.forms import HouseForm
from hashinsight.common.admin.widgets import dress
from hashinsight.notify import owners
from hashinsight.notify.enums import AlertState, DeliveryState, Severity

SEVERITY = {
    Severity.INFO: "default",
    Severity.WARNING: "warning",
    Severity.ERROR: "danger",
    Severity.CRITICAL: "danger",
}
ALERT = {AlertState.OPEN: "danger", AlertState.ACKNOWLEDGED: "warning", AlertState.ENDED: "success"}
DELIVERY = {
    DeliveryState.PENDING: "info",
    DeliveryState.DELIVERED: "success",
    DeliveryState.FAILED: "danger",
    DeliveryState.SKIPPED: "default",
}


def with_customer(rows: Any, column: str = "customer_id") -> Any:
    """Rows with the company name as ``customer_name``, without a query per row."""
    return rows.annotate(
        customer_name=Subquery(owners.customers().filter(pk=OuterRef(column)).values("company_name")[:1])
    )


class CustomerNumberForm(HouseForm):
    """A form where a customer is typed by number; subclasses name the column it fills."""

    customer_column = "customer_id"
    customer_number = forms.CharField(label=gettext_lazy("Customer number"), max_length=12, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self, only=("customer_number", "new_credential"))
        known = getattr(self.instance, self.customer_column)
        if known and "customer_number" in self.fields:
            self.fields["customer_number"].initial = owners.numbers([known]).get(known, "")

    def clean_customer_number(self) -> str:
        """The id goes where the model wants it."""
        number: str = self.cleaned_data["customer_number"]
        setattr(self.instance, self.customer_column, owners.id_by_number(number))
        return number

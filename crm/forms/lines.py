"""Lines of deals and drafts: a product brings its text, unit and price along."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _


def plain(value: Decimal) -> Decimal:
    """Without needless zeros: 32.2 instead of 32.20000000."""
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


class LineForm(forms.ModelForm):
    """What is left empty is taken from the product; without a product it must be typed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("description", "unit_price"):
            if name in self.fields:
                self.fields[name].required = False
        for name in ("quantity", "unit_price"):
            value = getattr(self.instance, name, None)
            if self.instance.pk and isinstance(value, Decimal):
                self.initial[name] = plain(value)

    def clean(self) -> dict[str, Any]:
        """Fill in, or say what is missing."""
        cleaned = super().clean() or self.cleaned_data
        product = cleaned.get("product")
        if product is not None:
            if not cleaned.get("description"):
                cleaned["description"] = product.name
            if cleaned.get("unit_price") is None and "unit_price" not in self.errors:
                cleaned["unit_price"] = product.unit_price
                cleaned["unit_code"] = product.unit_code
        for name in ("description", "unit_price"):
            if cleaned.get(name) in (None, "") and name not in self.errors and not self._is_untouched():
                self.add_error(name, _("Choose a product or fill this in."))
        return cleaned

    def _is_untouched(self) -> bool:
        return self.empty_permitted and not self.has_changed()


class InvoiceLineForm(LineForm):
    """Quantities of an invoice may be negative (a rebate), but never nothing."""

    def clean_quantity(self) -> Decimal:
        """Not zero."""
        quantity: Decimal = self.cleaned_data["quantity"]
        if not quantity:
            raise forms.ValidationError(_("The quantity must not be 0."))
        return quantity


class DealLineForm(LineForm):
    """A deal sells something."""

    def clean_quantity(self) -> Decimal:
        """More than nothing."""
        quantity: Decimal = self.cleaned_data["quantity"]
        if quantity <= 0:
            raise forms.ValidationError(_("The quantity must be greater than 0."))
        return quantity

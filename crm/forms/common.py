"""Small forms several confirm pages share."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.common.admin.confirm import ConfirmForm


class DateForm(ConfirmForm):
    """A day, today at first."""

    on = forms.DateField(label=_("Day"), widget=forms.DateInput)

    def build(self) -> None:
        """Today."""
        self.fields["on"].initial = timezone.localdate

    def clean_on(self) -> Any:
        """No day in the future."""
        day = self.cleaned_data["on"]
        if day > timezone.localdate():
            raise forms.ValidationError(_("This day lies in the future."))
        return day


class SendForm(ConfirmForm):
    """Whether the document goes out by e-mail at once."""

    send = forms.BooleanField(label=_("Send it by e-mail"), required=False, initial=True)


class RecipientForm(ConfirmForm):
    """Where a document goes."""

    recipient = forms.EmailField(label=_("Recipient"), max_length=254)

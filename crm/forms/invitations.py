"""Form of somebody who was invited."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class AcceptForm(forms.Form):
    """A name and a password, typed twice."""

    name = forms.CharField(label=_("Full name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    repeated = forms.CharField(
        label=_("Password again"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def clean(self) -> dict[str, Any]:
        """Both the same."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("password") != cleaned.get("repeated"):
            self.add_error("repeated", _("The two passwords differ."))
        return cleaned

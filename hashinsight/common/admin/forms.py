"""The base of change forms: a stale form is refused instead of overwriting somebody else's work."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

VERSION_FIELD = "version_seen"
REFUSAL_ATTRIBUTE = "_house_refusal"


def refusal_texts(refusal: Exception) -> list[str]:
    """What to tell the person, for a refusal of any kind."""
    if isinstance(refusal, ValidationError):
        return [str(text) for text in refusal.messages]
    return [str(refusal)]


class HouseForm(forms.ModelForm):
    """Knows the request; compares the version the person saw with the one in the database.

    The row is loaded under a lock on POST (see ``BaseAdmin.get_object``), so nothing can slip in between.
    """

    request: HttpRequest | None = None

    @property
    def version_seen(self) -> str:
        """The version to send back: after an error still the one the person began with."""
        if self.is_bound:
            return str(self.data.get(VERSION_FIELD, ""))
        return str(getattr(self.instance, "version", ""))

    def clean(self) -> dict[str, Any]:
        """Refuse a stale form, and repeat what the domain refused when it was saved."""
        cleaned = super().clean() or self.cleaned_data
        refusal = getattr(self.request, REFUSAL_ATTRIBUTE, None)
        if refusal is not None:
            self.add_error(None, [ValidationError(text) for text in refusal_texts(refusal)])
        elif not self.instance._state.adding and hasattr(self.instance, "version"):
            self._check_version()
        return cleaned

    def _check_version(self) -> None:
        if self.version_seen == str(self.instance.version):
            return
        self.add_error(
            None,
            ValidationError(
                _(
                    "Somebody else changed this %(name)s since you opened the page (you saw version %(seen)s, now it"
                    " is version %(now)s). Nothing was saved. Note what you typed, then load the page again."
                ),
                code="stale",
                params={
                    "name": self.instance._meta.verbose_name,
                    "seen": self.version_seen or "?",
                    "now": self.instance.version,
                },
            ),
        )

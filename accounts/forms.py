"""Forms of the public pages."""

from typing import Any

from allauth.account.forms import LoginForm as AllauthLoginForm
from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.attempts import WAITING_RECORD, record_attempt
from accounts.domain.keys import KeyRefused, checked_networks, scopes_for
from accounts.enums import SCOPES, LoginOutcome
from accounts.models import User


class LoginForm(AllauthLoginForm):
    """allauth's form; it also records what never reaches Django's signals.

    These are attempts refused for their form, and right passwords that do not open a session yet (second factor
    missing, address not verified).
    """

    def clean(self) -> dict[str, Any]:
        """Check address and password."""
        if self.errors:
            record_attempt(self.request, email=str(self.data.get("login", "")), outcome=LoginOutcome.FAILED)
        cleaned: dict[str, Any] = super().clean()
        return cleaned

    def login(self, request: HttpRequest, redirect_url: str | None = None) -> HttpResponse:
        """Open the session, or send on to the step that is missing."""
        request.session.pop(WAITING_RECORD, None)
        response: HttpResponse = super().login(request, redirect_url=redirect_url)
        if not request.user.is_authenticated:
            request.session[WAITING_RECORD] = record_attempt(
                request, email=self.cleaned_data["login"], outcome=LoginOutcome.FAILED, user=self.user
            )
        return response


class ProfileForm(forms.ModelForm):
    """The few facts people keep about themselves."""

    class Meta:
        model = User
        fields = ("name", "company", "position")


class NetworksField(forms.CharField):
    """Addresses and networks as people type them: separated by lines, spaces or commas."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"rows": 2, "placeholder": "192.0.2.10", "spellcheck": "false"}
        super().__init__(
            **{
                "label": _("Allowed addresses"),
                "required": False,
                "max_length": 4000,
                "widget": forms.Textarea(attrs=attrs),
                "help_text": _("Addresses and networks such as 192.0.2.10 or 2001:db8::/32. Empty: from anywhere."),
                **kwargs,
            }
        )

    def clean(self, value: Any) -> Any:
        """The list in its one spelling."""
        texts = super().clean(value).replace(",", " ").split()
        try:
            return checked_networks(texts)
        except KeyRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class NetworksForm(forms.Form):
    """Where a key may be used from."""

    allowed_networks = NetworksField()


class KeyForm(forms.Form):
    """A new API key."""

    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("What will use this key?"))
    scopes = forms.MultipleChoiceField(label=_("Scopes"), widget=forms.CheckboxSelectMultiple)
    expires_on = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Empty: until it is revoked. Days end at midnight UTC."),
    )

    allowed_networks = NetworksField()

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        # The profile form on the same page has a name, too: without ids of their own each label means the other field.
        super().__init__(*args, **{**kwargs, "auto_id": "id_key_%s"})
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)
        scopes.choices = [(scope, SCOPES[scope]) for scope in scopes_for(user)]

"""The form of a machine's login."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.confirm import ConfirmForm
from hosting.domain.miner_secrets import LONGEST
from hosting.enums import EdgeStatus, SecretMode, SecretPurpose
from hosting.models import EdgeDevice


class LoginForm(ConfirmForm):
    """What opens the machine, and who may read it."""

    purpose = forms.ChoiceField(label=gettext_lazy("For"), choices=SecretPurpose.choices)
    username = forms.CharField(label=gettext_lazy("User name"), max_length=LONGEST, required=False)
    password = forms.CharField(
        label=gettext_lazy("Password"), max_length=LONGEST, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    mode = forms.TypedChoiceField(
        label=gettext_lazy("Who can read it"), choices=SecretMode.choices, coerce=int, initial=SecretMode.ENVELOPE
    )
    device = forms.ModelChoiceField(
        label=gettext_lazy("Edge device"), required=False, queryset=EdgeDevice.objects.none(),
        help_text=gettext_lazy("Only for a sealed login."),
    )  # fmt: skip

    def build(self) -> None:
        """Devices that have shown their key."""
        self.fields["device"].queryset = EdgeDevice.objects.filter(status=EdgeStatus.ACTIVE)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, object]:
        """A sealed login needs its device."""
        data = super().clean() or self.cleaned_data
        if data.get("mode") == SecretMode.SEALED and not data.get("device"):
            self.add_error("device", _("Name an edge device that has shown its key."))
        return dict(data)

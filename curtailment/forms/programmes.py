"""What is typed about programmes, their dispatches and their servers."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminPasswordWidget

from curtailment.domain.dispatch.vtns import check_connection
from curtailment.enums import Goal
from curtailment.forms.clock import ClockField, look_at, site_by_key
from curtailment.models import Dispatch, Programme, VtnConnection
from hashinsight.common.admin.confirm import ConfirmForm
from hashinsight.common.admin.forms import HouseForm
from hashinsight.common.admin.widgets import HouseAutocomplete
from hosting.models import Site


class RotateForm(ConfirmForm):
    """For how long both secrets open."""

    hours = forms.IntegerField(
        label=gettext_lazy("Hours in which both secrets open"), min_value=0, max_value=168, initial=24,
        help_text=gettext_lazy("0: the old one opens nothing from now on."),
    )  # fmt: skip


class DispatchForm(ConfirmForm):
    """A dispatch as somebody heard of it."""

    programme: Any = forms.ModelChoiceField(Programme.objects.filter(is_active=True), label=gettext_lazy("Programme"))
    site: Any = forms.ModelChoiceField(Site.objects.all(), label=gettext_lazy("Site"))
    reference = forms.CharField(
        label=gettext_lazy("Reference"), max_length=200,
        help_text=gettext_lazy("The id the other side gave it. Typed again with the same one, it is changed."),
    )  # fmt: skip
    starts_at = ClockField(label=gettext_lazy("From"))
    ends_at = ClockField(label=gettext_lazy("To"), required=False)
    open_ended = forms.BooleanField(label=gettext_lazy("Without an end"), required=False)
    goal = forms.ChoiceField(
        label=gettext_lazy("Goal"), choices=[("", gettext_lazy("as committed")), *Goal.choices], required=False
    )
    kw = forms.DecimalField(
        label=gettext_lazy("Power (kW)"), required=False, min_value=Decimal(0), max_digits=14, decimal_places=3,
        help_text=gettext_lazy("Empty: as committed."),
    )  # fmt: skip
    is_test = forms.BooleanField(label=gettext_lazy("It is a test"), required=False)
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=300, required=False)

    def build(self) -> None:
        """Search for programme and site; the next hour."""
        for name in ("programme", "site"):
            field: Any = self.fields[name]
            field.widget = HouseAutocomplete(Dispatch._meta.get_field(name), admin.site)
            field.widget.choices = field.choices
        begin = timezone.now().replace(second=0, microsecond=0) + timedelta(minutes=5)
        self.fields["starts_at"].initial = begin
        self.fields["ends_at"].initial = begin + timedelta(hours=1)
        look_at(self, ("starts_at", "ends_at"), site_by_key(self.data.get("site") if self.is_bound else None))

    def clean(self) -> dict[str, Any]:
        """An end, or that there is none."""
        cleaned = super().clean() or {}
        if cleaned.get("open_ended"):
            cleaned["ends_at"] = None
        elif not self.errors and not cleaned.get("ends_at"):
            self.add_error("ends_at", gettext_lazy("State when it ends; or say that it has no end."))
        return cleaned


def _with_https(column: Any, **kwargs: Any) -> Any:
    """An address typed without its scheme is meant to be a safe one."""
    if isinstance(column, models.URLField):
        kwargs.setdefault("assume_scheme", "https")
    return column.formfield(**kwargs)


class ConnectionForm(HouseForm):
    """A new server with its secret, or an existing one without."""

    new_secret = forms.CharField(
        label=gettext_lazy("Client secret"),
        required=False,
        max_length=500,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Kept encrypted, never shown again."),
    )

    class Meta:
        model = VtnConnection
        formfield_callback = _with_https
        fields = (
            "name", "programme", "is_active", "base_url", "openadr_version", "token_url", "client_id", "scope",
            "ven_name", "programs", "poll_seconds", "relative_reduces", "sends_reports",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Addresses that may be called, named beside their field; a secret where there is none yet."""
        cleaned = super().clean()
        if not self.errors:
            trial = VtnConnection(base_url=cleaned.get("base_url", ""), token_url=cleaned.get("token_url", ""))
            try:
                check_connection(trial)
            except ValidationError as refusal:
                self.add_error(None, refusal)
        if self.instance.pk is None and not (cleaned.get("new_secret") or "").strip():
            self.add_error("new_secret", gettext_lazy("State what opens the server."))
        return cleaned


class SecretForm(ConfirmForm):
    """The new secret."""

    client_secret = forms.CharField(
        label=gettext_lazy("Client secret"),
        max_length=500,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
    )

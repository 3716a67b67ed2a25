"""Keys that leases of edge devices are signed with: made, rotated, retired; what is private about them stays sealed."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmForm, ConfirmPage, Effect
from hashinsight.common.admin.display import Badge, moment_text
from hosting import rules
from hosting.domain import lease_keys
from hosting.models import LeaseKey


class NewKeyPage(ConfirmPage):
    """Another key beside the one in use."""

    power = "rotate_leasekey"
    for_one = False
    for_none = True
    list_label = gettext_lazy("New key")
    icon = "autorenew"
    title = gettext_lazy("Make a new key of leases")
    button = gettext_lazy("Make the key")

    def effect(self) -> Effect:
        """What devices do with it."""
        return Effect(
            warnings=[
                _("Devices learn of it with their next lease, and get leases signed with it from then on."),
                _("Retire the older key when every device has called."),
            ]
        )

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        lease_keys.rotate(by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The key is made.")


class RetireForm(ConfirmForm):
    """Whether devices that know no other key are left behind."""

    force = forms.BooleanField(
        label=gettext_lazy("Also where devices know no other key"), required=False,
        help_text=gettext_lazy("For a key that others may have. Those devices take no lease until their token is new."),
    )  # fmt: skip


class RetirePage(ConfirmPage):
    """Sign with it no more."""

    power = "rotate_leasekey"
    label = gettext_lazy("Retire")
    icon = "key_off"
    danger = True
    title = gettext_lazy("Retire the key of leases")
    button = gettext_lazy("Retire")
    form_class = RetireForm

    def effect(self) -> Effect:
        """Which one."""
        key = self.objects[0]
        return Effect(facts=[(_("key"), str(key)), (_("made"), moment_text(key.created_at))])

    def run(self, obj: LeaseKey, form: Any) -> Any:
        """One domain call."""
        lease_keys.retire(obj, by=self.request.user, at=timezone.now(), force=form.cleaned_data["force"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The key is retired.")


@admin.register(LeaseKey)
class LeaseKeyAdmin(ViewOnlyAdmin):
    """Keys of leases."""

    list_display = ("name", "state_shown", "created_at", "retired_at")
    ordering = ("-created_at", "-id")
    fields = (("name", "state_shown"), "public_key", ("created_at", "retired_at"))
    readonly_fields = ("state_shown",)
    pages = {"new": NewKeyPage, "retire": RetirePage}
    has_rotate_leasekey_permission = power(rules.may_rotate_leasekey)

    @display(description=gettext_lazy("state"), label={"used": "success", "retired": "default"})
    def state_shown(self, key: LeaseKey) -> Any:
        return Badge("used", _("in use")) if key.retired_at is None else Badge("retired", _("retired"))

    def offered(self, request: HttpRequest, obj: LeaseKey) -> set[str]:
        """Once."""
        return {"retire"} if obj.retired_at is None else set()

"""Invitations: who was asked in, and whether they came."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from crm.domain import invitations
from crm.models import Invitation
from hashinsight.common.admin.actions import may, power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.display import Badge, moment_text
from hashinsight.common.admin.forms import HouseForm


class InviteForm(HouseForm):
    """Whom, and as what."""

    staff_roles = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"),
        label=gettext_lazy("Roles"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy("Staff only; for a client choose the customer below."),
    )

    class Meta:
        model = Invitation
        fields = ("email", "language", "customer", "role")

    def clean(self) -> Any:
        """One of both, said where it is typed."""
        cleaned: Any = super().clean()
        staff, customer = bool(cleaned.get("staff_roles")), bool(cleaned.get("customer"))
        if staff == customer or customer != bool(cleaned.get("role")):
            raise forms.ValidationError(_("Choose either roles for staff, or a customer with a role for it."))
        self.instance.roles = sorted(group.name for group in cleaned.get("staff_roles", ()))
        return cleaned


class ResendPage(ConfirmPage):
    """A new link; the old one is worthless."""

    power = "settle_invitation"
    label = gettext_lazy("Send again")
    icon = "forward_to_inbox"
    title = gettext_lazy("Send the invitation again")
    button = gettext_lazy("Send again")

    def effect(self) -> Effect:
        """Where it goes."""
        row = self.objects[0]
        facts = [(_("e-mail address"), row.email), (_("expires at"), moment_text(row.expires_at))]
        return Effect(facts=facts, warnings=[_("The link sent before opens nothing from now on.")])

    def run(self, obj: Invitation, form: Any) -> Any:
        """One domain call."""
        by: Any = self.request.user
        invitations.resend_invitation(obj, by=by, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The invitation is on its way.")


class RevokeInvitationPage(ConfirmPage):
    """The link opens nothing any more."""

    power = "settle_invitation"
    label = gettext_lazy("Revoke")
    icon = "cancel_schedule_send"
    danger = True
    title = gettext_lazy("Revoke invitation")
    button = gettext_lazy("Revoke")
    form_class = ReasonForm

    def effect(self) -> Effect:
        """Whose."""
        return Effect(facts=[(_("e-mail address"), self.objects[0].email)])

    def run(self, obj: Invitation, form: Any) -> Any:
        """One domain call."""
        by: Any = self.request.user
        invitations.revoke_invitation(obj, by=by, at=timezone.now(), reason=form.cleaned_data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The invitation is revoked.")


@admin.register(Invitation)
class InvitationAdmin(BaseAdmin):
    """Who was asked in."""

    list_display = ("email", "asked_as", "state_shown", "invited_by", "created_at", "sent_at", "expires_at")
    list_select_related = ("customer", "invited_by")
    list_filter = (("customer", AutocompleteSelectFilter), ("created_at", RangeDateTimeFilter))
    search_fields = ("email", "customer__company_name")
    ordering = ("-created_at", "-id")
    form = InviteForm
    add_fieldsets = ((None, {"fields": (("email", "language"), "staff_roles", ("customer", "role"))}),)
    fields = (
        ("email", "language", "asked_as"),
        ("invited_by", "sent_at", "expires_at"),
        ("accepted_at", "accepted_by", "revoked_at"),
    )
    readonly_fields = ("asked_as",)
    pages = {"resend": ResendPage, "revoke": RevokeInvitationPage}
    has_settle_invitation_permission = power(may("crm.settle_invitation"))

    @admin.display(description=gettext_lazy("invited as"))
    def asked_as(self, row: Invitation) -> str:
        """Roles, or customer and role."""
        return f"{row.customer} – {row.get_role_display()}" if row.customer else ", ".join(row.roles)

    @display(
        description=gettext_lazy("state"),
        label={"open": "info", "accepted": "success", "expired": "default", "revoked": "warning"},
    )
    def state_shown(self, row: Invitation) -> Any:
        if row.accepted_at is not None:
            return Badge("accepted", _("accepted"))
        if row.revoked_at is not None:
            return Badge("revoked", _("revoked"))
        return Badge("open", _("open")) if row.is_open(timezone.now()) else Badge("expired", _("expired"))

    def get_queryset(self, request: HttpRequest) -> Any:
        """Its name needs the customer."""
        return super().get_queryset(request).select_related("customer", "invited_by", "accepted_by")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new one is typed, a known one looked at."""
        return self.add_fieldsets if obj is None else super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nothing but the state is told of a known one."""
        return super().get_readonly_fields(request, obj) if obj is not None else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Sent is sent."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Revoked, not deleted."""
        return False

    def offered(self, request: HttpRequest, obj: Invitation) -> set[str]:
        """Until it is settled."""
        return set() if obj.accepted_at or obj.revoked_at else {"resend", "revoke"}

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        """Through the domain."""
        by: Any = request.user
        made = invitations.invite(
            obj.email, by=by, at=timezone.now(), roles=obj.roles, customer=obj.customer, role=obj.role,
            language=obj.language,
        )  # fmt: skip
        self.adopt(obj, made)

"""Memberships: written only through the domain, because the guardian grant belongs to each row."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesRadioFilter, RangeDateTimeFilter

from accounts.admin.user import EXTRA_INLINES
from crm import rules
from crm.domain import memberships
from crm.models import CustomerMembership
from hashinsight.common.admin.actions import limited, power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.inlines import ViewOnlyInline
from hashinsight.common.audit import audit_context


class RevokeMembershipPage(ConfirmPage):
    """End it: the user sees the customer no more."""

    power = "revoke_membership"
    for_many = True
    label = gettext_lazy("Revoke")
    icon = "person_remove"
    danger = True
    title = gettext_lazy("Revoke membership")
    button = gettext_lazy("Revoke")
    form_class = ReasonForm

    def effect(self) -> Effect:
        """Who loses sight of what."""
        effect = Effect()
        for membership in self.objects:
            sentence = _("%(user)s sees nothing of %(customer)s any more, from the next request on.")
            effect.warnings.append(sentence % {"user": membership.user, "customer": membership.customer})
        return effect

    def act(self, obj: CustomerMembership, form: Any) -> None:
        """The log entry goes first: afterwards the row is gone."""
        with transaction.atomic():
            self.model_admin.log_change(self.request, obj, str(self.title))
            self.run(obj, form)

    def run(self, obj: CustomerMembership, form: Any) -> Any:
        """One domain call."""
        with audit_context(reason=form.cleaned_data["reason"]):
            memberships.revoke_membership(obj, by=self.request.user)

    def goes_to(self, worked: list[Any]) -> str:
        """To the list: the object is gone."""
        return str(self.model_admin.url_of("changelist"))

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The membership was revoked.")


@admin.register(CustomerMembership)
class CustomerMembershipAdmin(BaseAdmin):
    """Which client user belongs to which customer."""

    list_display = ("user", "customer", "role", "granted_by", "created_at")
    list_select_related = ("user", "customer", "granted_by")
    list_filter = (
        ("customer", AutocompleteSelectFilter),
        ("user", AutocompleteSelectFilter),
        ("role", ChoicesRadioFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("user__email", "user__name", "customer__company_name")
    ordering = ("-created_at", "-id")
    fields = (("user", "customer", "role"), "granted_by")
    readonly_fields = ("granted_by",)
    actions = ("revoke_selected",)
    pages = {"revoke": RevokeMembershipPage}
    has_revoke_membership_permission = power(rules.may_revoke_membership)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Another user or customer is another membership."""
        fixed = ("user", "customer") if obj is not None else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def get_queryset(self, request: HttpRequest) -> QuerySet[CustomerMembership]:
        """Its name needs both sides."""
        return super().get_queryset(request).select_related("user", "customer", "granted_by")

    def get_actions(self, request: HttpRequest) -> Any:
        """Deleting is called revoking here, and has its page."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def save_model(self, request: HttpRequest, obj: CustomerMembership, form: Any, change: bool) -> None:
        """Row and grant together."""
        granted = memberships.grant_membership(obj.user, obj.customer, role=obj.role, by=request.user)
        self.adopt(obj, granted)

    def delete_model(self, request: HttpRequest, obj: CustomerMembership) -> None:
        """Row and grant together."""
        memberships.revoke_membership(obj, by=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[CustomerMembership]) -> None:
        """Each with its grant."""
        for membership in limited(queryset):
            memberships.revoke_membership(membership, by=request.user)

    @admin.action(description=gettext_lazy("Revoke …"), permissions=["revoke_membership"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[CustomerMembership]) -> Any:
        """On to the page that asks for the reason."""
        return self.to_page("revoke", queryset)


class UserMembershipsInline(ViewOnlyInline):
    """The customers of a person, on the person's page."""

    model = CustomerMembership
    fk_name = "user"
    fields = ("customer", "role", "granted_by", "created_at")
    ordering = ("created_at", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CustomerMembership]:
        """With the names."""
        return super().get_queryset(request).select_related("customer", "granted_by", "user")


EXTRA_INLINES.append(UserMembershipsInline)

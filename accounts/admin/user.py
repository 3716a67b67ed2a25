"""People."""

from collections.abc import MutableSequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldBooleanSwitchWidget

from accounts.admin import user_pages as pages
from accounts.admin.session import SessionsInline
from accounts.domain import users
from accounts.domain.queries import last_sign_ins
from accounts.models import AccessGrant, ApiKey, SecondFactor, Session, User, UserGroup
from accounts.rules import is_owner, may_manage
from hashinsight.common.admin.actions import may, power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.display import moment_text
from hashinsight.common.admin.forms import HouseForm
from hashinsight.common.admin.history import HistorySource
from hashinsight.common.admin.inlines import ViewOnlyInline

# Tabs of upper apps; they put theirs in when their own pages are registered.
EXTRA_INLINES: MutableSequence[type[ViewOnlyInline]] = []


EDITED = ("name", "company", "position", "username")


class AddUserForm(HouseForm):
    """A new person: who, which roles, and whether a mail invites them to set a password."""

    roles = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"),
        label=gettext_lazy("Roles"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy("Staff only; a client gets memberships instead."),
    )
    send_mail = forms.BooleanField(
        label=gettext_lazy("Send a mail to set the password"),
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
    )

    class Meta:
        model = User
        fields = ("email", "name", "company", "position")


class ChangeUserForm(HouseForm):
    """The facts, and the roles."""

    roles = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"),
        label=gettext_lazy("Roles"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy("Whoever holds one may open the back office."),
    )

    class Meta:
        model = User
        fields = EDITED

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "roles" in self.fields and self.instance.pk:
            self.fields["roles"].initial = self.instance.groups.all()


class GrantsInline(ViewOnlyInline):
    """Periods of access."""

    model = AccessGrant
    fk_name = "user"
    fields = ("valid_from", "valid_to", "reason", "granted_by")
    ordering = ("-valid_to", "-id")

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the names."""
        return super().get_queryset(request).select_related("granted_by", "user")


class KeysInline(ViewOnlyInline):
    """API keys."""

    model = ApiKey
    fk_name = "user"
    fields = ("name", "prefix", "created_at", "expires_at", "revoked_at", "last_used_at")
    ordering = ("-created_at", "-id")


@admin.register(User)
class UserAdmin(BaseAdmin):
    """People who can sign in."""

    list_display = ("email", "name", "company", "is_staff", "is_active", "last_login", "created_at")
    list_filter = (
        ("is_staff", BooleanRadioFilter),
        ("is_active", BooleanRadioFilter),
        ("groups", RelatedDropdownFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("email", "name", "company")
    ordering = ("-created_at", "-id")
    add_fieldsets = ((None, {"fields": (("email", "name"), ("company", "position"), "roles", "send_mail")}),)
    fieldsets = (
        (None, {"fields": (("email", "name"), ("company", "position", "username"), "roles")}),
        (
            gettext_lazy("Access"),
            {"fields": (("is_active", "is_staff", "is_superuser"), ("last_login", "subscription_plan", "created_by"))},
        ),
        (gettext_lazy("Sign-ins"), {"classes": ["tab"], "fields": ("sign_ins",)}),
    )
    readonly_fields = (
        "is_active",
        "is_staff",
        "is_superuser",
        "last_login",
        "subscription_plan",
        "created_by",
        "sign_ins",
    )
    inlines = (GrantsInline, SessionsInline, KeysInline)
    history_children = (
        HistorySource(UserGroup, "user_id"),
        HistorySource(AccessGrant, "user_id"),
        HistorySource(SecondFactor, "user_id"),
        HistorySource(Session, "user_id"),
    )
    pages = {
        "password-mail": pages.PasswordMailPage,
        "grant": pages.GrantAccessPage,
        "end-access": pages.RevokeAccessPage,
        "end-sessions": pages.EndSessionsPage,
        "deactivate": pages.DeactivateUserPage,
        "activate": pages.ReactivateUserPage,
    }
    has_grant_access_permission = power(may("accounts.add_accessgrant"))
    has_end_session_permission = power(may("accounts.end_session"))
    has_end_access_permission = power(may("accounts.change_accessgrant"))

    @admin.display(description=gettext_lazy("last sign-ins"))
    def sign_ins(self, user: User) -> Any:
        """The latest attempts, right or wrong."""
        rows = [
            (moment_text(row.attempted_at), row.get_outcome_display(), row.ip_address, row.location)
            for row in last_sign_ins(user)
        ]
        body = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", rows)
        return format_html('<table class="hi-table"><tbody>{}</tbody></table>', body) if rows else "–"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """One form for a new person, one for a known one."""
        kwargs["form"] = AddUserForm if obj is None else ChangeUserForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """An address is changed by its owner, who proves the new one."""
        return (*super().get_readonly_fields(request, obj), *(("email",) if obj is not None else ()))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Sign-ins are for people who may see login records; roles for those who may change them."""
        groups = super().get_fieldsets(request, obj)
        if obj is None:
            return groups
        if not request.user.has_perm("accounts.view_loginrecord"):
            groups = [group for group in groups if "sign_ins" not in group[1]["fields"]]
        if self.has_change_permission(request, obj):
            return groups
        return [(title, {**options, "fields": _without_roles(options["fields"])}) for title, options in groups]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """A new person has nothing yet."""
        return (*super().get_inlines(request, obj), *EXTRA_INLINES) if obj is not None else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not of somebody stronger than oneself."""
        weaker = obj is None or may_manage(request.user, obj)
        return weaker and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Neither oneself nor an owner; they are deactivated."""
        if obj is not None and (obj.pk == request.user.pk or obj.is_superuser or is_owner(obj)):
            return False
        return super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> Any:
        """People are looked at one by one before they are deleted."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def offered(self, request: HttpRequest, obj: User) -> set[str]:
        """For people one may manage; the switch that fits."""
        if not may_manage(request.user, obj):
            return set()
        switch = (
            {"deactivate", "password-mail", "grant", "end-access", "end-sessions"} if obj.is_active else {"activate"}
        )
        return switch if obj.pk != request.user.pk else switch - {"deactivate", "end-access", "end-sessions"}

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Through the domain; roles follow, and the mail."""
        by: Any = request.user
        cleaned, now = form.cleaned_data, timezone.now()
        if change:
            obj.save(update_fields=[name for name in EDITED if name in cleaned])
        else:
            facts = {name: cleaned[name] for name in ("name", "company", "position")}
            self.adopt(obj, users.create_user(cleaned["email"], by=by, at=now, **facts))
        if "roles" in cleaned:
            wanted = {group.name for group in cleaned["roles"]}
            if (not change and wanted) or (change and wanted != set(obj.groups.values_list("name", flat=True))):
                users.set_groups(obj, groups=wanted, by=by, at=now)
                obj.refresh_from_db()
        if not change and cleaned["send_mail"]:
            pages.send_password_mail(request, obj)
            sentence = _("A mail to set the password was sent to %(to)s.")
            self.message_user(request, sentence % {"to": obj.email}, messages.INFO)


def _without_roles(fields: Any) -> tuple[Any, ...]:
    return tuple(name for name in fields if name != "roles")

"""Tables of the sign-in libraries, to look at; unlocking and taking away a lost second factor are the exceptions."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from axes.utils import reset
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import AutocompleteSelectFilter, BooleanRadioFilter, RangeDateTimeFilter

from accounts.rules import may_manage
from hashinsight.common.admin.actions import limited, may, power, run_for_each
from hashinsight.common.admin.base import BaseAdmin, ViewOnlyAdmin


@admin.register(EmailAddress)
class EmailAddressAdmin(ViewOnlyAdmin):
    """Which addresses are proved."""

    list_display = ("email", "user", "verified", "primary")
    list_select_related = ("user",)
    list_filter = (("verified", BooleanRadioFilter), ("user", AutocompleteSelectFilter))
    search_fields = ("email",)
    ordering = ("email",)


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ViewOnlyAdmin):
    """Wrong passwords that count towards a lock-out."""

    list_display = ("attempt_time", "username", "ip_address", "failures_since_start", "user_agent")
    list_filter = (("attempt_time", RangeDateTimeFilter),)
    search_fields = ("username", "ip_address")
    ordering = ("-attempt_time", "-id")
    fields = (("username", "ip_address"), ("attempt_time", "failures_since_start"), "user_agent")
    actions = ("unlock_selected",)
    has_unlock_permission = power(may("axes.delete_accessattempt"))

    @admin.action(description=gettext_lazy("Unlock"), permissions=["unlock"])
    def unlock_selected(self, request: HttpRequest, queryset: QuerySet[AccessAttempt]) -> None:
        """Forget the wrong passwords of this name from this address."""
        run_for_each(
            request,
            limited(queryset),
            lambda attempt: reset(username=attempt.username, ip=attempt.ip_address),
            done=lambda n: ngettext("%(n)s was unlocked.", "%(n)s were unlocked.", n) % {"n": n},
        )


@admin.register(Authenticator)
class AuthenticatorAdmin(BaseAdmin):
    """Second factors; the secrets are never shown. Deleting one lets a person in who lost the telephone."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_select_related = ("user",)
    list_filter = (("user", AutocompleteSelectFilter),)
    search_fields = ("user__email",)
    ordering = ("-created_at", "-id")
    fields = (("user", "type"), ("created_at", "last_used_at"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Set up by the person alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not of somebody stronger than oneself."""
        weaker = obj is None or may_manage(request.user, obj.user)
        return weaker and super().has_delete_permission(request, obj)

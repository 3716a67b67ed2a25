"""Tables of the sign-in libraries, to look at; unlocking and taking away a lost second factor are the exceptions."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from axes.utils import reset
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import AutocompleteSelectFilter, BooleanRadioFilter, RangeDateTimeFilter

from accounts.domain import second_factors
from accounts.rules import may_manage
from hashinsight.common.admin.actions import limited, may, power, run_for_each
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.display import moment_text


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

    empty_hint = gettext_lazy("Wrong passwords are counted here; nobody is locked out.")
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
            lambda attempt: self.unlock(request, attempt),
            done=lambda n: ngettext("%(n)s was unlocked.", "%(n)s were unlocked.", n) % {"n": n},
        )

    def unlock(self, request: HttpRequest, attempt: AccessAttempt) -> None:
        """Forget the failures; who did it is kept in the admin's log."""
        with transaction.atomic():
            self.log_change(request, attempt, f"unlock {attempt.username} {attempt.ip_address}")
            reset(username=attempt.username, ip=attempt.ip_address)


class RemoveFactorPage(ConfirmPage):
    """For a person who lost the telephone."""

    power = "remove_factor"
    label = gettext_lazy("Remove")
    icon = "phonelink_erase"
    danger = True
    title = gettext_lazy("Remove second factor")
    button = gettext_lazy("Remove")
    form_class = ReasonForm

    def find(self, request: HttpRequest, object_id: str | None) -> list[Any]:
        """Not of somebody stronger than oneself."""
        found = super().find(request, object_id)
        if not all(may_manage(request.user, factor.user) for factor in found):
            raise PermissionDenied
        return found

    def effect(self) -> Effect:
        """Whose it is, and what the password opens then."""
        factor = self.objects[0]
        others = Authenticator.objects.filter(user=factor.user).exclude(pk=factor.pk)
        warnings = [_("Make sure that it is this person who asks: call back, or meet.")]
        if not others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists():
            warnings.append(_("From then on the password alone opens the account; recovery codes go as well."))
        return Effect(
            facts=[
                (_("user"), factor.user),
                (_("second factor"), factor.get_type_display()),
                (_("set up"), moment_text(factor.created_at)),
                (_("last used"), moment_text(factor.last_used_at) or _("never")),
            ],
            warnings=warnings,
        )

    def act(self, obj: Authenticator, form: Any) -> None:
        """The log entry goes first: afterwards the row is gone."""
        with transaction.atomic():
            self.model_admin.log_change(self.request, obj, str(self.title))
            self.run(obj, form)

    def run(self, obj: Authenticator, form: Any) -> Any:
        """One domain call."""
        by: Any = self.request.user
        second_factors.remove_second_factor(obj, by=by, at=timezone.now(), reason=form.cleaned_data["reason"])

    def goes_to(self, worked: list[Any]) -> str:
        """To the list: the object is gone."""
        return str(self.model_admin.url_of("changelist"))

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The second factor was removed.")


@admin.register(Authenticator)
class AuthenticatorAdmin(ViewOnlyAdmin):
    """Second factors; the secrets are never shown. Removing one lets a person in who lost the telephone."""

    empty_hint = gettext_lazy("A second factor is set up by the person, on the page of their own account.")
    list_display = ("user", "type", "created_at", "last_used_at")
    list_select_related = ("user",)
    list_filter = (("user", AutocompleteSelectFilter),)
    search_fields = ("user__email",)
    ordering = ("-created_at", "-id")
    fields = (("user", "type"), ("created_at", "last_used_at"))
    pages = {"remove": RemoveFactorPage}
    has_remove_factor_permission = power(may("mfa.delete_authenticator"))

    def offered(self, request: HttpRequest, obj: Authenticator) -> set[str]:
        """Not of somebody stronger than oneself."""
        return {"remove"} if may_manage(request.user, obj.user) else set()

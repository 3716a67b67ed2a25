"""Moves of a person: switched off and on, sent a mail to set a password, let in for a time, shut out."""

from typing import Any

from allauth.account.forms import ResetPasswordForm
from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.domain import grants, keys, sessions, users
from accounts.engine.devices import device_name
from accounts.enums import SessionEnd
from accounts.models import User
from accounts.rules import may_manage
from hashinsight.common.admin.confirm import ConfirmForm, ConfirmPage, Effect, ReasonForm, Table
from hashinsight.common.admin.display import moment_text


class UserPage(ConfirmPage):
    """Only for people one may manage: not for somebody stronger than oneself."""

    power = "change"

    def find(self, request: HttpRequest, object_id: str | None) -> list[Any]:
        """The person, if they may be managed by this one."""
        found = super().find(request, object_id)
        if not all(may_manage(request.user, user) for user in found):
            raise PermissionDenied
        return found

    def facts(self) -> list[tuple[Any, Any]]:
        """Who it is."""
        user = self.objects[0]
        roles = ", ".join(user.groups.values_list("name", flat=True))
        ends = grants.access_ends_at(user, at=timezone.now())
        until = moment_text(ends) or _("without limit")
        return [(_("e-mail address"), user.email), (_("roles"), roles or _("none")), (_("access"), until)]


class DeactivateUserPage(UserPage):
    """Out at once, everywhere."""

    label = gettext_lazy("Deactivate")
    icon = "person_off"
    danger = True
    title = gettext_lazy("Deactivate user")
    button = gettext_lazy("Deactivate")
    form_class = ReasonForm

    def effect(self) -> Effect:
        """Sessions and keys."""
        user = self.objects[0]
        if not user.is_active:
            raise users.OwnerProtected(_("%(user)s is deactivated already.") % {"user": user})
        count = keys.live_keys(user, timezone.now()).count()
        stops = _("Every session ends at once, and %(count)s keys stop working.") % {"count": count}
        return Effect(facts=self.facts(), warnings=[stops])

    def run(self, obj: User, form: Any) -> Any:
        """One domain call."""
        by: Any = self.request.user
        users.deactivate_user(obj, by=by, at=timezone.now(), reason=form.cleaned_data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The user is deactivated.")


class ReactivateUserPage(UserPage):
    """In again."""

    label = gettext_lazy("Activate")
    icon = "person_check"
    title = gettext_lazy("Activate user")
    button = gettext_lazy("Activate")
    form_class = ReasonForm

    def effect(self) -> Effect:
        """Everything is as it was."""
        user = self.objects[0]
        if user.is_active:
            raise users.OwnerProtected(_("%(user)s is active already.") % {"user": user})
        count = keys.live_keys(user, timezone.now()).count()
        back = _("Roles, memberships and %(count)s keys are as they were.") % {"count": count}
        return Effect(facts=self.facts(), warnings=[back])

    def run(self, obj: User, form: Any) -> Any:
        """One domain call."""
        users.reactivate_user(obj, by=self.request.user, reason=form.cleaned_data["reason"])  # type: ignore[arg-type]

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The user is active.")


class PasswordMailPage(UserPage):
    """A link by which the person sets a password."""

    label = gettext_lazy("Send password mail")
    icon = "lock_reset"
    title = gettext_lazy("Send a mail to set a password")
    button = gettext_lazy("Send the mail")

    def effect(self) -> Effect:
        """Where it goes."""
        user = self.objects[0]
        if not user.is_active:
            raise users.OwnerProtected(_("%(user)s is deactivated.") % {"user": user})
        return Effect(facts=self.facts(), warnings=[_("The link lets whoever reads that mailbox set a password.")])

    def run(self, obj: User, form: Any) -> Any:
        """The same mail as "forgotten password"."""
        send_password_mail(self.request, obj)

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The mail was sent.")


class GrantForm(ConfirmForm):
    """How long, and why."""

    days = forms.IntegerField(label=gettext_lazy("Days from now"), min_value=1, max_value=grants.LONGEST_DAYS)
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200, required=False)


class GrantAccessPage(UserPage):
    """Let in for a time."""

    power = "grant_access"
    label = gettext_lazy("Grant access")
    icon = "timer"
    title = gettext_lazy("Grant access for a time")
    button = gettext_lazy("Grant")
    form_class = GrantForm

    def effect(self) -> Effect:
        """The first grant ends unlimited access."""
        effect = Effect(facts=self.facts())
        if not self.objects[0].access_grants.exists():
            effect.warnings.append(_("Until now access is unlimited; from now on only granted periods count."))
        return effect

    def run(self, obj: User, form: Any) -> Any:
        """One domain call."""
        cleaned = form.cleaned_data
        by: Any = self.request.user
        grants.grant_access(obj, by=by, at=timezone.now(), days=cleaned["days"], reason=cleaned["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("Access was granted.")


class RevokeAccessPage(UserPage):
    """Shut out from now on."""

    power = "end_access"
    label = gettext_lazy("End access")
    icon = "timer_off"
    danger = True
    title = gettext_lazy("End access")
    button = gettext_lazy("End it now")
    form_class = ReasonForm

    def effect(self) -> Effect:
        """Running periods end, coming ones are withdrawn."""
        warning = _("The person cannot sign in nor use keys until access is granted again.")
        return Effect(facts=self.facts(), warnings=[warning])

    def run(self, obj: User, form: Any) -> Any:
        """One domain call."""
        by: Any = self.request.user
        grants.revoke_access(obj, by=by, at=timezone.now(), reason=form.cleaned_data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("Access has ended.")


class EndSessionsPage(UserPage):
    """Sign a person out everywhere."""

    power = "end_session"
    label = gettext_lazy("End sessions")
    icon = "logout"
    danger = True
    title = gettext_lazy("End all sessions")
    button = gettext_lazy("End them now")
    form_class = ReasonForm

    def effect(self) -> Effect:
        """Each browser; keys go on."""
        live = list(sessions.live_sessions(self.objects[0], timezone.now()))
        if not live:
            raise sessions.SessionGone(_("%(user)s is signed in nowhere.") % {"user": self.objects[0]})
        rows = [
            (device_name(row.user_agent) or _("unknown"), row.ip_address or "–", moment_text(row.last_used_at))
            for row in live
        ]
        table = Table(headers=[_("device"), _("address"), _("last used")], rows=rows)
        warnings = [
            _("These browsers are signed out at their next request; what was not saved there is lost."),
            _("The person may sign in again, and API keys go on working. To shut somebody out, end their access."),
        ]
        return Effect(facts=self.facts(), tables=[table], warnings=warnings)

    def run(self, obj: User, form: Any) -> Any:
        """One domain call."""
        by: Any = self.request.user
        reason = form.cleaned_data["reason"]
        sessions.end_sessions(obj, why=SessionEnd.BY_STAFF, by=by, at=timezone.now(), reason=reason)

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The sessions have ended.")


def send_password_mail(request: HttpRequest, user: User) -> None:
    """The mail of "forgotten password", asked for by staff."""
    form = ResetPasswordForm({"email": user.email})
    if form.is_valid():
        form.save(request)

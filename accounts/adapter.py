"""What allauth asks the project: who may sign up, where people go, how links in mails look."""

from typing import Any
from urllib.parse import urljoin, urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from accounts.backends import OUTCOME_ATTRIBUTE
from accounts.domain.queries import users_with_email
from accounts.domain.users import register_guest
from accounts.enums import LoginOutcome
from accounts.models import User
from accounts.rules import may_enter_back_office
from hashinsight.common.requests import client_ip

UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104  (a bucket for requests without an address, nothing listens here)


class AccountAdapter(DefaultAccountAdapter):
    """allauth, told how this house does it."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "access_ended": _("Your access has ended or has not begun yet. Please ask your contact to extend it."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Only where the settings say so."""
        return bool(settings.SIGNUP_OPEN)

    def save_user(self, request: HttpRequest, user: User, form: BaseForm, commit: bool = True) -> User:
        """A guest without any right, with the event that tells of them."""
        user.email = form.cleaned_data["email"]
        user.set_password(form.cleaned_data.get("password1"))
        return register_guest(user) if commit else user

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Wrong passwords are counted by axes, per address and e-mail, across all processes.

        allauth's own count would lock an e-mail address out everywhere, so a stranger could lock people out.
        Its other limits stay: requests to the sign-in page per address, and wrong codes of the second factor.
        """

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """As allauth does; a right password outside of the access period is told so."""
        user: User | None = super().authenticate(request, **credentials)
        if user is None and getattr(request, OUTCOME_ATTRIBUTE, None) == LoginOutcome.NO_ACCESS:
            raise self.validation_error("access_ended")
        return user

    def post_login(self, request: HttpRequest, user: User, *, redirect_url: str | None, **kwargs: Any) -> HttpResponse:
        """Somebody without a back office is not sent to it, whatever ``next`` says."""
        if redirect_url and redirect_url.startswith(reverse("admin:index")) and not may_enter_back_office(user):
            redirect_url = reverse("account_home")
        response: HttpResponse = super().post_login(request, user, redirect_url=redirect_url, **kwargs)
        return response

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Staff to the back office, everybody else to their own page."""
        return reverse("admin:index") if may_enter_back_office(request.user) else reverse("account_home")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Back to one's own page."""
        return reverse("account_home")

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """A proven address becomes the user's own, unless somebody else has been entered under it."""
        if users_with_email(email_address.email).exclude(pk=email_address.user_id).exists():
            messages.error(request, _("A user with this e-mail address exists already."))
            return False
        return bool(super().confirm_email(request, email_address))

    def is_safe_url(self, url: str | None) -> bool:
        """Only this very host; other names this server answers to are not in a sign-in's business."""
        request = self.request
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )

    def get_client_ip(self, request: HttpRequest) -> str:
        """The same address that the lock-out and the login records use."""
        return client_ip(request) or UNKNOWN_ADDRESS

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Links lead to ``BASE_URL``, never to a host name that the request brought along."""
        fixed = {name: _own_link(value) if name.endswith("_url") else value for name, value in context.items()}
        super().send_mail(template_prefix, email, fixed)


def _own_link(value: Any) -> Any:
    if not isinstance(value, str) or not value:
        return value
    parts = urlsplit(value)
    return urljoin(settings.BASE_URL, parts.path) + (f"?{parts.query}" if parts.query else "")

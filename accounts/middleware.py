"""What is asked of a signed-in person on every request: access that lasts, and a second factor for staff."""

import time
from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.attempts import user_agent_of
from accounts.domain.queries import session_open
from accounts.domain.sessions import touch_session
from accounts.rules import second_factor_due
from hashinsight.common.requests import client_ip

GetResponse = Callable[[HttpRequest], HttpResponse]
ASK_AGAIN_SECONDS = 0.5
OPEN_PREFIXES = ("/api/", "/health/", "/static/")
OPEN_VIEWS = frozenset(
    {
        "account_login",
        "account_logout",
        "account_reauthenticate",
        "account_confirm_email",
        "account_email_verification_sent",
        "admin:login",
        "admin:logout",
        "admin:jsi18n",
        "favicon",
        "mfa_activate_totp",
        "mfa_authenticate",
        "mfa_reauthenticate",
    }
)


class TimeLimitedAccessMiddleware:
    """End the session of somebody whose access has ended or who was deactivated.

    The backend already refuses to load such a user, within the query that loads users anyway; here the session
    itself is thrown away, so that it does not come back to life with a later grant. A request whose body took its
    time is asked again before the view begins, so that nobody outlasts the end of their access by sending slowly.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request, as nobody if the session's user may not be here any more."""
        if request.session.get(SESSION_KEY) is not None and not request.user.is_authenticated:
            self._dismiss(request)
        else:
            self._note_use(request)
        request.asked_at = time.monotonic()  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: Any) -> None:
        """After the body was read: ask once more when that took longer than a moment."""
        waited = time.monotonic() - request.asked_at  # type: ignore[attr-defined]
        if waited < ASK_AGAIN_SECONDS or not request.user.is_authenticated:
            return
        if not session_open(getattr(request.session, "row", None), user_id=request.user.pk, at=timezone.now()):
            self._dismiss(request)

    def _note_use(self, request: HttpRequest) -> None:
        row = getattr(request.session, "row", None)
        if row is not None and request.user.is_authenticated:
            touch_session(row, ip=client_ip(request), user_agent=user_agent_of(request), at=timezone.now())

    def _dismiss(self, request: HttpRequest) -> None:
        request.session.flush()
        request.user = AnonymousUser()


class StaffSecondFactorMiddleware:
    """Where ``MFA_REQUIRED_FOR_STAFF`` is set, staff without a second factor reach nothing but its set-up.

    That means every page, one's own page with its keys as well: only signing in and out, proving who one is and
    setting up the factor stay open. Somebody invited has until ``second_factor_due_at``.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Send staff without a second factor to the page where they set one up."""
        if settings.MFA_REQUIRED_FOR_STAFF and self._must_set_up(request):
            messages.warning(request, _("The back office needs a second factor. Please set one up first."))
            return redirect("mfa_activate_totp")
        return self.get_response(request)

    def _must_set_up(self, request: HttpRequest) -> bool:
        user = request.user
        if not (user.is_authenticated and user.is_staff) or self._is_open(request.path_info):
            return False
        if is_mfa_enabled(user, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]):
            return False
        return second_factor_due(user, timezone.now())

    def _is_open(self, path: str) -> bool:
        if path.startswith(OPEN_PREFIXES):  # they know no session
            return True
        try:
            name = resolve(path).view_name
        except Resolver404:
            return False
        return name in OPEN_VIEWS

"""What is asked of a signed-in person on every request: access that lasts, and a second factor for staff."""

from collections.abc import Callable

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

GetResponse = Callable[[HttpRequest], HttpResponse]


class TimeLimitedAccessMiddleware:
    """End the session of somebody whose access has ended or who was deactivated.

    The backend already refuses to load such a user, within the query that loads users anyway; here the session
    itself is thrown away, so that it does not come back to life with a later grant.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request, as nobody if the session's user may not be here any more."""
        if request.session.get(SESSION_KEY) is not None and not request.user.is_authenticated:
            request.session.flush()
            request.user = AnonymousUser()
        return self.get_response(request)


class StaffSecondFactorMiddleware:
    """Where ``MFA_REQUIRED_FOR_STAFF`` is set, the back office opens only to staff with a second factor."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Send staff without a second factor to the page where they set one up."""
        if settings.MFA_REQUIRED_FOR_STAFF and self._must_set_up(request):
            messages.warning(request, _("The back office needs a second factor. Please set one up first."))
            return redirect("mfa_activate_totp")
        return self.get_response(request)

    def _must_set_up(self, request: HttpRequest) -> bool:
        back_office = reverse("admin:index")
        if not request.path.startswith(back_office):
            return False
        if request.path in {reverse("admin:login"), reverse("admin:logout"), reverse("admin:jsi18n")}:
            return False
        if not (request.user.is_authenticated and request.user.is_staff):
            return False
        return not is_mfa_enabled(request.user, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN])

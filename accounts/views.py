"""Pages of people: the way in, and their own page."""

from datetime import UTC, datetime, time, timedelta
from typing import Any, cast
from uuid import UUID

from allauth.account.adapter import get_adapter
from axes.helpers import get_cool_off
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_required
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.domain import keys as key_domain
from accounts.domain import sessions as session_domain
from accounts.domain.users import change_profile
from accounts.enums import SessionEnd
from accounts.forms import KeyForm, NetworksForm, ProfileForm
from accounts.home import rendered_sections
from accounts.models import ApiKey, User
from accounts.rules import may_enter_back_office
from accounts.sections import FORMS_ATTRIBUTE
from accounts.sessions import hashed
from hashinsight.common.errors import DomainError


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """The bare address: to the sign-in, the back office or one's own page."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    return redirect("admin:index" if may_enter_back_office(request.user) else "account_home")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def admin_login(request: HttpRequest) -> HttpResponse:
    """The admin's own sign-in hands over to the one of the house, which knows lock-out and second factor."""
    target = request.GET.get(REDIRECT_FIELD_NAME, "")
    if not target or not get_adapter(request).is_safe_url(target):
        target = reverse("admin:index")
    if may_enter_back_office(request.user):
        return redirect(target)
    if request.user.is_authenticated:
        return render(request, "account/no_back_office.html", status=403)
    return redirect(f"{reverse('account_login')}?{urlencode({REDIRECT_FIELD_NAME: target})}")


def locked_out(request: HttpRequest, original_response: Any = None, credentials: Any = None) -> HttpResponse:
    """Too many wrong passwords for this e-mail address from this address: axes asks for this page."""
    cool_off = get_cool_off(request) or timedelta(0)
    context = {"minutes": int(cool_off.total_seconds() // 60)}
    response = render(request, "account/locked_out.html", context, status=429)
    response["Retry-After"] = str(int(cool_off.total_seconds()))
    return response


@never_cache
@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """One's own page."""
    return _home(request)


@never_cache
@login_required
@require_POST
def change_own_profile(request: HttpRequest) -> HttpResponse:
    """Change name, company, position."""
    user = _person(request)
    form = ProfileForm(request.POST, instance=User.objects.get(pk=user.pk))
    if not form.is_valid():
        return _home(request, profile=form)
    change_profile(user, by=user, **form.cleaned_data)
    messages.success(request, _("Your profile is changed."))
    return redirect("account_home")


@never_cache
@login_required
@require_POST
def end_own_session(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Sign out one of one's own browsers, wherever it stands."""
    user = _person(request)
    session = get_object_or_404(session_domain.live_sessions(user, timezone.now()), public_id=session_id)
    try:
        session_domain.end_session(session, by=user, at=timezone.now())
        messages.success(request, _("The session has ended."))
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("account_home")


@never_cache
@login_required
@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out every browser but this one."""
    user, here = _person(request), hashed(request.session.session_key or "")
    count = session_domain.end_sessions(user, why=SessionEnd.BY_PERSON, by=user, at=timezone.now(), keep=here)
    sentence = ngettext("%(n)s session has ended.", "%(n)s sessions have ended.", count)
    messages.success(request, sentence % {"n": count})
    return redirect("account_home")


@never_cache
@login_required
@require_POST
def create_own_key(request: HttpRequest) -> HttpResponse:
    """Make a key and show its secret: on this page, this once. It is never put into the session or a message."""
    user = _person(request)
    form = KeyForm(request.POST, user=user)
    if not form.is_valid():
        return _home(request, key=form)
    last_day = form.cleaned_data["expires_on"]
    ends = datetime.combine(last_day + timedelta(days=1), time.min, tzinfo=UTC) if last_day else None
    try:
        key, secret = key_domain.create_key(
            user,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=ends,
            allowed_networks=form.cleaned_data["allowed_networks"],
            by=user,
            at=timezone.now(),
        )
    except DomainError as refusal:
        form.add_error(None, str(refusal))
        return _home(request, key=form)
    return render(request, "account/home/secret.html", {"key": key, "secret": secret})


@never_cache
@login_required
@require_POST
def rotate_own_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Replace the secret of a key; the old one lives a day longer."""
    user = _person(request)
    key = get_object_or_404(ApiKey, user=user, public_id=key_id)
    try:
        successor, secret = key_domain.rotate_key(key, by=user, at=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return redirect("account_home")
    return render(request, "account/home/secret.html", {"key": successor, "secret": secret, "rotated": key})


@never_cache
@login_required
@require_POST
def limit_own_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Say from where a key may be used."""
    user = _person(request)
    key = get_object_or_404(ApiKey, user=user, public_id=key_id)
    form = NetworksForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors["allowed_networks"])))
        return redirect("account_home")
    try:
        key_domain.limit_key(key, networks=form.cleaned_data["allowed_networks"], by=user, at=timezone.now())
        messages.success(request, _("The addresses of the key %(name)s are changed.") % {"name": key.name})
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("account_home")


@never_cache
@login_required
@require_POST
def revoke_own_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """End a key at once."""
    user = _person(request)
    key = get_object_or_404(ApiKey, user=user, public_id=key_id)
    try:
        key_domain.revoke_key(key, by=user, at=timezone.now())
        messages.success(request, _("The key %(name)s is revoked.") % {"name": key.name})
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("account_home")


def _home(request: HttpRequest, **bound: BaseForm) -> HttpResponse:
    setattr(request, FORMS_ATTRIBUTE, bound)
    context = {"sections": rendered_sections(request)}
    return render(request, "account/home.html", context, status=400 if bound else 200)


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)

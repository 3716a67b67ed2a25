"""The built-in sections of a person's own page: profile, signed-in browsers, API keys, last sign-ins."""

from typing import Any, cast

from django.http import HttpRequest
from django.utils import timezone

from accounts.domain.grants import access_ends_at
from accounts.domain.queries import last_sign_ins
from accounts.domain.sessions import live_sessions
from accounts.engine.devices import device_name
from accounts.forms import KeyForm, ProfileForm
from accounts.home import register_section
from accounts.models import ApiKey, User, Wallet
from accounts.sessions import hashed

FORMS_ATTRIBUTE = "home_forms"
SHOWN_KEYS = 50
SHOWN_SESSIONS = 50


def register() -> None:
    """Make the built-in sections known."""
    register_section(profile, order=10)
    register_section(sessions, order=55)
    register_section(keys, order=60)
    register_section(wallets, order=65)
    register_section(sign_ins, order=70)


def profile(request: HttpRequest) -> tuple[str, dict[str, Any]]:
    """Name, company, position; the address and until when access lasts."""
    user = cast(User, request.user)
    form = _bound(request, "profile") or ProfileForm(instance=user)
    return "account/home/profile.html", {"form": form, "access_ends_at": access_ends_at(user, at=timezone.now())}


def keys(request: HttpRequest) -> tuple[str, dict[str, Any]]:
    """One's own keys, newest first, and the form for another."""
    user = cast(User, request.user)
    now = timezone.now()
    own = list(ApiKey.objects.filter(user=user).order_by("-created_at", "-pk")[:SHOWN_KEYS])
    replaced = {key.rotated_from_id for key in own}
    rows = [{"key": key, "live": key.is_live(now), "replaced": key.pk in replaced} for key in own]
    form = _bound(request, "key") or KeyForm(user=user)
    return "account/home/keys.html", {"rows": rows, "form": form}


def sessions(request: HttpRequest) -> tuple[str, dict[str, Any]]:
    """Browsers in which this person is signed in, the one used last first."""
    here = hashed(request.session.session_key or "")
    live = live_sessions(cast(User, request.user), timezone.now())[:SHOWN_SESSIONS]
    rows = [
        {"session": session, "device": device_name(session.user_agent), "is_here": session.pk == here}
        for session in live
    ]
    return "account/home/sessions.html", {"rows": rows, "others": len(rows) > 1}


def wallets(request: HttpRequest) -> tuple[str, dict[str, Any]]:
    """Addresses this person has proved to own, and the way to another."""
    rows = Wallet.objects.filter(user=cast(User, request.user)).order_by("-created_at", "-pk")
    return "account/home/wallets.html", {"wallets": rows}


def sign_ins(request: HttpRequest) -> tuple[str, dict[str, Any]]:
    """The latest attempts to get in under this name, right or wrong."""
    records = last_sign_ins(cast(User, request.user))
    rows = [{"record": record, "device": device_name(record.user_agent)} for record in records]
    return "account/home/sign_ins.html", {"rows": rows}


def _bound(request: HttpRequest, name: str) -> Any:
    return getattr(request, FORMS_ATTRIBUTE, {}).get(name)

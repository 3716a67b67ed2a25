"""Hooks of libraries, and nothing else: Django, allauth and axes tell of sign-ins, a login record is written.

An attempt ends in exactly one of these signals of Django: ``user_logged_in`` or ``user_login_failed``. allauth and
axes send signals of their own about the same attempts; only a wrong second factor, of which Django knows nothing,
is taken from allauth.
"""

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_removed
from axes.utils import reset
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.db.models.signals import post_init, pre_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.attempts import WAITING_RECORD, record_attempt, user_agent_of
from accounts.backends import OUTCOME_ATTRIBUTE
from accounts.domain.records import complete_sign_in
from accounts.domain.sessions import end_sessions
from accounts.domain.text import harmless
from accounts.enums import LoginOutcome, SessionEnd
from accounts.mfa import bind_secrets, tell_places
from accounts.models import User
from accounts.models.second_factor import SecondFactor
from accounts.sessions import SessionStore, hashed
from hashinsight.common.requests import client_ip


def axes_username(request: HttpRequest | None, credentials: dict[str, Any] | None = None) -> str:
    """Under which name axes counts attempts: the e-mail address as typed, folded and made harmless."""
    given = credentials or {}
    typed = given.get("email") or given.get("username") or given.get("login")
    if not typed and request is not None:
        typed = request.POST.get("login", "")
    return harmless(str(typed or ""), 255).lower()


@receiver(post_init, sender=Authenticator, dispatch_uid="accounts.tell_places")
@receiver(post_init, sender=SecondFactor, dispatch_uid="accounts.tell_places_of_view")
def know_the_row(sender: Any, instance: Authenticator, **kwargs: Any) -> None:
    """The library stores its secrets by itself; this and the next are where they can be bound to their row."""
    tell_places(instance)


@receiver(pre_save, sender=Authenticator, dispatch_uid="accounts.bind_secrets")
def bind_to_the_row(sender: Any, instance: Authenticator, **kwargs: Any) -> None:
    """Before the row is written; rows that a backup brings back are bound already."""
    if not kwargs.get("raw"):
        bind_secrets(instance)


@receiver(user_logged_in, dispatch_uid="accounts.record_success")
def record_success(sender: Any, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    """Somebody is in. An attempt that waited for the second factor has its record already and now succeeds."""
    session = getattr(request, "session", None)
    if isinstance(session, SessionStore):
        session.note_origin(ip=client_ip(request), user_agent=user_agent_of(request))
    waiting = session.pop(WAITING_RECORD, None) if session is not None else None
    if waiting is None or not complete_sign_in(waiting, user_id=user.pk):
        record_attempt(request, email=user.email, outcome=LoginOutcome.SUCCESS, user=user)


@receiver(user_login_failed, dispatch_uid="accounts.record_failure")
def record_failure(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Wrong, unknown, inactive, out of time, or turned away by the lock-out without a look at the password."""
    outcome = getattr(request, OUTCOME_ATTRIBUTE, LoginOutcome.FAILED)
    if getattr(request, "axes_locked_out", False):
        outcome = LoginOutcome.LOCKED_OUT
    typed = credentials.get("email") or credentials.get("username") or ""
    record_attempt(request, email=str(typed), outcome=outcome)


@receiver(authentication_failed, dispatch_uid="accounts.record_wrong_code")
def record_wrong_code(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """The password was right, the code of the second factor was not."""
    record_attempt(request, email=user.email, outcome=LoginOutcome.FAILED, user=user)


@receiver(password_reset, dispatch_uid="accounts.forget_failures")
def forget_failures(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Who has proved to own the mailbox and chosen a new password starts with a clean count."""
    reset(username=axes_username(None, {"email": user.email}))


@receiver((password_changed, password_set, password_reset), dispatch_uid="accounts.end_other_sessions")
def end_other_sessions(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """A new password signs out every browser but the one it was chosen in."""
    _end_others(request, user, SessionEnd.PASSWORD)


@receiver(authenticator_removed, dispatch_uid="accounts.end_sessions_of_removed_factor")
def end_sessions_of_removed_factor(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Who takes away a second factor keeps the browser in hand; all others sign in anew."""
    _end_others(request, user, SessionEnd.SECOND_FACTOR)


def _end_others(request: HttpRequest, user: User, why: SessionEnd) -> None:
    here = request.session.session_key if request.user.is_authenticated else None
    end_sessions(user, why=why, by=user, at=timezone.now(), keep=hashed(here) if here else None)

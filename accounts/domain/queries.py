"""Reads about people that are needed in more than one place."""

from datetime import datetime
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Lower

from accounts.models import AccessGrant, ApiKey, LoginRecord, Session, User


def access_open(user_path: str, at: datetime) -> "ExpressionWrapper[Any]":
    """SQL for "this user may come in at that moment": no grant at all, or one that covers the moment.

    One expression for sign-in, session and key, so that the three can never disagree; it rides on the query that
    loads the user anyway.
    """
    grants = AccessGrant.objects.filter(user=OuterRef(user_path))
    covering = grants.filter(valid_from__lte=at, valid_to__gt=at)
    return ExpressionWrapper(Q(~Exists(grants)) | Q(Exists(covering)), output_field=BooleanField())


def has_second_factor(user_path: str) -> Exists:
    """SQL for "this user has something that proves them beside the password"; recovery codes alone do not count."""
    return Exists(
        Authenticator.objects.filter(user=OuterRef(user_path)).exclude(type=Authenticator.Type.RECOVERY_CODES)
    )


def session_open(session: Session | None, *, user_id: UUID, at: datetime) -> bool:
    """Whether the session still lives and its user may still come in, asked of the database anew."""
    if session is None:
        return False
    live = Session.objects.filter(pk=session.pk, user_id=user_id, ended_at__isnull=True, user__is_active=True)
    return live.annotate(access_open=access_open("user_id", at)).filter(access_open=True).exists()


def key_open(key: ApiKey, *, at: datetime) -> bool:
    """Whether the key still opens a door and its user may still come in, asked of the database anew."""
    live = ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True, user__is_active=True)
    live = live.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at))
    return bool(live.annotate(access_open=access_open("user_id", at)).filter(access_open=True).exists())


def users_with_email(email: str) -> QuerySet[User]:
    """The user with this e-mail address, any case; served by the unique index on ``lower(email)``."""
    if "\x00" in email:
        return User.objects.none()
    return User.objects.alias(email_folded=Lower("email")).filter(email_folded=Lower(Value(email)))


def last_sign_ins(user: User, *, count: int = 10) -> list[LoginRecord]:
    """The user's latest attempts, newest first, right or wrong."""
    return list(LoginRecord.objects.filter(user_id=user.pk).order_by("-attempted_at", "-pk")[:count])

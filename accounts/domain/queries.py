"""Reads about people that are needed in more than one place."""

from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Lower

from accounts.models import AccessGrant, LoginRecord, User


def access_open(user_path: str, at: datetime) -> "ExpressionWrapper[Any]":
    """SQL for "this user may come in at that moment": no grant at all, or one that covers the moment.

    One expression for sign-in, session and key, so that the three can never disagree; it rides on the query that
    loads the user anyway.
    """
    grants = AccessGrant.objects.filter(user=OuterRef(user_path))
    covering = grants.filter(valid_from__lte=at, valid_to__gt=at)
    return ExpressionWrapper(Q(~Exists(grants)) | Q(Exists(covering)), output_field=BooleanField())


def users_with_email(email: str) -> QuerySet[User]:
    """The user with this e-mail address, any case; served by the unique index on ``lower(email)``."""
    if "\x00" in email:
        return User.objects.none()
    return User.objects.alias(email_folded=Lower("email")).filter(email_folded=Lower(Value(email)))


def last_sign_ins(user: User, *, count: int = 10) -> list[LoginRecord]:
    """The user's latest attempts, newest first, right or wrong."""
    return list(LoginRecord.objects.filter(user_id=user.pk).order_by("-attempted_at", "-pk")[:count])

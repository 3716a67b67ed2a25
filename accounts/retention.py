"""Rows about signing in that may go once they are old."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import LoginRecord, Session, User
from hashinsight.jobs.retention import Held, RetentionKind, register_kind


def _records(before: datetime, held: Held) -> QuerySet[Any]:
    rows = LoginRecord.objects.filter(attempted_at__lt=before)
    people = sorted(held.of("accounts.user"))
    if not people:
        return rows
    emails = User.objects.filter(pk__in=people).values("email")
    return rows.exclude(user_id__in=people).exclude(user_id__isnull=True, email__in=emails)


def _sessions(before: datetime, held: Held) -> QuerySet[Any]:
    return Session.objects.filter(expire_date__lt=before)


KINDS = [
    RetentionKind(
        name="accounts.login_records",
        label=_("Login records"),
        what=_("Attempts to sign in or to use a key, right or wrong. Kept for a year: they tell of break-ins."),
        table="accounts.LoginRecord",
        moment="attempted_at",
        rows=_records,
        keep_days=365,
        minimum_days=90,
    ),
    RetentionKind(
        name="accounts.sessions",
        label=_("Sessions that ran out"),
        what=_("Browsers whose time is over, by the end of that time."),
        table="accounts.Session",
        moment="expire_date",
        rows=_sessions,
        keep_days=7,
    ),
]


def register() -> None:
    """Called once from ``ready()``."""
    for kind in KINDS:
        register_kind(kind)

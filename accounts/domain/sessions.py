"""Signed-in browsers: looked at, and ended at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.enums import SessionEnd
from accounts.models import Session, User
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.events.domain import publish

TOUCH_INTERVAL = timedelta(minutes=1)


class SessionGone(DomainError):
    """The session ended before somebody could end it."""

    code = "session_gone"


def live_sessions(user: User, at: datetime) -> QuerySet[Session]:
    """Places where the person is signed in, the one used last first; without the contents of the session."""
    rows = Session.objects.filter(user=user, ended_at__isnull=True, expire_date__gt=at)
    return rows.defer("session_data").order_by("-last_used_at", "pk")


def touch_session(session: Session, *, ip: str | None, user_agent: str, at: datetime) -> bool:
    """Note the use of a session, at most once a minute and without an audit row."""
    if at - session.last_used_at < TOUCH_INTERVAL:
        return False
    stale = Session.objects.filter(pk=session.pk, ended_at__isnull=True, last_used_at__lte=at - TOUCH_INTERVAL)
    return stale.update(last_used_at=at, ip_address=ip, user_agent=user_agent) == 1


def end_session(session: Session, *, by: User, at: datetime, reason: str = "") -> None:
    """End one session; whoever sits there is nobody from the next request on. Raises SessionGone."""
    why = SessionEnd.BY_PERSON if session.user_id == by.pk else SessionEnd.BY_STAFF
    ids = [] if session.user is None else _end([session.pk], session.user, why=why, by=by, at=at, reason=reason)
    if not ids:
        raise SessionGone(_("This session has ended already."))


def end_sessions(
    user: User, *, why: SessionEnd, by: User | None, at: datetime, reason: str = "", keep: str | None = None
) -> int:
    """End every session of a person but the one whose stored key is ``keep``; returns how many there were."""
    rows = live_sessions(user, at)
    keys = list((rows.exclude(pk=keep) if keep else rows).values_list("pk", flat=True))
    return len(_end(keys, user, why=why, by=by, at=at, reason=reason))


def _end(keys: Sequence[str], user: User, *, why: SessionEnd, by: User | None, at: datetime, reason: str) -> list[UUID]:
    with transaction.atomic(), audit_context(actor=by, reason=reason):
        # In one order and under lock: two people may end the same sessions at the same moment.
        live = Session.objects.select_for_update(of=("self",)).filter(pk__in=keys, ended_at__isnull=True)
        ids = [session.public_id for session in live.order_by("pk").only("public_id")]
        if not ids:
            return []
        Session.objects.filter(public_id__in=ids).update(ended_at=at, end_reason=why, session_data="")
        payload = {"user_id": str(user.pk), "why": str(why), "count": len(ids)}
        publish("user.sessions_ended", aggregate_type="user", aggregate_id=user.pk, user_id=user.pk, payload=payload)
    return ids

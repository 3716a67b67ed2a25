"""Time-limited access. No grant row means no limit; with rows, *now* must lie inside one of them."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.domain.sessions import end_sessions
from accounts.enums import SessionEnd
from accounts.models import AccessGrant, User
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.events.domain import publish

LONGEST_DAYS = 3660


class GrantRefused(DomainError):
    """The period asked for makes no sense."""

    code = "grant_refused"


def grant_access(
    user: User,
    *,
    by: User | None,
    at: datetime,
    days: int | None = None,
    until: datetime | None = None,
    starts_at: datetime | None = None,
    reason: str = "",
) -> AccessGrant:
    """Let ``user`` in from ``starts_at`` (default: ``at``) for ``days``, or ``until`` a moment; exactly one of both.

    The first grant also ends a user's unlimited access: from then on only the granted periods count.
    """
    begin = starts_at or at
    end = _end(begin, days=days, until=until)
    if end <= at:
        raise GrantRefused(_("This access would have ended already."), code="grant_in_the_past")
    with transaction.atomic(), audit_context(actor=by, reason=reason):
        _lock(user)
        grant: AccessGrant = AccessGrant.objects.create(
            user=user, valid_from=begin, valid_to=end, granted_by=by, reason=reason
        )
        publish(
            "user.access_granted",
            aggregate_type="user",
            aggregate_id=user.pk,
            user_id=user.pk,
            payload={
                "user_id": str(user.pk),
                "valid_from": begin.isoformat(),
                "valid_to": end.isoformat(),
                "plan": user.subscription_plan,
            },
        )
    return grant


def revoke_access(user: User, *, by: User | None, at: datetime, reason: str = "") -> None:
    """From ``at`` on the user has no access: running periods end now, coming ones are withdrawn.

    Someone without any row has unlimited access, so a row that ends now is written for them; deleting rows can
    only ever open access, never close it.
    """
    with transaction.atomic(), audit_context(actor=by, reason=reason):
        _lock(user)
        for grant in AccessGrant.objects.select_for_update().filter(user=user, valid_to__gt=at):
            if grant.valid_from < at:
                grant.valid_to = at
                grant.save(update_fields=["valid_to"])
            else:
                grant.delete()
        if not AccessGrant.objects.filter(user=user).exists():
            AccessGrant.objects.create(
                user=user, valid_from=at - timedelta(seconds=1), valid_to=at, granted_by=by, reason=reason
            )
        end_sessions(user, why=SessionEnd.ACCESS_ENDED, by=by, at=at, reason=reason)


def change_subscription(user: User, *, plan: str, days: int, by: User | None, at: datetime) -> AccessGrant:
    """Put the user on ``plan`` and let them in for ``days`` from now; the end of access follows from the grant."""
    if not plan.strip() or len(plan) > 20:
        raise GrantRefused(_("A plan needs a name of at most 20 characters."), code="plan_invalid")
    with transaction.atomic(), audit_context(actor=by, reason=f"subscription {plan}"):
        _lock(user)
        user.subscription_plan = plan.strip()
        user.save(update_fields=["subscription_plan"])
        return grant_access(user, days=days, by=by, at=at, reason=f"subscription {plan.strip()}")


def access_ends_at(user: User, *, at: datetime | None = None) -> datetime | None:
    """When access ends (or ended); None means no limit.

    With ``at`` the latest end among the periods that cover that moment counts (``expires_at`` of the source
    documents); without a covering one, or without ``at``, the latest end there is.
    """
    ends = AccessGrant.objects.filter(user=user)
    running: datetime | None = None
    if at is not None:
        running = ends.filter(valid_from__lte=at, valid_to__gt=at).aggregate(end=Max("valid_to"))["end"]
    latest: datetime | None = running or ends.aggregate(end=Max("valid_to"))["end"]
    return latest


def has_access(user: User, at: datetime) -> bool:
    """No grant row at all, or one that covers ``at``; whether the user is active is another question."""
    grants = AccessGrant.objects.filter(user=user)
    return grants.filter(valid_from__lte=at, valid_to__gt=at).exists() or not grants.exists()


def _end(begin: datetime, *, days: int | None, until: datetime | None) -> datetime:
    if (days is None) == (until is None):
        raise GrantRefused(_("State either a number of days or an end."), code="grant_period_unclear")
    if until is not None:
        end = until
    else:
        if days is None or not 1 <= days <= LONGEST_DAYS:
            raise GrantRefused(
                _("Access lasts between 1 and %(most)s days.") % {"most": LONGEST_DAYS}, code="grant_days_invalid"
            )
        end = begin + timedelta(days=days)
    if end <= begin:
        raise GrantRefused(_("Access must end after it begins."), code="grant_period_invalid")
    return end


def _lock(user: User) -> None:
    User.objects.select_for_update(of=("self",)).get(pk=user.pk)

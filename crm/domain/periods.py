"""Closing and reopening the months of our legal entities; where late money is booked."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm.domain.queries import local_date
from crm.enums import PERIOD_MOVES, InvoiceStatus, PeriodState
from crm.models import AccountingPeriod, Invoice, LegalEntity
from hashinsight.approvals.domain.gate import is_approved, refuse
from hashinsight.approvals.domain.requests import request_approval
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_for_move
from hashinsight.events.domain import publish

REOPEN = "crm.reopen_period"
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('period:' || %s || ':' || %s, 0))"


class PeriodClosed(DomainError):
    """The month is closed; nothing is dated in it any more."""

    code = "period_closed"


class PeriodRefused(DomainError):
    """The month cannot be closed like this."""

    code = "period_refused"


@dataclass(frozen=True)
class Finding:
    """What a look at the month before closing it brought up; ``stops`` keeps the month from being closed."""

    text: str
    stops: bool = False


Check = Callable[[LegalEntity, date, date], list[Finding]]
_checks: list[Check] = []


def register_check(check: Check) -> None:
    """Have a month looked at before it is closed: called with the entity, the first day, and the first after it."""
    if check not in _checks:
        _checks.append(check)


def first_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def is_closed(entity: LegalEntity, day: date) -> bool:
    """Whether the month of ``day`` is closed."""
    rows = AccountingPeriod.objects.filter(legal_entity=entity, month=first_of(day), state=PeriodState.CLOSED)
    return rows.exists()


def closed_months() -> set[tuple[int, date]]:
    """All closed months, as legal entity's id and first day: for those who ask about many days."""
    rows = AccountingPeriod.objects.filter(state=PeriodState.CLOSED)
    return set(rows.values_list("legal_entity_id", "month"))


def check_open(entity: LegalEntity, day: date) -> None:
    """Refuse what would be dated in a closed month. Raises PeriodClosed."""
    if is_closed(entity, day):
        raise PeriodClosed(_("%(month)s is closed for %(entity)s.") % {"month": f"{day:%Y-%m}", "entity": entity})


def booking_day(entity: LegalEntity, *, received_on: date, on: date) -> date:
    """The day money is booked: when it came, or ``on`` (today) where that month is closed. Raises PeriodClosed."""
    if not is_closed(entity, received_on):
        return received_on
    check_open(entity, on)
    return on


def findings(entity: LegalEntity, month: date) -> list[Finding]:
    """What somebody who closes the month should know, and what keeps it open."""
    end = next_month(month)
    found = [finding for check in _checks for finding in check(entity, month, end)]
    earlier = Invoice.objects.filter(legal_entity=entity, issued_on__lt=month).order_by("issued_on").first()
    if earlier is not None and not is_closed(entity, month - timedelta(days=1)):
        found.append(Finding(_("The month before is still open.")))
    return found


def drafts_check(entity: LegalEntity, month: date, end: date) -> list[Finding]:
    """Drafts for services of the month: issued later they will bear a later date."""
    drafts = Invoice.objects.filter(
        legal_entity=entity, status=InvoiceStatus.DRAFT, service_to__gte=month, service_to__lt=end
    )
    names = [str(draft) for draft in drafts.order_by("reference")[:20]]
    if not names:
        return []
    return [Finding(_("Drafts for services of this month: %(drafts)s.") % {"drafts": ", ".join(names)})]


@transaction.atomic
def close_period(entity: LegalEntity, *, month: date, by: Any, at: datetime) -> AccountingPeriod:
    """Close a month that is over. Waits for documents being issued in it at this moment, then lets none in.

    Raises PeriodRefused for a month that is not over or where a check stops it; MoveRefused when it is closed.
    """
    if month.day != 1 or next_month(month) > local_date(at, entity.time_zone):
        raise PeriodRefused(_("Only a month that is over can be closed."))
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [str(entity.pk), f"{month:%Y-%m}"])
    stops = [finding.text for finding in findings(entity, month) if finding.stops]
    if stops:
        raise PeriodRefused(" ".join(stops))
    period, _made = AccountingPeriod.objects.get_or_create(legal_entity=entity, month=month)
    locked = lock_for_move(period, field="state", to=PeriodState.CLOSED, moves=PERIOD_MOVES)
    locked.state, locked.closed_by, locked.closed_at = PeriodState.CLOSED, by, at
    locked.save(update_fields=["state", "closed_by", "closed_at"])
    _tell(locked, "period.closed", by)
    return locked.reload()


def ask_reopen(period: AccountingPeriod, *, reason: str, by: Any, at: datetime) -> ApprovalRequest:
    """Ask for a closed month to be opened again; a second person decides. Raises PeriodRefused, AlreadyWaiting."""
    if period.state != PeriodState.CLOSED:
        raise PeriodRefused(_("%(period)s is open.") % {"period": period})
    return request_approval(period, kind=REOPEN, payload={"reason": reason}, reason=reason, by=by, at=at)


@transaction.atomic
def reopen_period(
    obj: AccountingPeriod, *, approval: ApprovalRequest | None, by: Any, at: datetime
) -> AccountingPeriod:
    """Open a closed month again; only inside of the approved request. Raises SecondPersonNeeded, MoveRefused."""
    locked = lock_for_move(obj, field="state", to=PeriodState.OPEN, moves=PERIOD_MOVES)
    if approval is None or not is_approved(approval, locked, kind=REOPEN):
        raise refuse(_("Reopening a month"))
    locked.state, locked.reopen_reason = PeriodState.OPEN, approval.reason
    with audit_context(reason=approval.reason):
        locked.save(update_fields=["state", "reopen_reason"])
    _tell(locked, "period.reopened", by)
    return locked.reload()


def _tell(period: AccountingPeriod, kind: str, by: Any) -> None:
    publish(
        kind,
        aggregate_type="period",
        aggregate_id=period.public_id,
        user_id=getattr(by, "pk", None),
        payload={
            "period_id": str(period.public_id),
            "legal_entity": period.legal_entity.name,
            "month": f"{period.month:%Y-%m}",
            "state": str(period.state),
        },
    )

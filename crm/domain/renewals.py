"""Contracts that renew themselves: at the end of a term, unless notice was given in time.

The last day for notice is ``notice_days`` before the end, by the calendar of the customer. Once it has passed the term
is longer by ``renewal_months``: then, not on the last day of the term, it is settled that the contract goes on.
"""

import logging
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, OperationalError, transaction
from django.utils.translation import gettext as _

from crm.domain.contracts import publish_contract
from crm.domain.queries import local_date
from crm.enums import ContractStatus
from crm.models import Contract
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_row
from hashinsight.notify.registry import Finding

logger = logging.getLogger(__name__)

# Apps above whose dates go with the contract's: ``renewed(contract, before)`` in the transaction of the renewal.
RENEWED: list[Callable[[Contract, date], None]] = []


class RenewalsRefused(DomainError):
    """Some contracts could not be renewed; all others were."""

    code = "renewals_refused"


def register_renewed(renewed: Callable[[Contract, date], None]) -> None:
    """Called from ``ready()`` of the apps above, once each."""
    if renewed not in RENEWED:
        RENEWED.append(renewed)


def last_notice_on(contract: Contract) -> date | None:
    """The last day on which notice keeps a contract from renewing itself; None for one that does not."""
    renews = contract.status == ContractStatus.ACTIVE and contract.renewal_months and not contract.notice_given_on
    return contract.ends_on - timedelta(days=contract.notice_days) if renews and contract.ends_on else None


def next_end(contract: Contract, today: date) -> date | None:
    """Where the term ends once it is renewed as often as it should have been by ``today``; None when it is not due."""
    ends_on, notice = contract.ends_on, timedelta(days=contract.notice_days)
    if ends_on is None or last_notice_on(contract) is None or today <= ends_on - notice:
        return None
    count = 0
    while today > ends_on - notice:
        count += 1
        ends_on = _months_later(contract.ends_on or ends_on, count * contract.renewal_months, contract.starts_on.day)
    return ends_on


def _months_later(day: date, months: int, first_day: int) -> date:
    """The same day of a later month; the last one of a month that is too short, and no lasting shift from that."""
    last = day.day == monthrange(day.year, day.month)[1]
    wanted = max(day.day, first_day) if last else day.day
    year, month = divmod(day.month - 1 + months, 12)
    return date(day.year + year, month + 1, min(wanted, monthrange(day.year + year, month + 1)[1]))


def renew_contracts(*, at: datetime) -> int:
    """Renew every contract whose last day for notice has passed, each in a transaction of its own; returns how many.

    One that cannot be renewed stops none of the others. Raises RenewalsRefused at the end, naming each with its reason.
    """
    tomorrow = at.astimezone(UTC).date() + timedelta(days=1)  # no calendar is further ahead
    due = Contract.objects.renewing().filter(last_notice_on__lt=tomorrow).select_related("customer").order_by("pk")
    renewed, refused = 0, []
    for contract in due:
        try:
            renewed += renew_contract(contract, at=at)
        except OperationalError:  # the database itself is away: the others would fare no better
            raise
        except (DomainError, DatabaseError) as refusal:
            logger.warning("contract %s could not be renewed: %s", contract.number, refusal)
            refused.append(f"{contract.number}: {str(refusal).partition(chr(10))[0]}")
    if refused:
        raise RenewalsRefused(
            _("%(renewed)s renewed, %(count)s refused: %(reasons)s")
            % {"renewed": renewed, "count": len(refused), "reasons": "; ".join(refused)}
        )
    return renewed


@transaction.atomic
def renew_contract(contract: Contract, *, at: datetime) -> bool:
    """Renew one contract if that is due by the calendar of its customer; False where it is not, or no longer."""
    locked = lock_row(contract)
    before, ends_on = locked.ends_on, next_end(locked, local_date(at, locked.customer.time_zone))
    if before is None or ends_on is None:
        return False
    reason = _("Renewed to %(day)s: no notice was given by %(last)s.") % {
        "day": ends_on.isoformat(), "last": str(last_notice_on(locked)),
    }  # fmt: skip
    with audit_context(source="contract renewal", reason=reason):
        locked.ends_on = ends_on
        locked.save(update_fields=["ends_on"])
        for renewed in RENEWED:
            renewed(locked, before)
        publish_contract(locked, "contract.renewed", None)
    return True


def last_days_for_notice(at: datetime) -> Iterator[Finding]:
    """Contracts that renew themselves unless notice is given within the days of the settings."""
    today = at.astimezone(UTC).date()
    ahead = timedelta(days=settings.CONTRACT_NOTICE_AHEAD_DAYS)
    # A day on either side for calendars that are ahead or behind; each says below where it stands.
    rows = Contract.objects.renewing().filter(last_notice_on__range=(today - timedelta(days=1), today + ahead))
    for contract in rows.select_related("customer").order_by("pk"):
        last = last_notice_on(contract)
        if last is not None and last >= local_date(at, contract.customer.time_zone):
            yield Finding(
                key=str(contract.public_id),
                title=_("%(contract)s renews itself: notice until %(day)s")
                % {"contract": contract, "day": last.isoformat()},
                text=_("%(customer)s: from %(end)s for %(months)s months more, unless notice is given.")
                % {
                    "customer": contract.customer, "end": contract.ends_on, "months": contract.renewal_months,
                },
            )  # fmt: skip

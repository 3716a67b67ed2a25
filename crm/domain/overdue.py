"""Which invoices have become overdue, by the calendar of each customer's own time zone."""

import logging
from datetime import UTC, date, datetime, timedelta

from django.db import DatabaseError, OperationalError
from django.utils.translation import gettext as _

from crm.domain.queries import local_date
from crm.domain.settlement import mark_overdue
from crm.enums import InvoiceStatus
from crm.models import Invoice
from hashinsight.common.errors import DomainError

logger = logging.getLogger(__name__)


class OverdueRefused(DomainError):
    """Some late invoices of a customer could not be marked; all others were."""

    code = "overdue_refused"


def customers_due(at: datetime) -> list[tuple[int, date]]:
    """Customers with a sent invoice whose due date lies before their local day at ``at``, each with that day."""
    latest = at.astimezone(UTC).date() + timedelta(days=1)  # no calendar is further ahead
    rows = (
        Invoice.objects.open()
        .filter(status=InvoiceStatus.SENT, due_on__lt=latest)
        .values_list("customer_id", "customer__time_zone", "due_on")
        .order_by("customer_id")
    )
    found: dict[int, date] = {}
    for customer_id, zone, due_on in rows.iterator():
        today = local_date(at, zone)
        if due_on < today:
            found[customer_id] = today
    return sorted(found.items())


def mark_customer(customer_id: int, *, on: date, at: datetime) -> int:
    """Mark each late invoice of one customer, each in a transaction of its own; returns how many moved.

    One that cannot be marked stops none of the others. Raises OverdueRefused at the end, naming each with its reason.
    """
    late = Invoice.objects.open().filter(customer_id=customer_id, status=InvoiceStatus.SENT, due_on__lt=on)
    moved, refused = 0, []
    for invoice in late.order_by("due_on", "id"):
        try:
            moved += mark_overdue(invoice, on=on, at=at)
        except OperationalError:  # the database itself is away: the others would fare no better
            raise
        except (DomainError, DatabaseError) as refusal:
            logger.warning("invoice %s could not be marked overdue: %s", invoice.number, refusal)
            refused.append(f"{invoice.number}: {str(refusal).partition(chr(10))[0]}")
    if refused:
        raise OverdueRefused(
            _("%(moved)s marked, %(count)s refused: %(reasons)s")
            % {"moved": moved, "count": len(refused), "reasons": "; ".join(refused)}
        )
    return moved

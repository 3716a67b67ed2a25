"""Broken promises, found by the watch of the notifications."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from hashinsight.notify.enums import Severity
from hashinsight.notify.registry import Finding
from hosting.enums import TicketPriority
from hosting.models import Ticket


def late_tickets(at: datetime) -> Iterator[Finding]:
    """Tickets not answered or not resolved in time; those that wait for the client are not late."""
    due = Q(responded_at__isnull=True, respond_due_at__lt=at) | Q(resolve_due_at__lt=at)
    rows = Ticket.objects.unfinished().filter(due, waiting_since__isnull=True).select_related("customer", "assigned_to")
    for ticket in rows.order_by("pk")[:500]:
        answered = ticket.responded_at is not None
        yield Finding(
            key=str(ticket.public_id),
            title=(_("Not resolved in time: %(ticket)s") if answered else _("Not answered in time: %(ticket)s"))
            % {"ticket": ticket},
            text=f"{ticket.customer or ''} · {ticket.assigned_to or ''}",
            severity=Severity.ERROR if ticket.priority == TicketPriority.URGENT else None,
            customer_id=ticket.customer_id,
        )

"""Tickets: opened by clients and by us, worked on, resolved, opened again; and the clock of what we promised."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from crm.domain.texts import printable
from crm.models import Customer
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_for_move, lock_row
from hashinsight.events.domain import publish
from hashinsight.journal.domain import NewFile, add_note, attach_file
from hashinsight.journal.models import Attachment, Note
from hosting.enums import TICKET_MOVES, TicketPriority, TicketStatus
from hosting.models import Miner, ServiceLevel, Site, Ticket, TicketMiner

MOST_MINERS = 1000
_DONE = (TicketStatus.RESOLVED, TicketStatus.CLOSED)


class TicketRefused(DomainError):
    """The ticket cannot be written or changed like this."""

    code = "ticket_refused"


@transaction.atomic
def open_ticket(
    *,
    subject: str,
    by: Any,
    at: datetime,
    customer: Customer | None = None,
    site: Site | None = None,
    miners: Sequence[Miner] = (),
    kind: str = "other",
    priority: str = TicketPriority.MEDIUM,
    description: str = "",
    client_visible: bool = True,
) -> Ticket:
    """Open a ticket; the clock begins. Without a customer it is our own and no client sees it.

    Raises ValidationError, and TicketRefused for machines of another customer or another site.
    """
    ticket = Ticket(
        customer=customer, site=site, kind=kind, priority=priority, subject=subject, description=printable(description),
        client_visible=customer is not None and (client_visible or not by.is_staff), opened_by=by, created_at=at,
    )  # fmt: skip
    _check_machines(ticket, miners)
    ticket.respond_due_at, ticket.resolve_due_at = _promise(priority, at)
    ticket.number = _next_number(ticket)
    ticket.full_clean()
    ticket.save()
    TicketMiner.objects.bulk_create([TicketMiner(ticket=ticket, miner=miner) for miner in miners])
    _publish(ticket, "ticket.opened", by)
    return ticket


@transaction.atomic
def assign_ticket(ticket: Ticket, *, to: Any, by: Any) -> Ticket:
    """Give it to somebody of the house. Raises TicketRefused for others, MoveRefused for one that is done."""
    if not (to.is_active and to.is_staff):
        raise TicketRefused(_("%(person)s does not work here.") % {"person": to})
    locked = lock_row(ticket)
    if locked.status in (TicketStatus.ASSIGNED, TicketStatus.IN_PROGRESS):
        locked.assigned_to = to  # whoever takes over goes on where the other stood
    else:
        if locked.status in _DONE:
            raise TicketRefused(_("%(ticket)s is done: open it again first.") % {"ticket": locked})
        locked.status, locked.assigned_to = TicketStatus.ASSIGNED, to
    locked.save(update_fields=["status", "assigned_to"])
    _publish(locked, "ticket.changed", by)
    return locked.reload()


@transaction.atomic
def begin_work(ticket: Ticket, *, by: Any, at: datetime) -> Ticket:
    """Somebody works on it; that counts as an answer. Raises MoveRefused."""
    locked = lock_for_move(ticket, field="status", to=TicketStatus.IN_PROGRESS, moves=TICKET_MOVES)
    locked.status = TicketStatus.IN_PROGRESS
    locked.assigned_to = locked.assigned_to or by
    _answered(locked, at)
    locked.save(update_fields=["status", "assigned_to", "responded_at"])
    _publish(locked, "ticket.changed", by)
    return locked.reload()


@transaction.atomic
def resolve_ticket(ticket: Ticket, *, resolution: str, by: Any, at: datetime) -> Ticket:
    """It is done, as we see it. The client reads ``resolution``. Raises MoveRefused."""
    locked = lock_for_move(ticket, field="status", to=TicketStatus.RESOLVED, moves=TICKET_MOVES)
    _go_on(locked, at)
    _answered(locked, at)
    locked.status, locked.resolved_at, locked.resolution = TicketStatus.RESOLVED, at, printable(resolution)
    locked.save()
    _publish(locked, "ticket.resolved", by)
    return locked.reload()


@transaction.atomic
def close_ticket(ticket: Ticket, *, by: Any, at: datetime) -> Ticket:
    """It is over; one that was not resolved is withdrawn by that. Raises MoveRefused."""
    locked = lock_for_move(ticket, field="status", to=TicketStatus.CLOSED, moves=TICKET_MOVES)
    _go_on(locked, at)
    locked.status, locked.closed_at = TicketStatus.CLOSED, at
    locked.resolved_at = locked.resolved_at or at
    locked.save()
    _publish(locked, "ticket.closed", by)
    return locked.reload()


@transaction.atomic
def reopen_ticket(ticket: Ticket, *, reason: str, by: Any, at: datetime) -> Ticket:
    """It was not done after all: the clock of the resolution begins anew, ``resolved_at`` is empty again.

    Raises MoveRefused for one that is not done.
    """
    locked = lock_row(ticket)
    target = TicketStatus.OPEN if locked.assigned_to_id is None else TicketStatus.ASSIGNED
    if locked.status not in _DONE:
        raise TicketRefused(_("%(ticket)s is not done yet.") % {"ticket": locked})
    locked.status, locked.resolved_at, locked.closed_at = target, None, None
    locked.reopened += 1
    locked.resolve_due_at = _promise(locked.priority, at)[1]
    with audit_context(reason=printable(reason)):
        locked.save()
    add_note(locked, body=reason, by=by, at=at, **_readers(locked))
    _publish(locked, "ticket.reopened", by)
    return locked.reload()


@transaction.atomic
def change_ticket(ticket: Ticket, *, changes: dict[str, Any], by: Any) -> Ticket:
    """Edit kind, priority, subject, description or site. Another priority means another promise, from the beginning.

    Raises ValidationError, and TicketRefused for one that is closed.
    """
    locked = lock_row(ticket)
    if locked.status == TicketStatus.CLOSED:
        raise TicketRefused(_("%(ticket)s is closed: open it again first.") % {"ticket": locked})
    unknown = set(changes) - {"kind", "priority", "subject", "description", "site"}
    if unknown:
        raise ValueError(f"not edited: {', '.join(sorted(unknown))}")
    if changes.get("priority", locked.priority) != locked.priority:
        waited = _waited(locked)
        respond, resolve = _promise(changes["priority"], locked.created_at)
        locked.respond_due_at, locked.resolve_due_at = respond, resolve and resolve + waited
    for name, value in changes.items():
        setattr(locked, name, value)
    _check_machines(locked, [link.miner for link in locked.machines.select_related("miner")])
    locked.full_clean()
    locked.save()
    _publish(locked, "ticket.changed", by)
    return locked.reload()


@transaction.atomic
def wait_for_client(ticket: Ticket, *, question: str, by: Any, at: datetime) -> Ticket:
    """Ask the client something; until it is answered the clock stands still. Raises TicketRefused."""
    locked = lock_row(ticket)
    if locked.status in _DONE or locked.waiting_since is not None or not locked.client_visible:
        raise TicketRefused(_("%(ticket)s cannot wait for a client now.") % {"ticket": locked})
    _answered(locked, at)
    locked.waiting_since = at
    locked.save(update_fields=["waiting_since", "responded_at"])
    add_note(locked, body=question, by=by, at=at, client_visible=True, customer_id=locked.customer_id)
    _publish(locked, "ticket.waiting", by)
    return locked.reload()


@transaction.atomic
def write_note(ticket: Ticket, *, body: str, by: Any, at: datetime, client_visible: bool = False) -> Note:
    """Add a note. A client's note ends our waiting and opens a resolved ticket again; ours, if visible, is an answer.

    Raises JournalRefused, and TicketRefused for a client's note on a closed ticket.
    """
    locked = lock_row(ticket)
    from_client = not by.is_staff
    if from_client and locked.status == TicketStatus.CLOSED:
        raise TicketRefused(_("%(ticket)s is closed: open it again first.") % {"ticket": locked})
    visible = locked.client_visible and (client_visible or from_client)
    note = add_note(locked, body=body, by=by, at=at, client_visible=visible, customer_id=locked.customer_id)
    if from_client:
        _go_on(locked, at)
        if locked.status == TicketStatus.RESOLVED:
            _back_to_work(locked, at)
        locked.save()
    elif visible:
        _answered(locked, at)
        locked.save(update_fields=["responded_at"])
    if visible:  # what stays among us is no event of the customer
        _publish(locked, "ticket.note_added", by, note_id=str(note.public_id))
    return note


@transaction.atomic
def add_file(ticket: Ticket, *, file: NewFile, by: Any, at: datetime, client_visible: bool = False) -> Attachment:
    """Attach a file. What a client sends is visible to the client. Raises JournalRefused."""
    locked = lock_row(ticket)
    if not by.is_staff and locked.status == TicketStatus.CLOSED:
        raise TicketRefused(_("%(ticket)s is closed: open it again first.") % {"ticket": locked})
    visible = locked.client_visible and (client_visible or not by.is_staff)
    return attach_file(locked, file=file, by=by, at=at, client_visible=visible, customer_id=locked.customer_id)


def _back_to_work(ticket: Ticket, at: datetime) -> None:
    ticket.status = TicketStatus.OPEN if ticket.assigned_to_id is None else TicketStatus.ASSIGNED
    ticket.resolved_at = None
    ticket.reopened += 1
    ticket.resolve_due_at = _promise(ticket.priority, at)[1]


def _answered(ticket: Ticket, at: datetime) -> None:
    ticket.responded_at = ticket.responded_at or at


def _go_on(ticket: Ticket, at: datetime) -> None:
    """The waiting is over; the promise moves by as long as it lasted."""
    if ticket.waiting_since is None:
        return
    if ticket.resolve_due_at is not None:
        ticket.resolve_due_at += max(at - ticket.waiting_since, timedelta(0))
    ticket.waiting_since = None


def _waited(ticket: Ticket) -> timedelta:
    """What the promise was moved by so far."""
    resolve = _promise(ticket.priority, ticket.created_at)[1]
    if resolve is None or ticket.resolve_due_at is None:
        return timedelta(0)
    return max(ticket.resolve_due_at - resolve, timedelta(0))


def _promise(priority: str, at: datetime) -> tuple[datetime | None, datetime | None]:
    level = ServiceLevel.objects.filter(priority=priority).first()
    if level is None:
        return None, None
    return at + timedelta(minutes=level.respond_minutes), at + timedelta(minutes=level.resolve_minutes)


def _next_number(ticket: Ticket) -> int:
    """Counted per customer, our own apart; one at a time."""
    series = f"ticket:{ticket.customer_id}" if ticket.client_visible else "ticket:internal"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [series])
    there = Ticket.objects.filter(client_visible=ticket.client_visible)
    if ticket.client_visible:
        there = there.filter(customer_id=ticket.customer_id)
    return int(there.aggregate(last=Max("number"))["last"] or 0) + 1


def _check_machines(ticket: Ticket, miners: Iterable[Miner]) -> None:
    machines = list(miners)
    if len(machines) > MOST_MINERS:
        raise TicketRefused(_("A ticket is about %(most)s machines at most.") % {"most": MOST_MINERS})
    for miner in machines:
        if ticket.customer_id is not None and miner.customer_id != ticket.customer_id:
            raise TicketRefused(_("%(miner)s belongs to somebody else.") % {"miner": miner})
        if ticket.site_id is not None and miner.site_id not in (None, ticket.site_id):
            raise TicketRefused(_("%(miner)s stands at another site.") % {"miner": miner})


def _readers(ticket: Ticket) -> dict[str, Any]:
    return {"customer_id": ticket.customer_id, "client_visible": ticket.client_visible}


def _publish(ticket: Ticket, kind: str, by: Any, **more: Any) -> None:
    publish(
        kind,
        aggregate_type="ticket",
        aggregate_id=ticket.public_id,
        customer_id=ticket.customer_id if ticket.client_visible else None,
        user_id=getattr(by, "pk", None),
        payload={
            "ticket_id": str(ticket.public_id), "reference": ticket.reference, "status": str(ticket.status),
            "priority": str(ticket.priority), **more,
        },
    )  # fmt: skip

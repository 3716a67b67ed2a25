"""Deals: the stage says how likely, the status how far the contract has come."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from crm.domain import invoicing
from crm.domain.activities import note_move
from crm.domain.texts import printable
from crm.enums import (
    DEAL_MOVES,
    DEAL_STAGE_MOVES,
    ActivityKind,
    CustomerStatus,
    DealStage,
    DealStatus,
    InvoiceKind,
    InvoiceStatus,
)
from crm.models import Customer, Deal, DealLine, Invoice
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_for_move
from hashinsight.events.domain import publish

PROBABILITY = {
    DealStage.DISCOVERY: 10, DealStage.PROPOSAL: 30, DealStage.NEGOTIATION: 60,
    DealStage.CLOSED_WON: 100, DealStage.CLOSED_LOST: 0,
}  # fmt: skip

# What an invoice can hold (16 digits before the point).
LARGEST_VALUE = invoicing.LARGEST_AMOUNT
# Hours by which the calendar that is furthest ahead of UTC runs before it.
FURTHEST_AHEAD = 14


class DealRefused(DomainError):
    """The deal cannot be moved like this."""

    code = "deal_refused"


@transaction.atomic
def create_deal(*, customer: Customer, title: str, value: Decimal, by: Any, at: datetime, **fields: Any) -> Deal:
    """A new draft deal; ``fields`` are columns of the model. Raises DealRefused for an inactive customer."""
    if customer.status != CustomerStatus.ACTIVE:
        raise DealRefused(_("%(customer)s is inactive.") % {"customer": customer})
    deal = Deal(customer=customer, title=title, value=value, created_at=at, **fields)
    deal.full_clean()
    deal.save()
    publish_deal(deal, "deal.created", by)
    return deal


@transaction.atomic
def set_lines(deal: Deal, *, lines: Sequence[DealLine], by: Any = None) -> Deal:
    """Replace the lines of a deal that is still being written; its value follows them."""
    locked = Deal.objects.select_for_update().get(pk=deal.pk)
    if locked.status not in (DealStatus.DRAFT, DealStatus.PENDING):
        raise DealRefused(_("The lines of %(deal)s are settled.") % {"deal": locked})
    locked.lines.all().delete()
    for position, line in enumerate(lines, start=1):
        line.deal, line.position = locked, position
        line.full_clean(exclude=["deal"])
    DealLine.objects.bulk_create(lines)
    changed = refresh_value(locked)
    _count_up(changed)
    publish_deal(changed, "deal.updated", by)
    return changed.reload()


@transaction.atomic
def note_edit(deal: Deal, *, by: Any) -> Deal:
    """After columns or lines of a deal were edited one by one: its value follows its lines, and others are told."""
    if deal.status in (DealStatus.DRAFT, DealStatus.PENDING):
        deal = refresh_value(deal)
    _count_up(deal)
    publish_deal(deal, "deal.updated", by)
    return deal.reload()


def _count_up(deal: Deal) -> None:
    """Lines are a part of the deal: another text on one of them is another version of it."""
    Deal.objects.filter(pk=deal.pk).update(updated_at=Now())


def refresh_value(deal: Deal) -> Deal:
    """The value of a deal with lines is their sum; without lines it stays as entered."""
    lines = list(deal.lines.all())
    if lines:
        deal.value = sum((invoicing.net_of(line, deal.currency) for line in lines), Decimal(0))
        if deal.value >= LARGEST_VALUE:
            raise DealRefused(_("The lines of %(deal)s come to more than can be billed.") % {"deal": deal})
        deal.save(update_fields=["value"])
    return deal.reload()


@transaction.atomic
def move_stage(deal: Deal, *, to: str, by: Any, at: datetime, reason: str = "") -> Deal:
    """Move the sales stage; won and lost close the deal for sales (``closed_at``), lost cancels the contract too."""
    locked = lock_for_move(deal, field="stage", to=to, moves=DEAL_STAGE_MOVES)
    if locked.status == DealStatus.CANCELLED and to != DealStage.CLOSED_LOST:
        raise DealRefused(_("%(deal)s is cancelled; it can only be lost.") % {"deal": locked})
    if to == DealStage.CLOSED_LOST and locked.status != DealStatus.CANCELLED:
        if not reason.strip():
            raise DealRefused(_("State why the deal was lost."))
        _withdraw_draft(locked, by=by, reason=reason)
        _set_status(locked, DealStatus.CANCELLED, by=by, at=at, reason=reason, fields={"cancel_reason": reason[:200]})
        locked.refresh_from_db()
    locked.stage = to
    locked.probability = PROBABILITY[DealStage(to)]
    if to in (DealStage.CLOSED_WON, DealStage.CLOSED_LOST):
        locked.closed_at = at
    locked.save(update_fields=["stage", "probability", "closed_at"])
    publish_deal(locked, "deal.moved", by)
    return locked.reload()


@transaction.atomic
def submit_deal(deal: Deal, *, by: Any, at: datetime) -> Deal:
    """Draft to pending: somebody else looks at it."""
    return _move(deal, DealStatus.PENDING, by=by, at=at)


@transaction.atomic
def return_deal(deal: Deal, *, by: Any, at: datetime, reason: str) -> Deal:
    """Pending back to draft, with the reason."""
    return _move(deal, DealStatus.DRAFT, by=by, at=at, reason=reason)


@transaction.atomic
def approve_deal(deal: Deal, *, by: Any, at: datetime) -> Deal:
    """Pending to approved: may be signed."""
    return _move(deal, DealStatus.APPROVED, by=by, at=at)


@transaction.atomic
def sign_deal(deal: Deal, *, by: Any, on: date, at: datetime) -> Deal:
    """Approved to signed on a day; wins the stage first, because only a won deal can be signed.

    Raises DealRefused for a lost deal, and for a day that has begun nowhere yet.
    """
    locked = lock_for_move(deal, field="status", to=DealStatus.SIGNED, moves=DEAL_MOVES)
    if on > (at.astimezone(UTC) + timedelta(hours=FURTHEST_AHEAD)).date():
        raise DealRefused(_("This day lies in the future."))
    if locked.stage == DealStage.CLOSED_LOST:
        raise DealRefused(_("%(deal)s was lost and cannot be signed.") % {"deal": locked})
    if locked.stage != DealStage.CLOSED_WON:
        locked = move_stage(locked, to=DealStage.CLOSED_WON, by=by, at=at)
    return _set_status(locked, DealStatus.SIGNED, by=by, at=at, fields={"actual_close_on": on})


@transaction.atomic
def complete_deal(deal: Deal, *, by: Any, at: datetime) -> Invoice:
    """Signed to completed; makes the invoice draft in the same transaction and returns it."""
    locked = lock_for_move(deal, field="status", to=DealStatus.COMPLETED, moves=DEAL_MOVES)
    locked = _set_status(locked, DealStatus.COMPLETED, by=by, at=at, fields={"completed_at": at})
    return invoicing.draft_from_deal(locked, by=by, at=at)


@transaction.atomic
def cancel_deal(deal: Deal, *, by: Any, at: datetime, reason: str) -> Deal:
    """End a deal that is not completed, with the reason.

    Raises DealRefused while an issued invoice of it stands: that is credited first. A draft is withdrawn with it.
    """
    if not reason.strip():
        raise DealRefused(_("State why the deal is cancelled."))
    _withdraw_draft(deal, by=by, reason=reason)
    return _move(deal, DealStatus.CANCELLED, by=by, at=at, reason=reason, fields={"cancel_reason": reason[:200]})


def _withdraw_draft(deal: Deal, *, by: Any, reason: str) -> None:
    """What was drafted for a deal that comes to nothing is never issued. Raises DealRefused when it is already."""
    locked = lock_for_move(deal, field="status", to=DealStatus.CANCELLED, moves=DEAL_MOVES)
    drafted = Invoice.objects.filter(deal=locked, kind=InvoiceKind.DEAL).exclude(status=InvoiceStatus.CANCELLED)
    for invoice in drafted:
        if invoice.is_issued:
            raise DealRefused(
                _("%(deal)s is billed by %(invoice)s; credit that first.") % {"deal": locked, "invoice": invoice}
            )
        invoicing.cancel_draft(invoice, by=by, reason=reason)


def _move(
    deal: Deal, to: str, *, by: Any, at: datetime, reason: str = "", fields: dict[str, Any] | None = None
) -> Deal:
    locked = lock_for_move(deal, field="status", to=to, moves=DEAL_MOVES)
    return _set_status(locked, to, by=by, at=at, reason=reason, fields=fields)


def _set_status(
    locked: Deal, to: str, *, by: Any, at: datetime, reason: str = "", fields: dict[str, Any] | None = None
) -> Deal:
    printable(reason)
    before = locked.get_status_display()
    changes = dict(fields or {})
    for name, value in changes.items():
        setattr(locked, name, value)
    locked.status = to
    with audit_context(reason=reason):
        locked.save(update_fields=["status", *changes])
    note_move(
        ActivityKind.DEAL_STATUS, by=by, at=at, customer_id=locked.customer_id, deal=locked, body=reason,
        subject=_("Deal moved from %(before)s to %(after)s") % {"before": before, "after": locked.get_status_display()},
    )  # fmt: skip
    publish_deal(locked, "deal.moved", by)
    return locked.reload()


def publish_deal(deal: Deal, kind: str, by: Any) -> None:
    """One event about a deal."""
    publish(
        kind,
        aggregate_type="deal",
        aggregate_id=deal.public_id,
        customer_id=deal.customer_id,
        user_id=getattr(by, "pk", None),
        payload={"deal_id": str(deal.public_id), "status": str(deal.status), "stage": str(deal.stage)},
    )

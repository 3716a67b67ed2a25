"""Leads: creating, moving, converting."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.domain import customers
from crm.domain.activities import note_move
from crm.domain.deals import publish_deal
from crm.domain.texts import printable
from crm.enums import LEAD_MOVES, ActivityKind, CustomerStatus, LeadStatus
from crm.models import Customer, Deal, Lead
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_for_move, lock_row
from hashinsight.events.domain import publish


class LeadRefused(DomainError):
    """The lead cannot be moved like this."""

    code = "lead_refused"


@transaction.atomic
def create_lead(*, title: str, by: Any, at: datetime, **fields: Any) -> Lead:
    """A new lead with its activity and event; ``fields`` are columns of the model. Raises ValidationError."""
    lead = Lead(title=title, created_at=at, **fields)
    lead.full_clean()
    lead.save()
    note_move(
        ActivityKind.LEAD_CREATED, subject=_("Lead created: %(title)s") % {"title": lead.title}, by=by, at=at,
        lead=lead, customer=lead.customer,
    )  # fmt: skip
    publish_lead(lead, "lead.created", by)
    return lead


@transaction.atomic
def save_lead(lead: Lead, *, by: Any) -> Lead:
    """Store the edited columns of a lead (never its status, which moves by ``move_lead``), with the event."""
    columns = [column.name for column in Lead._meta.concrete_fields if column.editable and not column.primary_key]
    lead.save(update_fields=columns)
    publish_lead(lead, "lead.updated", by)
    return lead


@transaction.atomic
def move_lead(lead: Lead, *, to: str, by: Any, at: datetime, reason: str = "") -> Lead:
    """Move to contacted, qualified, negotiation or lost. Won is reached by ``convert_lead`` only."""
    if to == LeadStatus.WON:
        raise LeadRefused(_("A lead is won by converting it."))
    if to == LeadStatus.LOST and not reason.strip():
        raise LeadRefused(_("State why the lead was lost."))
    printable(reason)
    locked = lock_for_move(lead, field="status", to=to, moves=LEAD_MOVES)
    before = locked.get_status_display()
    locked.status = to
    locked.lost_reason = reason[:200] if to == LeadStatus.LOST else ""
    with audit_context(reason=reason):
        locked.save(update_fields=["status", "lost_reason"])
    note_move(
        ActivityKind.LEAD_STATUS, by=by, at=at, lead=locked, customer=locked.customer, body=reason,
        subject=_("Lead moved from %(before)s to %(after)s") % {"before": before, "after": locked.get_status_display()},
    )  # fmt: skip
    publish_lead(locked, "lead.moved", by)
    return locked.reload()


@transaction.atomic
def convert_lead(lead: Lead, *, by: Any, at: datetime) -> Deal:
    """Win a lead: customer found or made, one draft deal, one activity, all in one transaction.

    Idempotent: converting a lead that is won already returns the deal of the first conversion. Where that was deleted
    as a draft, a new draft is made for the same customer: the lead stays won since the first time, and would else have
    no deal for ever. Raises MoveRefused for a lost lead, LeadRefused when the customer is inactive.
    """
    current = lock_row(lead)
    if current.status == LeadStatus.WON:
        return deal_of(current) or _deal_anew(current, by=by, at=at)
    locked = lock_for_move(lead, field="status", to=LeadStatus.WON, moves=LEAD_MOVES)
    locked.customer = _customer_of(locked, by=by, at=at)
    locked.status, locked.converted_at = LeadStatus.WON, at
    locked.save(update_fields=["status", "customer", "converted_at"])
    deal = _new_deal(locked, at=at)
    note_move(
        ActivityKind.LEAD_CONVERTED, subject=_("Lead converted: %(title)s") % {"title": locked.title}, by=by, at=at,
        lead=locked, customer=locked.customer, deal=deal,
    )  # fmt: skip
    publish_lead(locked, "lead.converted", by)
    return deal


def deal_of(lead: Lead) -> Deal | None:
    """The deal that the conversion of a lead made; None before it, and where that deal was deleted as a draft."""
    found: Deal | None = Deal.objects.filter(lead=lead, from_conversion=True).first()
    return found


def _deal_anew(lead: Lead, *, by: Any, at: datetime) -> Deal:
    """The lead was told of as converted already: what is new is its deal alone."""
    if lead.customer is None:
        lead.customer = _customer_of(lead, by=by, at=at)
        lead.save(update_fields=["customer"])
    _check_active(lead.customer)
    deal = _new_deal(lead, at=at)
    subject = _("The draft of the deal had been deleted; a new one was made: %(title)s") % {"title": lead.title}
    note_move(
        ActivityKind.LEAD_CONVERTED, subject=subject[:300], by=by, at=at, lead=lead, customer=lead.customer, deal=deal
    )
    publish_deal(deal, "deal.created", by)
    return deal


def _customer_of(lead: Lead, *, by: Any, at: datetime) -> Customer:
    customer = lead.customer or customers.find_or_create(
        company_name=lead.company or lead.name or lead.title,
        email=lead.email,
        by=by,
        at=at,
        contact_name=lead.name,
        phone=lead.phone,
        currency=lead.currency,
        time_zone=lead.time_zone,
        is_sample=lead.is_sample,
    )
    _check_active(customer)
    return customer


def _check_active(customer: Customer) -> None:
    if customer.status != CustomerStatus.ACTIVE:
        raise LeadRefused(_("%(customer)s is inactive.") % {"customer": customer})


def _new_deal(lead: Lead, *, at: datetime) -> Deal:
    assert lead.customer is not None
    deal: Deal = Deal.objects.create(
        customer=lead.customer,
        lead=lead,
        from_conversion=True,
        legal_entity=lead.customer.legal_entity,
        title=lead.title,
        value=lead.value or 0,
        currency=lead.currency,
        owner=lead.owner,
        created_at=at,
        is_sample=lead.is_sample,
    )
    return deal


def publish_lead(lead: Lead, kind: str, by: Any) -> None:
    """One event about a lead."""
    publish(
        kind,
        aggregate_type="lead",
        aggregate_id=lead.public_id,
        customer_id=lead.customer_id,
        user_id=getattr(by, "pk", None),
        payload={"lead_id": str(lead.public_id), "status": str(lead.status)},
    )

"""Editing single columns of customers, leads and deals; states move by their own functions."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.domain import master_data
from crm.domain.deals import DealRefused, publish_deal
from crm.domain.leads import publish_lead
from crm.enums import DealStatus
from crm.models import Customer, Deal, Lead
from hashinsight.common.transitions import lock_row

# What a deal is worth is settled once it is approved.
_SETTLED_LATER = frozenset({"value", "currency"})


@transaction.atomic
def change_customer(customer: Customer, *, changes: Mapping[str, Any], by: Any) -> Customer:
    """Change columns of a customer, under lock and with the event. Raises ValidationError."""
    locked = lock_row(customer)
    _apply(locked, changes)
    if changes:
        master_data.save_customer(locked, by=by)
    return locked.reload()


@transaction.atomic
def change_lead(lead: Lead, *, changes: Mapping[str, Any], by: Any) -> Lead:
    """Change columns of a lead, under lock and with the event. Raises ValidationError."""
    locked = lock_row(lead)
    _apply(locked, changes)
    if changes:
        locked.save(update_fields=list(changes))
        publish_lead(locked, "lead.updated", by)
    return locked.reload()


@transaction.atomic
def change_deal(deal: Deal, *, changes: Mapping[str, Any], by: Any) -> Deal:
    """Change columns of a deal, under lock and with the event.

    Raises DealRefused for the value of a deal that is approved, or that follows from its lines.
    """
    locked = lock_row(deal)
    if _SETTLED_LATER & set(changes):
        if locked.status not in (DealStatus.DRAFT, DealStatus.PENDING):
            raise DealRefused(_("The value of %(deal)s is settled.") % {"deal": locked})
        if locked.lines.exists():
            raise DealRefused(_("The value of %(deal)s follows from its lines.") % {"deal": locked})
    _apply(locked, changes)
    if changes:
        locked.save(update_fields=list(changes))
        publish_deal(locked, "deal.updated", by)
    return locked.reload()


def _apply(row: Any, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if not row._meta.get_field(name).editable:
            raise ValueError(f"{name} is not edited: it has a function of its own")
        setattr(row, name, value)
    row.full_clean()

"""Activities: written by people, and by the moves themselves."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.domain.texts import printable
from crm.enums import MANUAL_ACTIVITY_KINDS
from crm.models import Activity, Customer, Deal, Invoice, Lead
from hashinsight.common.errors import DomainError
from hashinsight.events.domain import publish

OLDEST = timedelta(days=36_525)
CLOCKS_DIFFER = timedelta(minutes=15)


class ActivityRefused(DomainError):
    """The activity cannot be written like this."""

    code = "activity_refused"


def note_move(
    kind: str,
    *,
    subject: str,
    by: Any,
    at: datetime,
    customer: Customer | None = None,
    customer_id: int | None = None,
    lead: Lead | None = None,
    deal: Deal | None = None,
    invoice: Invoice | None = None,
    body: str = "",
    client_visible: bool = False,
) -> Activity:
    """Write the activity that a move leaves behind (inside the move's transaction).

    The customer is given as a row, or by its key where the row is not at hand.
    """
    return Activity.objects.create(
        kind=kind,
        subject=subject[:300],
        body=body,
        customer_id=customer.pk if customer else customer_id,
        lead=lead,
        deal=deal,
        invoice=invoice,
        client_visible=client_visible,
        occurred_at=at,
        created_by=by if getattr(by, "pk", None) else None,
    )


@transaction.atomic
def create_activity(
    *,
    kind: str,
    subject: str,
    by: Any,
    at: datetime,
    body: str = "",
    customer: Customer | None = None,
    lead: Lead | None = None,
    deal: Deal | None = None,
    invoice: Invoice | None = None,
    occurred_at: datetime | None = None,
    client_visible: bool = False,
) -> Activity:
    """A person writes down what happened. Raises ValidationError, or ActivityRefused for parts of different customers.

    What a client writes is always visible to the client.
    """
    happened = _check(kind, occurred_at or at, at)
    owner = customer or _customer_of(lead, deal, invoice)
    for part in (lead, deal, invoice):
        other = getattr(part, "customer_id", None)
        if part is not None and other is not None and (owner is None or other != owner.pk):
            raise ActivityRefused(_("Lead, deal and invoice must belong to the same customer."))
    if owner is None and lead is None:
        raise ActivityRefused(_("Name a customer or a lead."))
    visible = client_visible or not by.is_staff
    if visible and owner is None:
        raise ActivityRefused(_("Only an activity of a customer can be visible to the client."))
    Activity(kind=kind, subject=subject, body=printable(body), customer=owner, lead=lead).clean_fields()
    activity = note_move(
        kind, subject=subject, by=by, at=happened, customer=owner, lead=lead, deal=deal, invoice=invoice,
        body=body, client_visible=visible,
    )  # fmt: skip
    publish(
        "activity.created",
        aggregate_type="activity",
        aggregate_id=activity.public_id,
        customer_id=owner.pk if owner else None,
        user_id=by.pk,
        payload={"activity_id": str(activity.public_id), "kind": activity.kind},
    )
    return activity


def _check(kind: str, happened: datetime, at: datetime) -> datetime:
    if kind not in MANUAL_ACTIVITY_KINDS:
        raise ActivityRefused(_("Activities of this kind are written by the system."))
    if not at - OLDEST <= happened <= at + CLOCKS_DIFFER:
        raise ActivityRefused(_("An activity has happened already, and not more than a lifetime ago."))
    return happened


def _customer_of(lead: Lead | None, deal: Deal | None, invoice: Invoice | None) -> Customer | None:
    for part in (invoice, deal, lead):
        if part is not None and part.customer is not None:
            return part.customer
    return None

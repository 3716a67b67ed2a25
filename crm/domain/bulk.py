"""Records that already have a history elsewhere, added many at a time: an import, or the demo company.

Each record arrives in the state it had reached, so no moves are made. It leaves what single calls would leave,
its activity and its event, but one of each per record and in few statements; audit rows come from the triggers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.domain.deals import PROBABILITY
from crm.enums import ActivityKind, DealStage, DealStatus, LeadStatus
from crm.models import Activity, Customer, Deal, DealLine, Lead
from hashinsight.common.errors import DomainError
from hashinsight.events.domain.bulk import Fact, publish_many

BATCH = 1000


class RecordRefused(DomainError):
    """The record is in a state that cannot be brought along."""

    code = "record_refused"


@dataclass(frozen=True, slots=True)
class LeadRecord:
    """A lead and how far it had come."""

    lead: Lead
    status: LeadStatus = LeadStatus.NEW
    lost_reason: str = ""
    history: str = ""


@dataclass(frozen=True, slots=True)
class DealRecord:
    """A deal, its lines, and how far it had come."""

    deal: Deal
    lines: Sequence[DealLine] = field(default_factory=tuple)
    stage: DealStage = DealStage.DISCOVERY
    status: DealStatus = DealStatus.DRAFT
    closed_at: datetime | None = None
    signed_on: date | None = None
    cancel_reason: str = ""
    history: str = ""


@transaction.atomic
def add_customers(customers: Sequence[Customer], *, by: Any) -> list[Customer]:
    """Store new customers with one event each."""
    stored = Customer.objects.bulk_create(customers, batch_size=BATCH)
    facts = [
        Fact(one.public_id, {"customer_id": str(one.public_id), "status": str(one.status)}, one.pk) for one in stored
    ]
    publish_many("customer.created", facts, aggregate_type="customer", user_id=_id_of(by))
    return stored


@transaction.atomic
def add_leads(records: Sequence[LeadRecord], *, by: Any) -> list[Lead]:
    """Store leads in any state but won: a lead is won by its conversion, which makes the deal."""
    for record in records:
        if record.status == LeadStatus.WON:
            raise RecordRefused(_("A lead is won by converting it."))
        record.lead.status = record.status
        record.lead.lost_reason = record.lost_reason[:200]
    stored = Lead.objects.bulk_create([record.lead for record in records], batch_size=BATCH)
    Activity.objects.bulk_create([_lead_activity(record, by) for record in records], batch_size=BATCH)
    facts = [
        Fact(one.public_id, {"lead_id": str(one.public_id), "status": str(one.status)}, one.customer_id)
        for one in stored
    ]
    publish_many("lead.created", facts, aggregate_type="lead", user_id=_id_of(by))
    return stored


@transaction.atomic
def add_deals(records: Sequence[DealRecord], *, by: Any) -> list[Deal]:
    """Store deals with their lines in any state but completed: completing a deal makes its invoice draft."""
    for record in records:
        _bring_to_state(record)
    stored = Deal.objects.bulk_create([record.deal for record in records], batch_size=BATCH)
    DealLine.objects.bulk_create(
        [_line(line, record.deal, position) for record in records for position, line in enumerate(record.lines, 1)],
        batch_size=BATCH,
    )
    Activity.objects.bulk_create([_deal_activity(record, by) for record in records], batch_size=BATCH)
    facts = [
        Fact(
            one.public_id,
            {"deal_id": str(one.public_id), "status": str(one.status), "stage": str(one.stage)},
            one.customer_id,
        )
        for one in stored
    ]
    publish_many("deal.created", facts, aggregate_type="deal", user_id=_id_of(by))
    return stored


def _bring_to_state(record: DealRecord) -> None:
    if record.status == DealStatus.COMPLETED:
        raise RecordRefused(_("A deal is completed by completing it: that makes its invoice draft."))
    if record.status == DealStatus.SIGNED and (record.stage != DealStage.CLOSED_WON or record.signed_on is None):
        raise RecordRefused(_("A signed deal is won and has a date of signing."))
    deal = record.deal
    deal.stage, deal.status, deal.closed_at = record.stage, record.status, record.closed_at
    deal.actual_close_on, deal.cancel_reason = record.signed_on, record.cancel_reason[:200]
    deal.probability = PROBABILITY[record.stage]


def _line(line: DealLine, deal: Deal, position: int) -> DealLine:
    line.deal, line.position = deal, position
    return line


def _lead_activity(record: LeadRecord, by: Any) -> Activity:
    lead = record.lead
    return Activity(
        kind=ActivityKind.LEAD_CREATED,
        subject=(_("Lead created: %(title)s") % {"title": lead.title})[:300],
        body=record.history,
        lead=lead,
        customer_id=lead.customer_id,
        occurred_at=lead.created_at,
        created_at=lead.created_at,
        created_by_id=_id_of(by),
    )


def _deal_activity(record: DealRecord, by: Any) -> Activity:
    deal = record.deal
    moment = record.closed_at or deal.created_at
    subject = _("Deal brought along: %(stage)s, %(status)s") % {
        "stage": deal.get_stage_display(),
        "status": deal.get_status_display(),
    }
    return Activity(
        kind=ActivityKind.DEAL_STATUS,
        subject=subject[:300],
        body=record.history,
        deal=deal,
        customer_id=deal.customer_id,
        occurred_at=moment,
        created_at=moment,
        created_by_id=_id_of(by),
    )


def _id_of(user: Any) -> Any:
    return getattr(user, "pk", None)

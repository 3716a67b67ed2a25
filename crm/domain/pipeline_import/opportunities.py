"""Opportunities become deals, and those without an account leads.

======================  ==========================================  ==================================
stage in the file       with an account: deal (stage, status)       without: lead
======================  ==========================================  ==================================
Prospecting             discovery, draft                            new
Engaging                proposal, draft                             contacted
Won                     closed won, signed on the close date        negotiation (reported: convert it)
Lost                    closed lost, cancelled                      lost
======================  ==========================================  ==================================

A won deal is signed and not completed: the files know that it was sold, not that it was delivered. Completing it
here makes its invoice draft, as for any other deal.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import User
from crm.domain.bulk import DealRecord, LeadRecord, add_deals, add_leads
from crm.domain.pipeline_import.known import compare
from crm.domain.pipeline_import.report import ImportReport
from crm.domain.pipeline_import.wish import ImportWish, moment_of, reference
from crm.engine.findings import Finding
from crm.engine.pipeline_files import Opportunity, Pipeline, Stage
from crm.enums import DealStage, DealStatus, LeadSource, LeadStatus
from crm.models import Customer, Deal, DealLine, Lead, Product

DEALS = {
    Stage.PROSPECTING: (DealStage.DISCOVERY, DealStatus.DRAFT),
    Stage.ENGAGING: (DealStage.PROPOSAL, DealStatus.DRAFT),
    Stage.WON: (DealStage.CLOSED_WON, DealStatus.SIGNED),
    Stage.LOST: (DealStage.CLOSED_LOST, DealStatus.CANCELLED),
}
LEADS = {
    Stage.PROSPECTING: LeadStatus.NEW,
    Stage.ENGAGING: LeadStatus.CONTACTED,
    Stage.WON: LeadStatus.NEGOTIATION,
    Stage.LOST: LeadStatus.LOST,
}


@dataclass(frozen=True)
class People:
    """Whom and what the opportunities speak of, by their names in the files."""

    users: dict[str, User]
    products: dict[str, Product]
    customers: dict[str, Customer]


def store_opportunities(pipeline: Pipeline, people: People, wish: ImportWish, report: ImportReport, by: Any) -> None:
    """Write what is new, in the order of time; leave alone what is here."""
    refs = {reference("opportunity", one.ref): one for one in pipeline.opportunities}
    deals = {one.source_ref: one for one in Deal.objects.filter(source_ref__in=refs)}
    leads = {one.source_ref: one for one in Lead.objects.filter(source_ref__in=refs)}
    maker = _Maker(people, wish)
    kept: list[Finding] = []
    new_deals: list[DealRecord] = []
    new_leads: list[LeadRecord] = []
    file = report.files["sales_pipeline"].file
    for ref, row in sorted(refs.items(), key=lambda item: (maker.begun_at(item[1]), item[1].line)):
        ours: Deal | Lead | None = deals.get(ref) or leads.get(ref)
        if ours is not None:
            kept += maker.differences(row, ours, file)
        elif row.account:
            new_deals.append(maker.deal(row, ref))
        else:
            new_leads.append(maker.lead(row, ref))
    add_deals(new_deals, by=by)
    add_leads(new_leads, by=by)
    created = len(new_deals) + len(new_leads)
    report.outcome("sales_pipeline", created=created, unchanged=len(refs) - created - len(kept), kept=kept)
    report.made["deals"], report.made["leads"] = len(new_deals), len(new_leads)


class _Maker:
    """Makes our rows of their records."""

    def __init__(self, people: People, wish: ImportWish) -> None:
        self.people = people
        self.wish = wish

    def begun_at(self, row: Opportunity) -> datetime:
        """When the opportunity came up, as far as the file knows."""
        day = row.engaged_on or (None if row.is_open else row.closed_on)
        return moment_of(day, at=self.wish.at) if day else self.wish.at

    def title(self, row: Opportunity) -> str:
        """The product, and the file's own mark."""
        return f"{self.people.products[row.product].name} ({row.ref})"[:200]

    def deal(self, row: Opportunity, ref: str) -> DealRecord:
        """An opportunity of a known company."""
        stage, status = DEALS[row.stage]
        product = self.people.products[row.product]
        deal = Deal(
            customer=self.people.customers[row.account],
            title=self.title(row),
            value=row.value,
            currency=self.wish.currency,
            owner=self.people.users[row.agent],
            expected_close_on=row.closed_on if row.is_open else None,
            source_ref=ref,
            is_sample=self.wish.is_sample,
            created_at=self.begun_at(row),
        )
        line = DealLine(
            product=product, description=product.name, quantity=1, unit_code=product.unit_code, unit_price=row.value
        )
        return DealRecord(
            deal=deal,
            lines=[line],
            stage=stage,
            status=status,
            closed_at=None if row.is_open else self._closed_at(row),
            signed_on=row.closed_on if row.stage == Stage.WON else None,
            cancel_reason="Lost before the import" if row.stage == Stage.LOST else "",
            history=_history(row),
        )

    def lead(self, row: Opportunity, ref: str) -> LeadRecord:
        """An opportunity whose company is not known yet."""
        lead = Lead(
            title=self.title(row),
            source=LeadSource.IMPORT,
            value=row.value,
            currency=self.wish.currency,
            owner=self.people.users[row.agent],
            source_ref=ref,
            is_sample=self.wish.is_sample,
            created_at=self.begun_at(row),
        )
        lost = row.stage == Stage.LOST
        return LeadRecord(lead, LEADS[row.stage], "Lost before the import" if lost else "", _history(row))

    def _closed_at(self, row: Opportunity) -> datetime:
        return moment_of(row.closed_on, at=self.wish.at) if row.closed_on else self.begun_at(row)

    def differences(self, row: Opportunity, ours: Deal | Lead, file: str) -> list[Finding]:
        """What somebody changed since, here or in the file."""
        here: dict[str, Any] = {"title": ours.title, "value": ours.value, "sold by": ours.owner_id}
        there: dict[str, Any] = {
            "title": self.title(row),
            "value": row.value,
            "sold by": self.people.users[row.agent].pk,
        }
        if isinstance(ours, Deal):
            here |= {"kind": "deal", "stage": ours.stage, "closed": ours.actual_close_on, "customer": ours.customer_id}
        else:
            here |= {"kind": "lead", "status": ours.status}
        if row.account:
            customer = self.people.customers[row.account]
            signed_on = row.closed_on if row.stage == Stage.WON else None
            there |= {"kind": "deal", "stage": DEALS[row.stage][0].value}
            there |= {"closed": signed_on, "customer": customer.pk}
        else:
            there |= {"kind": "lead", "status": LEADS[row.stage].value}
        if here["kind"] != there["kind"]:
            here, there = {"kind": here["kind"]}, {"kind": there["kind"]}
        return compare(file=file, line=row.line, column="opportunity_id", key=row.ref, ours=here, theirs=there)


def _history(row: Opportunity) -> str:
    """What the file says, in words, on the activity of the record."""
    facts = [f"Opportunity {row.ref}: {row.stage}"]
    if row.engaged_on:
        facts.append(f"engaged on {row.engaged_on}")
    if row.closed_on:
        facts.append(f"{'expected to close' if row.is_open else 'closed'} on {row.closed_on}")
    return ", ".join([*facts, f"sold by {row.agent}"])

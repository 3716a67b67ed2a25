"""The generated company, written down: customers, leads and deals in bulk, the rest through the usual moves."""

from crm.domain.bulk import DealRecord, LeadRecord, add_customers, add_deals, add_leads
from crm.domain.customers import change_status
from crm.domain.leads import convert_lead
from crm.enums import CustomerStatus, DealStage, DealStatus, LeadStatus
from crm.models import Customer, Deal, DealLine, Lead
from hashinsight.demo.billing import Ledger, Sale, Say
from hashinsight.demo.books import keep_books
from hashinsight.demo.calendar import Clock, midday
from hashinsight.demo.frame import Frame, build_frame
from hashinsight.demo.money_teller import MoneyTeller
from hashinsight.demo.offers import OFFERS
from hashinsight.demo.people import Staff
from hashinsight.demo.plan import make_plan
from hashinsight.demo.shapes import Plan, PlannedCustomer, PlannedDeal, PlannedLead, Size


def build_plain(staff: Staff, *, seed: int, clock: Clock, size: Size, say: Say) -> tuple[Customer, Customer]:
    """Store the company of ``seed``; returns two customers with invoices, whose people get an access."""
    plan = make_plan(seed=seed, today=clock.today, size=size)
    frame = build_frame(with_offers=True)
    customers = _store_customers(plan, frame, staff)
    say(f"{len(customers)} customers")
    _store_leads(plan, customers, staff, clock)
    say(f"{len(plan.leads)} leads")
    sales = _store_deals(plan, customers, frame, staff, clock)
    say(f"{len(plan.deals)} deals")
    ledger = Ledger(staff, clock, say)
    ledger.play(sales)
    say(f"{ledger.issued} invoices issued")
    MoneyTeller(staff, clock, seed=seed).tell()
    keep_books(staff, clock)
    say("Deposits, refunds, disputes and reminders told; the oldest months closed")
    return _two_busy(plan, customers)


def _store_customers(plan: Plan, frame: Frame, staff: Staff) -> list[Customer]:
    rows = [_customer(one, frame) for one in plan.customers]
    add_customers(rows, by=staff.sales)
    children = []
    for row, one in zip(rows, plan.customers, strict=True):
        if one.parent is not None:
            row.parent = rows[one.parent]
            children.append(row)
        if not one.active:
            change_status(row, to=CustomerStatus.INACTIVE, by=staff.sales, reason="Moved away")
    Customer.objects.bulk_update(children, ["parent"])
    return rows


def _customer(one: PlannedCustomer, frame: Frame) -> Customer:
    return Customer(
        code=one.code,
        company_name=one.company,
        contact_name=one.contact,
        email=one.email,
        phone=one.phone,
        vat_id=one.vat_id,
        sector=one.kind,
        mining_capacity_mw=f"{one.power_kw / 1000:.3f}",
        street=one.street,
        postal_code=one.postal_code,
        city=one.city,
        region=one.region,
        country=one.country.code,
        legal_entity=frame.entities[one.country.entity],
        tax_code=frame.taxes[one.country.tax],
        payment_terms_days=one.terms_days,
        currency=one.country.currency,
        time_zone=one.time_zone,
        language=one.country.language,
        created_at=midday(one.since),
        is_sample=True,
    )


def _store_leads(plan: Plan, customers: list[Customer], staff: Staff, clock: Clock) -> None:
    rows = [_lead(one, customers, staff, clock) for one in plan.leads]
    add_leads(
        [LeadRecord(row, LeadStatus(one.status), one.lost_reason) for row, one in zip(rows, plan.leads, strict=True)],
        by=staff.sales,
    )
    for row, one in zip(rows, plan.leads, strict=True):
        if one.converts:
            convert_lead(row, by=staff.sales, at=row.created_at)


def _lead(one: PlannedLead, customers: list[Customer], staff: Staff, clock: Clock) -> Lead:
    return Lead(
        title=one.title,
        name=one.name,
        company=one.company,
        email=one.email,
        phone=one.phone,
        customer=customers[one.customer] if one.customer is not None else None,
        source=one.source,
        score=one.score,
        value=one.value,
        currency=one.currency,
        time_zone=one.time_zone,
        owner=staff.sales,
        created_at=clock.moment(one.created_on),
        is_sample=True,
    )


def _store_deals(plan: Plan, customers: list[Customer], frame: Frame, staff: Staff, clock: Clock) -> list[Sale]:
    records = [_deal(one, customers[one.customer], frame, staff, clock) for one in plan.deals]
    add_deals(records, by=staff.sales)
    return [
        Sale(
            deal=record.deal,
            completed_on=one.completed_on,
            service=one.service,
            issue_after=one.issue_after,
            payments=tuple((payment.percent, payment.after_days) for payment in one.payments),
            credit=one.credit,
        )
        for record, one in zip(records, plan.deals, strict=True)
        if one.completed_on is not None
    ]


def _deal(one: PlannedDeal, customer: Customer, frame: Frame, staff: Staff, clock: Clock) -> DealRecord:
    lines = [
        DealLine(
            product=frame.products[line.offer],
            description=OFFERS[line.offer].text(customer.language),
            quantity=line.quantity,
            unit_code=OFFERS[line.offer].unit,
            unit_price=line.price,
        )
        for line in one.lines
    ]
    deal = Deal(
        customer=customer,
        title=one.title,
        value=one.value(),
        currency=one.currency,
        owner=staff.sales,
        expected_close_on=one.expected_on,
        created_at=clock.moment(one.created_on),
        is_sample=True,
    )
    closed = one.closed_on if one.stage.startswith("closed") else None
    return DealRecord(
        deal=deal,
        lines=lines,
        stage=DealStage(one.stage),
        status=DealStatus(one.status),
        closed_at=clock.moment(closed) if closed else None,
        signed_on=closed if one.status == "signed" else None,
        cancel_reason=one.reason,
    )


def _two_busy(plan: Plan, customers: list[Customer]) -> tuple[Customer, Customer]:
    """The two customers with most sales."""
    sales: dict[int, int] = {}
    for deal in plan.deals:
        if deal.completed_on is not None:
            sales[deal.customer] = sales.get(deal.customer, 0) + 1
    first, second = sorted(sales, key=lambda index: (-sales[index], index))[:2]
    return customers[first], customers[second]

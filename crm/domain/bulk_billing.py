"""Sales that were billed in the past, taken over many at a time: drafts, numbers and money in few statements.

Each function does for many what ``deals.complete_deal``, ``issuing.issue_invoice`` and ``payments.record_payment``
do for one, with the same checks, arithmetic and numbers, and leaves the same activities and events. Nothing is
e-mailed: the customers had these documents long ago. One record that is refused refuses all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from crm.domain import einvoices, issuing, numbering, payments, periods, surpluses
from crm.domain.bulk import BATCH, RecordRefused
from crm.domain.invoicing import (
    INVOICE_RESULTS,
    lines_of,
    new_draft,
    reckon,
    results_of,
    store_results,
    told_of,
    totals_of,
)
from crm.domain.ledger import vouchers
from crm.domain.ledger.posting import post_many
from crm.domain.queries import local_date
from crm.domain.taxes import LineTax
from crm.enums import OPEN_STATUSES, ActivityKind, DealStatus, InvoiceKind, InvoiceStatus
from crm.models import Activity, CustomerCredit, Deal, Invoice, InvoiceDocument, InvoiceLine, Payment
from hashinsight.events.domain.bulk import Fact, publish_many
from hashinsight.jobs.enums import WorkQueue
from hashinsight.jobs.models import DueWork

# Fewer rows than elsewhere: these statements name every changed column of every row.
UPDATE_BATCH = 200
ISSUED = ["number", "issued_on", "due_on", "seller", "buyer", "status", *INVOICE_RESULTS]


@dataclass(frozen=True, slots=True)
class Completion:
    """A signed deal and when it was completed."""

    deal: Deal
    at: datetime


@dataclass(frozen=True, slots=True)
class Issue:
    """A draft, the day printed on it, and the moment of issuing."""

    invoice: Invoice
    on: date
    at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money for an issued invoice, in its currency."""

    invoice: Invoice
    amount: Decimal
    received_on: date
    at: datetime
    method: str
    reference: str


@transaction.atomic
def complete_deals(records: Sequence[Completion], *, by: Any) -> list[Invoice]:
    """Complete signed deals and make their drafts, in the order given. Raises RecordRefused and InvoiceRefused."""
    moments = {record.deal.pk: record.at for record in records}
    sold = _lock_signed(list(moments))
    subjects = {deal.pk: deal.get_status_display() for deal in sold}
    for deal in sold:
        deal.status, deal.completed_at = DealStatus.COMPLETED, moments[deal.pk]
    Deal.objects.bulk_update(sold, ["status", "completed_at"], batch_size=UPDATE_BATCH)
    _note(
        (
            Activity(
                kind=ActivityKind.DEAL_STATUS,
                subject=_("Deal moved from %(before)s to %(after)s")
                % {"before": subjects[deal.pk], "after": deal.get_status_display()},
                customer=deal.customer,
                deal=deal,
                occurred_at=moments[deal.pk],
            )
            for deal in sold
        ),
        by,
    )
    facts = [
        Fact(
            one.public_id,
            {"deal_id": str(one.public_id), "status": str(one.status), "stage": str(one.stage)},
            one.customer_id,
        )
        for one in sold
    ]
    publish_many("deal.moved", facts, aggregate_type="deal", user_id=_id_of(by))
    return _store_drafts(sold, moments, by)


def _lock_signed(keys: list[int]) -> list[Deal]:
    """The deals in this order, with all their drafts need. Raises RecordRefused."""
    locked = Deal.objects.select_for_update(of=("self",)).select_related("customer__tax_code", "customer__legal_entity")
    rows = locked.select_related("legal_entity").in_bulk(keys)
    sold = [rows[pk] for pk in keys]
    billed = set(
        Invoice.objects.filter(deal__in=keys, kind=InvoiceKind.DEAL)
        .exclude(status=InvoiceStatus.CANCELLED)
        .values_list("deal_id", flat=True)
    )
    for deal in sold:
        if deal.status != DealStatus.SIGNED or deal.pk in billed:
            raise RecordRefused(_("%(deal)s is not signed, or billed already.") % {"deal": deal})
    prefetch_related_objects(sold, "lines__product__tax_code")
    return sold


def _store_drafts(sold: Sequence[Deal], moments: dict[Any, datetime], by: Any) -> list[Invoice]:
    cache: dict[tuple[int, date], LineTax] = {}
    drafts: list[Invoice] = []
    lines: list[InvoiceLine] = []
    for deal in sold:
        at = moments[deal.pk]
        draft = new_draft(deal, at=at)
        mine = lines_of(deal, draft)
        reckon(draft, mine, on=local_date(at, draft.legal_entity.time_zone), cache=cache)
        drafts.append(draft)
        lines += mine
    Invoice.objects.bulk_create(drafts, batch_size=BATCH)
    InvoiceLine.objects.bulk_create(lines, batch_size=BATCH)
    _publish("invoice.drafted", drafts, by)
    return drafts


@transaction.atomic
def issue_invoices(records: Sequence[Issue], *, by: Any) -> list[Invoice]:
    """Number, date and freeze drafts in the order of their days; the bulk queue makes their documents.

    Raises RecordRefused, InvoiceRefused, NoTaxRate, PeriodClosed.
    """
    wanted = {record.invoice.pk: record for record in sorted(records, key=lambda one: (one.on, one.at))}
    related = ("customer__tax_code", "legal_entity__logo", "deal")
    found = Invoice.objects.select_for_update(of=("self",)).select_related(*related).in_bulk(list(wanted))
    drafts = [found[pk] for pk in wanted]
    lines: dict[int, list[InvoiceLine]] = {pk: [] for pk in wanted}
    rows = InvoiceLine.objects.filter(invoice__in=drafts).select_related("product__tax_code", "tax_code")
    for line in rows.order_by("invoice_id", "position", "id"):
        lines[line.invoice_id].append(line)
    cache: dict[tuple[int, date], LineTax] = {}
    changed: list[InvoiceLine] = []
    closed = periods.closed_months()
    for draft in drafts:
        if (draft.legal_entity_id, periods.first_of(wanted[draft.pk].on)) in closed:
            periods.check_open(draft.legal_entity, wanted[draft.pk].on)
        before = [results_of(line) for line in lines[draft.pk]]
        _issue(draft, lines[draft.pk], on=wanted[draft.pk].on, cache=cache)
        changed += [line for line, old in zip(lines[draft.pk], before, strict=True) if results_of(line) != old]
    store_results(changed)
    Invoice.objects.bulk_update(drafts, ISSUED, batch_size=UPDATE_BATCH)
    _store_einvoices(drafts, lines, {pk: record.at for pk, record in wanted.items()})
    post_many(
        [
            vouchers.of_invoice(one, totals_of(lines[one.pk], one.currency), by=by, at=wanted[one.pk].at)
            for one in drafts
        ]
    )
    subject = _("Invoice issued: %(number)s")
    _note((_activity(ActivityKind.INVOICE_ISSUED, subject, one, wanted[one.pk].at) for one in drafts), by)
    _publish("invoice.issued", drafts, by)
    _require_documents(drafts, {pk: record.at for pk, record in wanted.items()})
    return drafts


def _issue(draft: Invoice, lines: list[InvoiceLine], *, on: date, cache: dict[tuple[int, date], LineTax]) -> None:
    if not draft.is_draft or draft.is_credit_note:
        raise RecordRefused(_("%(invoice)s is no draft of an invoice.") % {"invoice": draft})
    reckon(draft, lines, on=on, cache=cache)
    issuing.check_complete(draft, lines)
    if draft.gross_total == 0:
        raise RecordRefused(_("%(invoice)s bills nothing: issue it by itself.") % {"invoice": draft})
    draft.number = numbering.take(legal_entity=draft.legal_entity, kind=draft.kind, customer=draft.customer, on=on)
    draft.issued_on, draft.due_on = on, on + timedelta(days=draft.payment_terms_days)
    draft.seller = issuing.seller_snapshot(draft.legal_entity)
    draft.buyer = issuing.buyer_snapshot(draft.customer)
    draft.buyer["invoice_format"] = einvoices.form_of(draft, lines).value
    draft.status = InvoiceStatus.SENT


def _store_einvoices(
    drafts: Sequence[Invoice], lines: dict[int, list[InvoiceLine]], moments: dict[Any, datetime]
) -> None:
    """By our own rules only: the official ones would take longer than all the rest, and the sales are long past."""
    made = (einvoices.made_for(one, lines[one.pk], at=moments[one.pk], officially=False) for one in drafts)
    InvoiceDocument.objects.bulk_create([one for one in made if one is not None], batch_size=UPDATE_BATCH)


def _require_documents(drafts: Sequence[Invoice], moments: dict[Any, datetime]) -> None:
    DueWork.objects.bulk_create(
        [
            DueWork(
                kind=issuing.PDF_WORK,
                key=str(one.pk),
                payload={"invoice_id": one.pk},
                queue=WorkQueue.BULK,
                not_before=moments[one.pk],
                created_at=moments[one.pk],
            )
            for one in drafts
        ],
        batch_size=BATCH,
    )


@transaction.atomic
def record_payments(records: Sequence[Receipt], *, on: date, by: Any) -> list[Payment]:
    """Book money in the order it came; what is settled becomes paid. ``on`` is today. Raises PaymentRefused."""
    ordered = sorted(records, key=lambda one: (one.received_on, one.at))
    keys = sorted({record.invoice.pk for record in ordered})
    list(Invoice.objects.select_for_update().filter(pk__in=keys).order_by("pk").values_list("pk"))
    found: Any = Invoice.objects.with_balance().select_related("customer", "deal", "legal_entity").in_bulk(keys)
    paid: dict[int, Receipt] = {}
    stored = []
    beyond: list[CustomerCredit | None] = []
    closed = periods.closed_months()
    for record in ordered:
        invoice = found[record.invoice.pk]
        payments.check_payment(invoice, record.amount, invoice.currency, record.received_on, on)
        payment = _payment(record, invoice, by)
        payment.booked_on = record.received_on
        if (invoice.legal_entity_id, periods.first_of(record.received_on)) in closed:
            entity = invoice.legal_entity
            payment.booked_on = periods.booking_day(entity, received_on=record.received_on, on=on)
        stored.append(payment)
        surplus = surpluses.beyond(record.amount, invoice.outstanding)
        payments.check_surplus(invoice, surplus)
        beyond.append(surpluses.of_payment(payment, surplus, at=record.at) if surplus else None)
        invoice.outstanding -= record.amount - surplus
        if invoice.outstanding <= 0 and invoice.status in OPEN_STATUSES:
            invoice.status, invoice.paid_on = InvoiceStatus.PAID, record.received_on
            paid[invoice.pk] = record
    Payment.objects.bulk_create(stored, batch_size=BATCH)
    CustomerCredit.objects.bulk_create([one for one in beyond if one], batch_size=BATCH)
    post_many(
        [
            vouchers.of_payment(payment, surplus=surplus, at=payment.created_at)
            for payment, surplus in zip(stored, beyond, strict=True)
        ]
    )
    settled = [found[pk] for pk in paid]
    Invoice.objects.bulk_update(settled, ["status", "paid_on"], batch_size=UPDATE_BATCH)
    _tell_of_money(stored, by)
    subject = _("Invoice paid: %(number)s")
    _note((_activity(ActivityKind.INVOICE_PAID, subject, one, paid[one.pk].at) for one in settled), by)
    _publish("invoice.paid", settled, by)
    return stored


def _payment(record: Receipt, invoice: Invoice, by: Any) -> Payment:
    return Payment(
        customer=invoice.customer,
        invoice=invoice,
        amount=record.amount,
        currency=invoice.currency,
        received_on=record.received_on,
        method=record.method,
        reference=record.reference,
        created_by=by,
        created_at=record.at,
        is_sample=invoice.is_sample,
    )


def _tell_of_money(stored: Sequence[Payment], by: Any) -> None:
    activities = []
    for payment in stored:
        activity = _activity(ActivityKind.PAYMENT_RECORDED, "", payment.invoice, payment.created_at)
        activity.subject = payments.subject_of(payment)
        activities.append(activity)
    _note(activities, by)
    facts = [Fact(one.invoice.public_id, payments.told_of(one), one.customer_id) for one in stored]
    publish_many("payment.recorded", facts, aggregate_type="invoice", user_id=_id_of(by))


def _activity(kind: ActivityKind, subject: str, invoice: Invoice, at: datetime) -> Activity:
    return Activity(
        kind=kind,
        subject=subject % {"number": invoice.number} if subject else "",
        customer=invoice.customer,
        deal=invoice.deal,
        invoice=invoice,
        client_visible=True,
        occurred_at=at,
    )


def _note(activities: Iterable[Activity], by: Any) -> None:
    rows = list(activities)
    for row in rows:
        row.subject, row.created_by_id, row.created_at = row.subject[:300], _id_of(by), row.occurred_at
    Activity.objects.bulk_create(rows, batch_size=BATCH)


def _publish(kind: str, invoices: Sequence[Invoice], by: Any) -> None:
    facts = [Fact(one.public_id, told_of(one), one.customer_id) for one in invoices]
    publish_many(kind, facts, aggregate_type="invoice", user_id=_id_of(by))


def _id_of(user: Any) -> Any:
    return getattr(user, "pk", None)

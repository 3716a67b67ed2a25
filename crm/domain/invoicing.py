"""Invoices while they are drafts: making, totalling, withdrawing. Issuing is in ``issuing.py``."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm.domain import crediting
from crm.domain.queries import default_legal_entity, local_date
from crm.domain.taxes import LineTax, tax_of_line
from crm.domain.texts import printable
from crm.engine.amounts import Totals, line_net, round_half_up, summarise
from crm.enums import INVOICE_MOVES, CustomerStatus, DealStatus, InvoiceKind, InvoiceStatus
from crm.models import Customer, Deal, DealLine, Invoice, InvoiceLine, LegalEntity
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.ids import new_public_id
from hashinsight.common.money import exponent
from hashinsight.common.transitions import lock_for_move
from hashinsight.events.domain import publish

# Amounts have 16 digits before the point in the database; beyond it a refusal is clearer than an overflow.
LARGEST_AMOUNT = Decimal(10) ** 16
# A deal before its signature has no agreed value yet; a cancelled one has none any more.
BILLABLE = (DealStatus.SIGNED, DealStatus.COMPLETED)
# What ``reckon`` sets.
LINE_RESULTS = ["position", "tax_category", "tax_rate", "exemption_reason", "exemption_code", "net_amount"]
_STORE = """
UPDATE crm_invoiceline line
   SET position = told.position, tax_category = told.tax_category, tax_rate = told.tax_rate,
       exemption_reason = told.exemption_reason, exemption_code = told.exemption_code, net_amount = told.net_amount
  FROM unnest(%s::bigint[], %s::integer[], %s::text[], %s::numeric[], %s::text[], %s::text[], %s::numeric[])
       AS told (id, position, tax_category, tax_rate, exemption_reason, exemption_code, net_amount)
 WHERE line.id = told.id
"""
INVOICE_RESULTS = ["net_total", "tax_total", "gross_total"]


class InvoiceRefused(DomainError):
    """The invoice cannot be made, changed or issued like this; the message says what is missing."""

    code = "invoice_refused"


@transaction.atomic
def draft_from_deal(deal: Deal, *, by: Any, at: datetime) -> Invoice:
    """The invoice draft of a signed deal; idempotent: the deal's invoice that exists already is returned.

    Raises InvoiceRefused when the deal is not signed (its value may still change), the customer is inactive or no
    legal entity is set up.
    """
    rows = Deal.objects.select_for_update(of=("self",)).select_related("customer", "legal_entity")
    locked = rows.get(pk=deal.pk)
    if locked.status not in BILLABLE:
        raise InvoiceRefused(
            _("%(deal)s is %(status)s; only a signed deal is billed.")
            % {"deal": locked, "status": locked.get_status_display()}
        )
    known: Invoice | None = (
        locked.invoices.filter(kind=InvoiceKind.DEAL).exclude(status=InvoiceStatus.CANCELLED).first()
    )
    if known is not None:
        return known
    invoice = new_draft(locked, at=at)
    invoice.save()
    InvoiceLine.objects.bulk_create(lines_of(locked, invoice))
    invoice = recalculate(invoice, on=local_date(at, invoice.legal_entity.time_zone))
    publish_invoice(invoice, "invoice.drafted", by)
    return invoice


def new_draft(deal: Deal, *, at: datetime) -> Invoice:
    """The invoice of a deal, not stored yet and without lines. Raises InvoiceRefused."""
    customer = deal.customer
    if customer.status != CustomerStatus.ACTIVE:
        raise InvoiceRefused(_("%(customer)s is inactive.") % {"customer": customer})
    entity = deal.legal_entity or customer.legal_entity or default_legal_entity()
    if entity is None:
        raise InvoiceRefused(_("Set up a legal entity first: somebody has to issue the invoice."))
    return Invoice(
        customer=customer,
        deal=deal,
        legal_entity=entity,
        kind=InvoiceKind.DEAL,
        reference=new_reference(),
        currency=deal.currency,
        language=customer.language,
        payment_terms_days=terms_of(customer, entity),
        buyer_reference=customer.buyer_reference,
        created_at=at,
        is_sample=deal.is_sample,
    )


def lines_of(deal: Deal, invoice: Invoice) -> list[InvoiceLine]:
    """What the deal sells as lines of its invoice, not stored yet."""
    sold = list(deal.lines.all())
    if not sold:
        return [InvoiceLine(invoice=invoice, position=1, description=deal.title, quantity=1, unit_price=deal.value)]
    return [
        InvoiceLine(
            invoice=invoice,
            position=position,
            product=line.product,
            description=line.description,
            quantity=line.quantity,
            unit_code=line.unit_code,
            unit_price=line.unit_price,
        )
        for position, line in enumerate(sold, start=1)
    ]


def new_reference() -> str:
    """Random reference of a draft; says nothing about other drafts."""
    return f"D-{new_public_id().hex[-10:].upper()}"


def terms_of(customer: Customer, entity: LegalEntity) -> int:
    """Days between issue and due date: the customer's own, else the legal entity's."""
    own = customer.payment_terms_days
    return entity.payment_terms_days if own is None else own


def payment_terms_text(invoice: Invoice) -> str:
    """When to pay, in the language that is active; a credit note asks for nothing."""
    if invoice.is_credit_note:
        return ""
    if invoice.payment_terms_days == 0:
        return _("Payable on receipt.")
    return _("Payable within %(days)s days of the invoice date.") % {"days": invoice.payment_terms_days}


def net_of(line: DealLine | InvoiceLine, currency: str) -> Decimal:
    """Net amount of a line in the currency's minor unit."""
    return line_net(line.quantity, line.unit_price, exponent(currency))


@transaction.atomic
def set_lines(invoice: Invoice, *, lines: Sequence[InvoiceLine], on: date) -> Invoice:
    """Replace the lines of a draft and its totals. Raises InvoiceRefused for anything issued."""
    locked = lock_draft(invoice)
    locked.lines.all().delete()
    for position, line in enumerate(lines, start=1):
        line.invoice, line.position = locked, position
        line.full_clean(exclude=["invoice"])
    InvoiceLine.objects.bulk_create(lines)
    return recalculate(locked, on=on)


def lock_draft(invoice: Invoice) -> Invoice:
    """The draft re-read under lock. Raises InvoiceRefused when it is no draft (any more)."""
    locked: Invoice = Invoice.objects.select_for_update(of=("self",)).get(pk=invoice.pk)
    if not locked.is_draft:
        raise InvoiceRefused(_("%(invoice)s is issued and cannot be changed.") % {"invoice": locked})
    return locked


@transaction.atomic
def recalculate(invoice: Invoice, *, on: date) -> Invoice:
    """Number the lines, look up their tax on the tax point and store nets and totals of a draft.

    The tax point is the end of the service, else ``on``; a credit note keeps the tax of what it corrects.
    Raises InvoiceRefused or NoTaxRate.
    """
    locked = lock_draft(invoice)
    rows = list(locked.lines.select_related("product__tax_code", "tax_code").order_by("position", "id"))
    before, totals = [results_of(line) for line in rows], [getattr(locked, name) for name in INVOICE_RESULTS]
    reckon(locked, rows, on=on, cache={})
    store_results([line for line, old in zip(rows, before, strict=True) if results_of(line) != old])
    if [getattr(locked, name) for name in INVOICE_RESULTS] == totals:  # as nearly always at issue
        for name, value in zip(INVOICE_RESULTS, totals, strict=True):
            setattr(locked, name, value)  # as many digits as the database keeps
        return locked
    locked.save(update_fields=INVOICE_RESULTS)
    return locked.reload()


def results_of(line: InvoiceLine) -> list[Any]:
    """What ``reckon`` sets on a line, in the order of LINE_RESULTS."""
    return [getattr(line, name) for name in LINE_RESULTS]


def store_results(lines: Sequence[InvoiceLine]) -> None:
    """Write what ``reckon`` set, in one statement (``bulk_update`` writes a case per line and field)."""
    if not lines:
        return
    kinds = (int, str, Decimal, str, str, Decimal)
    columns = zip(*(results_of(line) for line in lines), strict=True)
    typed = [[kind(value) for value in column] for kind, column in zip(kinds, columns, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [[line.pk for line in lines], *typed])


def reckon(invoice: Invoice, rows: Sequence[InvoiceLine], *, on: date, cache: dict[tuple[int, date], LineTax]) -> None:
    """Set position, tax and net of the lines and the totals of their draft; nothing is stored.

    Raises InvoiceRefused or NoTaxRate.
    """
    for position, line in enumerate(rows, start=1):
        line.position = position
        if not invoice.is_credit_note:
            day = line.service_to or invoice.service_to or on
            tax = tax_of_line(line, customer=invoice.customer, on=day, cache=cache)
            line.tax_category, line.tax_rate = tax.category, tax.rate
            line.exemption_reason, line.exemption_code = tax.reason, tax.code
        line.net_amount = net_of(line, invoice.currency)
    totals = totals_of(rows, invoice.currency)
    if invoice.corrects is not None:
        nets, totals = crediting.amounts_of(invoice.corrects, rows, note=invoice)
        for line, net in zip(rows, nets, strict=True):
            line.net_amount = net
    amounts = [*(line.net_amount for line in rows), totals.net, totals.tax, totals.gross]
    if any(abs(amount) >= LARGEST_AMOUNT for amount in amounts):
        raise InvoiceRefused(_("The lines of %(invoice)s come to more than can be billed.") % {"invoice": invoice})
    invoice.net_total, invoice.tax_total, invoice.gross_total = totals.net, totals.tax, totals.gross


def totals_of(lines: Sequence[InvoiceLine], currency: str) -> Totals:
    """Totals and tax groups of lines whose tax is known; the same for a draft and for the issued document."""
    return summarise([crediting.input_of(line) for line in lines], currency_exponent=exponent(currency))


def document_totals(invoice: Invoice, lines: Sequence[InvoiceLine]) -> Totals:
    """The totals an invoice or credit note shows, from its stored lines (and, of a note, those of its invoice)."""
    if invoice.corrects is None:
        return totals_of(lines, invoice.currency)
    return crediting.amounts_of(invoice.corrects, lines, note=invoice)[1]


@transaction.atomic
def cancel_draft(invoice: Invoice, *, by: Any, reason: str) -> Invoice:
    """Withdraw a draft; it keeps its reference and never gets a number."""
    locked = lock_for_move(invoice, field="status", to=InvoiceStatus.CANCELLED, moves=INVOICE_MOVES)
    if locked.is_issued:
        raise InvoiceRefused(_("%(invoice)s is issued: correct it by a credit note.") % {"invoice": locked})
    with audit_context(reason=printable(reason)):
        locked.status = InvoiceStatus.CANCELLED
        locked.cancel_reason = reason[:300]
        locked.save(update_fields=["status", "cancel_reason"])
    publish_invoice(locked, "invoice.cancelled", by)
    return locked.reload()


def publish_invoice(invoice: Invoice, kind: str, by: Any) -> None:
    """One event about an invoice."""
    publish(
        kind,
        aggregate_type="invoice",
        aggregate_id=invoice.public_id,
        customer_id=invoice.customer_id,
        user_id=getattr(by, "pk", None),
        payload=told_of(invoice),
    )


def told_of(invoice: Invoice) -> dict[str, Any]:
    """What an event says of an invoice; the total has the digits of its currency."""
    return {
        "invoice_id": str(invoice.public_id),
        "number": invoice.number,
        "status": str(invoice.status),
        "gross_total": format(round_half_up(invoice.gross_total, exponent(invoice.currency)), "f"),
        "currency": invoice.currency,
    }

"""Issuing: the moment a draft becomes a numbered, frozen document; and its counter-document, the credit note."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.domain import crediting, deliveries, einvoices, numbering, periods, second_person, settlement, surpluses
from crm.domain.activities import note_move
from crm.domain.invoicing import (
    InvoiceRefused,
    new_reference,
    publish_invoice,
    recalculate,
)
from crm.domain.ledger import books
from crm.domain.texts import printable
from crm.enums import INVOICE_MOVES, ActivityKind, CustomerStatus, InvoiceKind, InvoiceStatus, LimitedAct
from crm.models import Customer, Invoice, InvoiceLine, LegalEntity
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.common.audit import audit_context
from hashinsight.common.transitions import lock_for_move, lock_row
from hashinsight.jobs.domain.work import require_work
from hashinsight.jobs.enums import WorkQueue

PDF_WORK = "crm.render_invoice_pdf"
QUANTITY_DIGITS = 3


@transaction.atomic
def issue_invoice(invoice: Invoice, *, by: Any, on: date, at: datetime, send: bool = True) -> Invoice:
    """Number and date a draft, copy both parties, freeze it, and have its PDF made after commit.

    Order: the invoice row is locked first, the number series second. ``on`` is the date of issue in the legal
    entity's time zone; ``send`` queues the e-mail to the billing contact where an address is known.
    Raises MoveRefused when it is no draft, InvoiceRefused (with what is missing) or NoTaxRate.
    """
    lock_for_move(invoice, field="status", to=InvoiceStatus.SENT, moves=INVOICE_MOVES)
    draft = recalculate(invoice, on=on)
    lines = list(draft.lines.all())
    check_complete(draft, lines)
    entity, customer = draft.legal_entity, draft.customer
    periods.check_open(entity, on)
    draft.number = numbering.take(legal_entity=entity, kind=draft.kind, customer=customer, on=on)
    draft.issued_on = on
    draft.due_on = on if draft.is_credit_note else on + timedelta(days=draft.payment_terms_days)
    draft.seller, draft.buyer = seller_snapshot(entity), buyer_snapshot(customer)
    draft.buyer["invoice_format"] = einvoices.form_of(draft, lines).value
    draft.status = InvoiceStatus.SENT
    draft.save(update_fields=["number", "issued_on", "due_on", "seller", "buyer", "status"])
    einvoices.attach(draft, lines, at=at)
    credit = draft.is_credit_note
    note_move(
        ActivityKind.CREDIT_NOTE_ISSUED if credit else ActivityKind.INVOICE_ISSUED,
        subject=(_("Credit note issued: %(number)s") if credit else _("Invoice issued: %(number)s"))
        % {"number": draft.number},
        by=by, at=at, customer=customer, deal=draft.deal, invoice=draft, client_visible=True,
    )  # fmt: skip
    publish_invoice(draft, "credit_note.issued" if credit else "invoice.issued", by)
    if send and customer.invoice_email:
        deliveries.queue_delivery(draft, recipient=customer.invoice_email, at=at)
    queue = WorkQueue.BULK if draft.is_sample else WorkQueue.INTERACTIVE
    require_work(PDF_WORK, key=str(draft.pk), payload={"invoice_id": draft.pk}, at=at, queue=queue)
    if not credit:
        books.book_invoice(draft, lines, by=by, at=at)
        if draft.gross_total <= 0:  # nothing to pay is paid; on any other nothing can have been booked yet
            settlement.settle(draft, by=by, on=on, at=at)
    return draft.reload()


def check_complete(draft: Invoice, lines: Sequence[InvoiceLine]) -> None:
    """Whether a document can be made of the draft. Raises InvoiceRefused with all that is missing."""
    problems = []
    if not lines:
        problems.append(_("it has no lines"))
    if draft.gross_total < 0:
        problems.append(_("its total is negative"))
    if not draft.legal_entity.address_lines or not draft.legal_entity.country:
        problems.append(_("our legal entity has no address"))
    if draft.customer.status != CustomerStatus.ACTIVE and not draft.is_credit_note:
        problems.append(_("the customer is inactive"))
    if not draft.customer.company_name.strip():
        problems.append(_("the customer has no name"))
    if any(line.tax_category == "AE" for line in lines) and not draft.customer.vat_id:
        problems.append(_("reverse charge needs the customer's VAT id"))
    if problems:
        raise InvoiceRefused(
            _("%(invoice)s cannot be issued: %(problems)s.") % {"invoice": draft, "problems": ", ".join(problems)}
        )


def seller_snapshot(entity: LegalEntity) -> dict[str, Any]:
    """Our side as printed: text only, so that a later change of the entity changes no document."""
    return {
        "name": entity.name,
        "address_lines": entity.address_lines,
        "street": entity.street,
        "postal_code": entity.postal_code,
        "city": entity.city,
        "region": entity.region,
        "country": entity.country,
        "tax_id": entity.tax_id,
        "vat_id": entity.vat_id,
        "registration_number": entity.registration_number,
        "contact_name": entity.contact_name,
        "email": entity.email,
        "phone": entity.phone,
        "website": entity.website,
        "electronic_address": entity.electronic_address,
        "electronic_address_scheme": entity.electronic_address_scheme,
        "bank": {
            "bank": entity.bank_name,
            "iban": entity.iban,
            "bic": entity.bic,
            "account_holder": entity.bank_account_holder or entity.name,
        },
        "footer": entity.footer,
        "logo_sha256": entity.logo.sha256 if entity.logo else "",
    }


def buyer_snapshot(customer: Customer) -> dict[str, Any]:
    """The customer as printed."""
    return {
        "name": customer.company_name,
        "contact_name": customer.contact_name,
        "address_lines": customer.address_lines,
        "street": customer.street,
        "postal_code": customer.postal_code,
        "city": customer.city,
        "region": customer.region,
        "country": customer.country,
        "tax_id": customer.tax_id,
        "vat_id": customer.vat_id,
        "email": customer.invoice_email,
        "phone": customer.phone,
        "customer_number": customer.code,
        "leitweg_id": customer.leitweg_id.upper(),
        "electronic_address": customer.electronic_address,
        "electronic_address_scheme": customer.electronic_address_scheme,
        "invoice_format": customer.invoice_format,
    }


@transaction.atomic
def credit_invoice(
    invoice: Invoice,
    *,
    by: Any,
    on: date,
    at: datetime,
    reason: str,
    quantities: Mapping[int, Decimal] | None = None,
    send: bool = True,
    approval: ApprovalRequest | None = None,
) -> Invoice:
    """Correct an issued invoice by a credit note over all that is left, or over ``quantities`` by line position.

    The note is issued at once, with a number of its own series. A full credit of an unpaid invoice cancels it.
    Raises InvoiceRefused when more would be credited than was billed, on any line or in total; SecondPersonNeeded
    above the limit of our legal entity, unless ``approval`` is for this very note (``credit_requests.py`` asks).
    """
    original = lock_row(invoice)
    if not original.is_issued or original.is_credit_note or original.status == InvoiceStatus.CANCELLED:
        raise InvoiceRefused(_("%(invoice)s cannot be credited.") % {"invoice": original})
    if not printable(reason).strip():
        raise InvoiceRefused(_("State the reason: it is printed on the credit note."))
    lines = _credited_lines(original, quantities)
    balance = Invoice.objects.with_balance().get(pk=original.pk)
    gross = crediting.amounts_of(original, lines)[1].gross
    if balance.credited_total + gross > original.gross_total:
        raise InvoiceRefused(_("More would be credited than %(invoice)s billed.") % {"invoice": original})
    if balance.written_off_total and gross > balance.outstanding:
        raise InvoiceRefused(
            _("%(invoice)s was written off in part; take the write-off back first.") % {"invoice": original}
        )
    second_person.check(
        LimitedAct.CREDIT_NOTE, original, legal_entity=original.legal_entity, amount=gross,
        before=balance.credited_total, currency=original.currency, approval=approval,
    )  # fmt: skip
    note = _credit_note_draft(original, reason=reason, at=at)
    for line in lines:
        line.invoice = note
    InvoiceLine.objects.bulk_create(lines)
    with audit_context(reason=reason):
        note = issue_invoice(note, by=by, on=on, at=at, send=send)
        _book_note(note, original, surpluses.beyond(note.gross_total, balance.outstanding), by=by, at=at)
        settlement.settle(original, by=by, on=on, at=at, reason=reason)
    return note


def _book_note(note: Invoice, original: Invoice, beyond: Decimal, *, by: Any, at: datetime) -> None:
    """The note in the books; what the invoice does not owe any more is the customer's credit."""
    surplus = None
    if beyond:
        surplus = surpluses.of_credit_note(note, original, beyond, by=by, at=at)
        surplus.save()
    books.book_credit_note(note, original=original, surplus=surplus, by=by, at=at)


def _credit_note_draft(original: Invoice, *, reason: str, at: datetime) -> Invoice:
    return Invoice.objects.create(
        customer=original.customer,
        deal=original.deal,
        legal_entity=original.legal_entity,
        corrects=original,
        kind=InvoiceKind.CREDIT_NOTE,
        reference=new_reference(),
        currency=original.currency,
        language=original.language,
        service_from=original.service_from,
        service_to=original.service_to,
        buyer_reference=original.buyer_reference,
        note=reason,
        created_at=at,
        is_sample=original.is_sample,
    )


def _credited_lines(original: Invoice, quantities: Mapping[int, Decimal] | None) -> list[InvoiceLine]:
    if original.is_brought_along:
        text = _("%(invoice)s was issued in another system: there are no lines here to credit. Write it off instead.")
        raise InvoiceRefused(text % {"invoice": original})
    rows = {line.position: line for line in original.lines.all()}
    left = left_to_credit(original, rows)
    wanted = {position: rest for position, rest in left.items() if rest} if quantities is None else quantities
    credited: list[InvoiceLine] = []
    for position, quantity in sorted(wanted.items()):
        line = rows.get(position)
        if line is None or not _may_credit(quantity, left[position]):
            raise InvoiceRefused(_("Line %(position)s cannot be credited by that quantity.") % {"position": position})
        credited.append(
            InvoiceLine(
                position=len(credited) + 1,
                product=line.product,
                description=line.description,
                service_from=line.service_from,
                service_to=line.service_to,
                quantity=quantity,
                unit_code=line.unit_code,
                unit_price=line.unit_price,
                tax_code=line.tax_code,
                tax_category=line.tax_category,
                tax_rate=line.tax_rate,
                exemption_reason=line.exemption_reason,
                exemption_code=line.exemption_code,
                corrects_position=line.position,
            )
        )
    if not credited:
        raise InvoiceRefused(_("Name at least one line to credit."))
    return credited


def left_to_credit(original: Invoice, rows: Mapping[int, InvoiceLine]) -> dict[int, Decimal]:
    """Quantity of each line that no credit note has taken back yet."""
    taken = crediting.taken_before(original)
    return {position: line.quantity - taken.get(position, Decimal(0)) for position, line in rows.items()}


def _may_credit(quantity: Decimal, left: Decimal) -> bool:
    """A finite part of what is left, of the same sign, with no more digits than a quantity has."""
    if not quantity.is_finite() or quantity != round(quantity, QUANTITY_DIGITS):
        return False
    return 0 < abs(quantity) <= abs(left) and (quantity < 0) == (left < 0)

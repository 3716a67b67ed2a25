"""From an invoice's rows to the plain data its document shows; an issued one is read from its frozen copies only."""

from datetime import date
from typing import Any, cast

from django.utils.translation import override

from crm.documents.data import BankDetails, DocumentData, DocumentLine, Language, Party
from crm.documents.logos import Logo as PrintedLogo
from crm.domain.invoicing import document_totals, payment_terms_text
from crm.domain.issuing import buyer_snapshot, seller_snapshot
from crm.engine.amounts import round_half_up
from crm.engine.country_names import country_name
from crm.enums import DocumentFormat, InvoiceFormat
from crm.models import Invoice, InvoiceLine, Logo
from hashinsight.common.money import exponent


def document_data(invoice: Invoice, *, on: date) -> DocumentData:
    """What the document of ``invoice`` shows; ``on`` dates the preview of a draft and is not used otherwise."""
    issued = invoice.is_issued
    seller = invoice.seller if issued else seller_snapshot(invoice.legal_entity)
    buyer = invoice.buyer if issued else buyer_snapshot(invoice.customer)
    lines = list(invoice.lines.order_by("position", "id"))
    digits = exponent(invoice.currency)
    corrected = invoice.corrects
    with override(invoice.language):
        terms = payment_terms_text(invoice)
    return DocumentData(
        kind="credit_note" if invoice.is_credit_note else "invoice",
        number=invoice.number or "",
        draft=not issued,
        draft_reference="" if issued else invoice.reference,
        issued_on=invoice.issued_on or on,
        due_on=None if invoice.is_credit_note else invoice.due_on,
        service_from=invoice.service_from,
        service_to=invoice.service_to,
        currency=invoice.currency,
        currency_exponent=digits,
        language=cast(Language, invoice.language),
        seller=_party(seller, invoice.language),
        buyer=_party(buyer, invoice.language),
        bank=None if invoice.is_credit_note else BankDetails(**seller["bank"]),
        logo=_logo(seller.get("logo_sha256", "")),
        lines=tuple(_line(line, digits) for line in lines),
        totals=document_totals(invoice, lines),
        payment_terms=terms,
        notes="\n\n".join(part for part in (invoice.note, seller.get("footer", "")) if part),
        customer_number=buyer.get("customer_number", ""),
        order_reference=invoice.buyer_reference,
        corrects_number=corrected.number or "" if corrected else "",
        corrects_issued_on=corrected.issued_on if corrected else None,
        einvoice=_einvoice(invoice),
    )


def _einvoice(invoice: Invoice) -> bytes:
    """What goes inside the PDF: the e-invoice as it was stored at issue, unless it is a file of its own."""
    if not invoice.is_issued or invoice.buyer.get("invoice_format") != InvoiceFormat.FACTURX:
        return b""
    stored = invoice.documents.filter(format=DocumentFormat.XML).first()
    return bytes(stored.content) if stored else b""


def _party(snapshot: dict[str, Any], language: str) -> Party:
    """The frozen copy holds the code of the country; the paper names it in its own language, at home as abroad.

    The same paper goes to auditors and tax offices of either country, so nobody should have to infer one.
    """
    return Party(
        name=snapshot["name"],
        address_lines=tuple(snapshot["address_lines"]),
        country=country_name(snapshot["country"], language),
        tax_id=snapshot["tax_id"],
        vat_id=snapshot["vat_id"],
        registration_number=snapshot.get("registration_number", ""),
        email=snapshot["email"],
        phone=snapshot["phone"],
    )


def _logo(sha256: str) -> PrintedLogo | None:
    stored = Logo.objects.filter(sha256=sha256).first() if sha256 else None
    return PrintedLogo(bytes(stored.content), stored.media_type) if stored else None


def _line(line: InvoiceLine, digits: int) -> DocumentLine:
    return DocumentLine(
        position=line.position,
        description=line.description,
        quantity=line.quantity,
        unit_code=line.unit_code,
        unit_price=line.unit_price,
        net=round_half_up(line.net_amount, digits),
        tax_category=str(line.tax_category),
        tax_rate=line.tax_rate,
        service_from=line.service_from,
        service_to=line.service_to,
    )

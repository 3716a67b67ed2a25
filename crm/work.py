"""Due work of the commercial truth: making PDFs and sending them. Safe to run twice, safe to kill."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from crm.documents.build import document_data
from crm.documents.render import TEMPLATE_VERSION, render_pdf
from crm.domain import deliveries, documents
from crm.enums import DeliveryStatus, DocumentFormat, InvoiceFormat
from crm.models import Invoice, InvoiceDelivery, InvoiceDocument

MAX_ATTEMPTS = 8


def render_invoice_pdf(payload: Mapping[str, Any], finish: Callable[[], bool]) -> None:
    """Render the PDF of an issued invoice and store it once; the row and the end of the work in one transaction."""
    invoices = Invoice.objects.select_related("legal_entity", "customer", "corrects")
    stored = InvoiceDocument.objects.filter(invoice=OuterRef("pk"), format=DocumentFormat.PDF)
    invoice = invoices.annotate(has_document=Exists(stored)).get(pk=payload["invoice_id"])
    if invoice.has_document:
        finish()
        return
    content = render_pdf(document_data(invoice, on=invoice.issued_on))
    with transaction.atomic():
        documents.store_document(invoice, content=content, template_version=TEMPLATE_VERSION, at=timezone.now())
        finish()


def send_invoice_email(payload: Mapping[str, Any], finish: Callable[[], bool]) -> None:
    """Send the stored files to the billing contact; a repeat after a crash carries the same Message-ID."""
    delivery = InvoiceDelivery.objects.select_related("invoice__customer").get(pk=payload["delivery_id"])
    if delivery.status != DeliveryStatus.QUEUED:
        finish()
        return
    try:
        invoice_email(delivery).send()
    except Exception as error:
        deliveries.note_failure(delivery, error=str(error), final=delivery.attempts + 1 >= MAX_ATTEMPTS)
        raise
    with transaction.atomic():
        deliveries.mark_sent(delivery, at=timezone.now())
        finish()


def invoice_email(delivery: InvoiceDelivery) -> EmailMessage:
    """The message with the stored files attached, in the language of the invoice."""
    invoice = delivery.invoice
    files = stored_files(invoice)
    with override(invoice.language):
        subject = (_("Credit note %(number)s") if invoice.is_credit_note else _("Invoice %(number)s")) % {
            "number": invoice.number
        }
        body = _(
            "Dear Sir or Madam,\n\nplease find attached %(subject)s for %(customer)s.\n\nKind regards\n%(seller)s"
        ) % {"subject": subject, "customer": invoice.buyer["name"], "seller": invoice.seller["name"]}
    message = EmailMessage(
        subject=f"{subject} – {' '.join(invoice.seller['name'].split())}",
        body=body,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[delivery.recipient],
        reply_to=[invoice.seller["email"]] if invoice.seller["email"] else None,
        headers={"Message-ID": delivery.message_id},
    )
    for name, content, media_type in files:
        message.attach(name, content, media_type)
    return message


def stored_files(invoice: Invoice) -> list[tuple[str, bytes, str]]:
    """What goes out: the PDF, and beside it the e-invoice that is a file of its own."""
    stored = {one.format: bytes(one.content) for one in invoice.documents.all()}
    files = [(f"{invoice.number}.pdf", stored[DocumentFormat.PDF], "application/pdf")]
    if invoice.buyer.get("invoice_format") == InvoiceFormat.XRECHNUNG:
        files.append((f"{invoice.number}.xml", stored[DocumentFormat.XML], "application/xml"))
    return files

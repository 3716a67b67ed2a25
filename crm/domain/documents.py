"""Stored PDFs: inserted once, with their hash; whoever waits is told whether one is there yet.

The e-invoice is stored by the issue itself (``einvoices.py``).
"""

import hashlib
from datetime import datetime

from django.db import transaction

from crm.domain import deliveries
from crm.enums import DocumentFormat
from crm.models import Invoice, InvoiceDocument
from hashinsight.common.transitions import lock_row
from hashinsight.jobs.domain.work import promote
from hashinsight.jobs.models import DueWork


@transaction.atomic
def store_document(invoice: Invoice, *, content: bytes, template_version: str, at: datetime) -> InvoiceDocument:
    """Keep the PDF of an issued invoice and wake the waiting deliveries; a second rendering changes nothing."""
    lock_row(invoice)
    known: InvoiceDocument | None = invoice.documents.filter(format=DocumentFormat.PDF).first()
    if known is not None:
        return known
    stored = InvoiceDocument.objects.create(
        invoice=invoice,
        format=DocumentFormat.PDF,
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        template_version=template_version,
        rendered_at=at,
        created_at=at,
    )
    deliveries.release_waiting(invoice, at=at)
    return stored


def hurry_document(invoice: Invoice, *, work_kind: str, at: datetime) -> None:
    """Somebody asks for a document that is still being made: put it in front."""
    work = DueWork.objects.filter(kind=work_kind, key=str(invoice.pk)).first()
    if work is not None:
        promote(work, at=at)

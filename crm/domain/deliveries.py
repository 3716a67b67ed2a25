"""E-mailing issued documents: a delivery row first, the mail server later."""

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from crm.enums import DELIVERY_MOVES, DeliveryStatus
from crm.models import Invoice, InvoiceDelivery
from hashinsight.common.errors import DomainError
from hashinsight.common.ids import new_public_id
from hashinsight.common.transitions import lock_for_move, lock_row
from hashinsight.jobs.domain.work import require_work

EMAIL_WORK = "crm.send_invoice_email"


class DeliveryRefused(DomainError):
    """The document cannot be sent."""

    code = "delivery_refused"


@transaction.atomic
def queue_delivery(invoice: Invoice, *, recipient: str, at: datetime) -> InvoiceDelivery:
    """Ask for the stored document to be e-mailed (again: the same document, a new delivery)."""
    if not invoice.is_issued:
        raise DeliveryRefused(_("%(invoice)s is not issued.") % {"invoice": invoice})
    if not recipient:
        raise DeliveryRefused(_("No e-mail address is known for %(customer)s.") % {"customer": invoice.customer})
    lock_row(invoice)  # or a document stored this very moment would not see this delivery, nor this one the document
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    delivery = InvoiceDelivery(
        invoice=invoice, recipient=recipient, message_id=f"<{new_public_id()}@{host}>", created_at=at
    )
    delivery.full_clean()
    delivery.save()
    if invoice.documents.exists():
        _require(delivery, at=at)
    return delivery


def release_waiting(invoice: Invoice, *, at: datetime) -> None:
    """The document exists now: send what was waiting for it."""
    for delivery in invoice.deliveries.filter(status=DeliveryStatus.QUEUED):
        _require(delivery, at=at)


@transaction.atomic
def requeue(delivery: InvoiceDelivery, *, at: datetime) -> InvoiceDelivery:
    """Try a failed delivery again, as a new one."""
    locked = lock_for_move(delivery, field="status", to=DeliveryStatus.QUEUED, moves=DELIVERY_MOVES)
    return queue_delivery(locked.invoice, recipient=locked.recipient, at=at)


@transaction.atomic
def mark_sent(delivery: InvoiceDelivery, *, at: datetime) -> None:
    """The mail server has taken it."""
    locked = lock_for_move(delivery, field="status", to=DeliveryStatus.SENT, moves=DELIVERY_MOVES)
    locked.status, locked.sent_at, locked.error = DeliveryStatus.SENT, at, ""
    locked.attempts += 1
    locked.save(update_fields=["status", "sent_at", "error", "attempts"])


def note_failure(delivery: InvoiceDelivery, *, error: str, final: bool) -> None:
    """An attempt failed; after the last one the delivery is failed."""
    changes = {"attempts": delivery.attempts + 1, "error": error[:2000]}
    if final:
        changes["status"] = DeliveryStatus.FAILED
    InvoiceDelivery.objects.filter(pk=delivery.pk, status=DeliveryStatus.QUEUED).update(**changes)


def _require(delivery: InvoiceDelivery, *, at: datetime) -> None:
    require_work(EMAIL_WORK, key=str(delivery.pk), payload={"delivery_id": delivery.pk}, at=at)

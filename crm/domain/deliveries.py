"""E-mailing issued documents: a delivery row first, the mail server later."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from crm.enums import DELIVERY_MOVES, DeliveryStatus, DocumentFormat
from crm.models import Invoice, InvoiceDelivery
from hashinsight.common.errors import DomainError
from hashinsight.common.ids import new_public_id
from hashinsight.common.transitions import lock_for_move, lock_row
from hashinsight.jobs.domain.work import reopen_work, require_work
from hashinsight.jobs.enums import WorkState
from hashinsight.jobs.models import DueWork

EMAIL_WORK = "crm.send_invoice_email"
SECOND_CLICK = timedelta(seconds=30)


class DeliveryRefused(DomainError):
    """The document cannot be sent."""

    code = "delivery_refused"


@transaction.atomic
def queue_delivery(invoice: Invoice, *, recipient: str, at: datetime) -> InvoiceDelivery:
    """Ask for the stored document to be e-mailed (again: the same document, a new delivery)."""
    if not invoice.is_issued:
        raise DeliveryRefused(_("%(invoice)s is not issued.") % {"invoice": invoice})
    if invoice.is_brought_along:
        text = _("%(invoice)s was issued in another system; there is no document of ours to send.")
        raise DeliveryRefused(text % {"invoice": invoice})
    if not recipient:
        raise DeliveryRefused(_("No e-mail address is known for %(customer)s.") % {"customer": invoice.customer})
    lock_row(invoice)  # or a document stored this very moment would not see this delivery, nor this one the document
    if invoice.deliveries.filter(recipient=recipient, created_at__gt=at - SECOND_CLICK).exists():
        raise DeliveryRefused(
            _("%(invoice)s was sent to %(recipient)s a moment ago.") % {"invoice": invoice, "recipient": recipient}
        )
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    delivery = InvoiceDelivery(
        invoice=invoice, recipient=recipient, message_id=f"<{new_public_id()}@{host}>", created_at=at
    )
    delivery.clean_fields(exclude={"invoice"})  # what must be unique was drawn just now, and the database sees to it
    delivery.save()
    if has_pdf(invoice):
        _require(delivery, at=at)
    return delivery


def has_pdf(invoice: Invoice) -> bool:
    """Whether the PDF is made; every e-mail carries it, the e-invoice is there from the issue on."""
    return bool(invoice.documents.filter(format=DocumentFormat.PDF).exists())


def release_waiting(invoice: Invoice, *, at: datetime) -> None:
    """The document exists now: send what was waiting for it."""
    for delivery in invoice.deliveries.filter(status=DeliveryStatus.QUEUED):
        _require(delivery, at=at)


@transaction.atomic
def requeue(delivery: InvoiceDelivery, *, at: datetime) -> InvoiceDelivery:
    """Try a given-up delivery again: the same message, its delivery and its work in one act.

    Raises MoveRefused for one that was sent or still waits, WorkBusy while a worker is at it.
    """
    locked = lock_row(delivery)
    given_up = DueWork.objects.filter(kind=EMAIL_WORK, key=str(locked.pk), state=WorkState.FAILED)
    if locked.status != DeliveryStatus.QUEUED or not given_up.exists():
        locked = lock_for_move(locked, field="status", to=DeliveryStatus.QUEUED, moves=DELIVERY_MOVES)
    _queue_again(locked)
    if has_pdf(locked.invoice):
        reopen_work(EMAIL_WORK, key=str(locked.pk), payload={"delivery_id": locked.pk}, at=at)
    return locked.reload()


def revive(payload: Mapping[str, Any], at: datetime) -> None:
    """The work of a delivery is tried again: queue the delivery with it. Raises DeliveryRefused when it was sent."""
    locked = InvoiceDelivery.objects.select_for_update(of=("self",)).get(pk=payload["delivery_id"])
    if locked.status == DeliveryStatus.SENT:
        raise DeliveryRefused(_("%(delivery)s was sent already.") % {"delivery": locked})
    _queue_again(locked)


def _queue_again(locked: InvoiceDelivery) -> None:
    locked.status, locked.attempts, locked.error = DeliveryStatus.QUEUED, 0, ""
    locked.save(update_fields=["status", "attempts", "error"])


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

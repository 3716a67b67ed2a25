"""E-mails: one message per delivery with the stored bytes, repeated under the same id only, given up at last."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import ValidationError

from accounts.models import User
from crm import work
from crm.domain import deliveries, documents, issuing
from crm.models import Customer, InvoiceDelivery
from hashinsight.common.transitions import MoveRefused
from hashinsight.jobs import tasks
from hashinsight.jobs.domain.work import WorkBusy, retry_work
from hashinsight.jobs.models import DueWork
from tests import factories
from tests.factories import NOW, TODAY
from tests.support.standing import standing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
@standing
def delivery(root: User, customer_a: Customer) -> InvoiceDelivery:
    """Waiting for its document."""
    return InvoiceDelivery.objects.get(invoice=factories.issued_invoice(by=root, customer=customer_a))


def _stored(delivery: InvoiceDelivery) -> DueWork:
    documents.store_document(delivery.invoice, content=b"%PDF-1.7 x", template_version="1", at=NOW)
    return DueWork.objects.get(kind=deliveries.EMAIL_WORK, key=str(delivery.pk))


def test_nothing_is_sent_before_the_document_exists(delivery: InvoiceDelivery) -> None:
    assert not DueWork.objects.filter(kind=deliveries.EMAIL_WORK).exists()
    assert _stored(delivery).state == "pending"


def test_the_message_carries_the_stored_bytes_to_the_billing_contact(delivery: InvoiceDelivery) -> None:
    due = _stored(delivery)
    assert tasks.perform(due.pk) == "done"
    message = mail.outbox[0]
    number = delivery.invoice.number
    seller = delivery.invoice.seller["name"]
    assert (message.to, message.subject) == ([delivery.recipient], f"Invoice {number} – {seller}")
    assert [attached[:2] for attached in message.attachments] == [(f"{number}.pdf", b"%PDF-1.7 x")]
    assert message.extra_headers["Message-ID"] == delivery.message_id
    assert (delivery.reload().status, delivery.attempts, len(mail.outbox)) == ("sent", 1, 1)


def test_a_crash_after_the_mail_server_took_it_repeats_the_same_message_id(
    delivery: InvoiceDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = _stored(delivery)
    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "mark_sent", lambda *a, **k: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            tasks.perform(due.pk)
    DueWork.objects.update(claimed_by=f"{socket.gethostname()}:4194305:1")
    assert tasks.perform(due.pk) == "done"
    assert {message.extra_headers["Message-ID"] for message in mail.outbox} == {delivery.message_id}
    assert tasks.perform(due.pk) == "skipped"


def test_an_unreachable_mail_server_is_tried_eight_times_and_then_given_up(
    delivery: InvoiceDelivery, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    due = _stored(delivery)
    outcomes, now = [], NOW
    for _ in range(9):
        with time_machine.travel(now, tick=False):
            outcomes.append(tasks.perform(due.pk))
        now += timedelta(hours=2)
    assert outcomes == ["failed"] * 8 + ["skipped"]
    assert (delivery.reload().status, delivery.attempts, DueWork.objects.get(pk=due.pk).state) == (
        "failed",
        8,
        "failed",
    )


def _give_up(delivery: InvoiceDelivery) -> DueWork:
    """As after the last attempt."""
    due = _stored(delivery)
    InvoiceDelivery.objects.filter(pk=delivery.pk).update(status="failed", attempts=8, error="refused")
    DueWork.objects.filter(pk=due.pk).update(state="failed", attempts=8, last_error="refused")
    due.refresh_from_db()
    return due


def _again_by_delivery(delivery: InvoiceDelivery, due: DueWork) -> None:
    deliveries.requeue(delivery, at=NOW)


def _again_by_work(delivery: InvoiceDelivery, due: DueWork) -> None:
    retry_work(due, at=NOW)


WAYS = [_again_by_delivery, _again_by_work]


@pytest.mark.parametrize("second", WAYS)
@pytest.mark.parametrize("first", WAYS)
def test_a_given_up_delivery_is_sent_once_whichever_way_it_is_asked_for(
    first: Any, second: Any, delivery: InvoiceDelivery
) -> None:
    due = _give_up(delivery)
    first(delivery, due)
    assert (delivery.reload().status, delivery.attempts, DueWork.objects.get(pk=due.pk).state) == (
        "queued", 0, "pending",
    )  # fmt: skip
    with pytest.raises(MoveRefused):
        second(delivery, due)
    assert [tasks.perform(due.pk), tasks.perform(due.pk)] == ["done", "skipped"]
    for way in WAYS:
        with pytest.raises((MoveRefused, deliveries.DeliveryRefused)):
            way(delivery, due)
    assert [message.extra_headers["Message-ID"] for message in mail.outbox] == [delivery.message_id]
    assert (delivery.reload().status, InvoiceDelivery.objects.count()) == ("sent", 1)


def test_a_delivery_whose_work_was_closed_without_sending_can_be_queued_again(delivery: InvoiceDelivery) -> None:
    due = _give_up(delivery)
    DueWork.objects.filter(pk=due.pk).update(state="done", done_at=NOW)
    deliveries.requeue(delivery, at=NOW)
    assert tasks.perform(due.pk) == "done"
    assert (delivery.reload().status, len(mail.outbox)) == ("sent", 1)


def test_a_delivery_whose_workers_died_can_be_queued_again(delivery: InvoiceDelivery) -> None:
    """The delivery still says queued, but its work has run out of attempts."""
    due = _give_up(delivery)
    InvoiceDelivery.objects.filter(pk=delivery.pk).update(status="queued", attempts=3)
    deliveries.requeue(delivery, at=NOW)
    assert (tasks.perform(due.pk), delivery.reload().status, len(mail.outbox)) == ("done", "sent", 1)


def test_work_in_progress_is_not_queued_a_second_time(delivery: InvoiceDelivery) -> None:
    due = _give_up(delivery)
    DueWork.objects.filter(pk=due.pk).update(state="claimed")
    with pytest.raises(WorkBusy):
        deliveries.requeue(delivery, at=NOW)
    assert delivery.reload().status == "failed"


def test_a_delivery_without_document_waits_for_it(delivery: InvoiceDelivery) -> None:
    InvoiceDelivery.objects.filter(pk=delivery.pk).update(status="failed", attempts=8)
    deliveries.requeue(delivery, at=NOW)
    assert not DueWork.objects.filter(kind=deliveries.EMAIL_WORK).exists()
    assert tasks.perform(_stored(delivery).pk) == "done"
    assert len(mail.outbox) == 1


def test_drafts_and_unknown_addresses_are_refused(root: User, customer_a: Customer) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    with pytest.raises(deliveries.DeliveryRefused):
        deliveries.queue_delivery(draft, recipient="a@b.example", at=NOW)
    invoice = issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW, send=False)
    with pytest.raises(deliveries.DeliveryRefused):
        deliveries.queue_delivery(invoice, recipient="", at=NOW)
    for wrong in ("nobody", "a@b.example\nBcc: c@d.example", "a@b.example,c@d.example"):
        with pytest.raises(ValidationError):
            deliveries.queue_delivery(invoice, recipient=wrong, at=NOW)
    assert InvoiceDelivery.objects.count() == 0


def test_a_document_is_stored_once(delivery: InvoiceDelivery) -> None:
    first = documents.store_document(delivery.invoice, content=b"one", template_version="1", at=NOW)
    second = documents.store_document(delivery.invoice, content=b"two", template_version="2", at=NOW)
    assert (second.pk, bytes(second.content)) == (first.pk, b"one")
    called: list[int] = []
    work.render_invoice_pdf({"invoice_id": delivery.invoice_id}, lambda: called.append(1) or True)
    assert (called, delivery.invoice.documents.filter(format="pdf").count()) == ([1], 1)


def test_a_second_click_sends_nothing(delivery: InvoiceDelivery) -> None:
    later = NOW + deliveries.SECOND_CLICK
    with pytest.raises(deliveries.DeliveryRefused, match="a moment ago"):
        deliveries.queue_delivery(delivery.invoice, recipient=delivery.recipient, at=later - timedelta(seconds=1))
    deliveries.queue_delivery(delivery.invoice, recipient="somebody@else.example", at=NOW)
    deliveries.queue_delivery(delivery.invoice, recipient=delivery.recipient, at=later)
    assert delivery.invoice.deliveries.count() == 3

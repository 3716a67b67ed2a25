"""The paper in the back office: preview of a draft, the stored bytes, and the page that waits for them."""

import hashlib

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from crm.domain.issuing import PDF_WORK
from crm.models import Customer, Invoice, InvoiceDocument
from hashinsight.jobs.enums import WorkQueue
from hashinsight.jobs.models import DueWork
from hashinsight.jobs.tasks import perform
from tests import factories
from tests.admin.conftest import SignIn, texts
from tests.support.standing import standing


@pytest.fixture
@standing
def issued(root: User, customer_a: Customer) -> Invoice:
    return factories.issued_invoice(by=root, customer=customer_a)


def test_a_draft_is_previewed_and_nothing_is_stored(
    clerk: User, root: User, customer_a: Customer, sign_in: SignIn
) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    response = sign_in(clerk).get(f"/admin/crm/invoice/{draft.pk}/preview/")
    assert response["Content-Type"] == "application/pdf"
    assert response.content.startswith(b"%PDF-")
    assert f'inline; filename="{draft.reference}.pdf"' == response["Content-Disposition"]
    assert InvoiceDocument.objects.count() == DueWork.objects.count() == 0
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_a_draft_that_cannot_be_drawn_says_why(as_root: Client, root: User, customer_a: Customer) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    draft.lines.all().delete()
    response = as_root.get(f"/admin/crm/invoice/{draft.pk}/preview/", follow=True)
    if response["Content-Type"] != "application/pdf":
        assert "cannot be drawn yet" in texts(response)[0]


def test_the_page_waits_hurries_and_then_shows_the_stored_bytes(as_root: Client, issued: Invoice) -> None:
    work = DueWork.objects.get(kind=PDF_WORK)
    DueWork.objects.filter(pk=work.pk).update(queue=WorkQueue.BULK)
    address = f"/admin/crm/invoice/{issued.pk}/pdf/"
    waiting = as_root.get(address)
    assert (waiting.status_code, waiting["Refresh"]) == (202, "2")
    assert "is being made" in waiting.content.decode()
    work.refresh_from_db()
    assert work.queue == WorkQueue.INTERACTIVE
    assert perform(work.pk) == "done"
    shown = as_root.get(address)
    stored = issued.documents.get(format="pdf")
    assert shown["Content-Type"] == "application/pdf"
    assert hashlib.sha256(shown.content).hexdigest() == stored.sha256
    assert "no-store" in shown["Cache-Control"]


def test_work_that_was_given_up_is_said_so(as_root: Client, issued: Invoice) -> None:
    DueWork.objects.filter(kind=PDF_WORK).update(state="failed", created_at=timezone.now())
    page = as_root.get(f"/admin/crm/invoice/{issued.pk}/pdf/")
    assert page.status_code == 200
    assert "Refresh" not in page
    assert "could not be made" in page.content.decode()


def test_a_draft_has_no_stored_pdf(as_root: Client, root: User, customer_a: Customer) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    response = as_root.get(f"/admin/crm/invoice/{draft.pk}/pdf/", follow=True)
    assert "there is a preview only" in texts(response)[0]


def test_the_paper_needs_the_permission_to_see_invoices(
    seller: User, issued: Invoice, staff: object, sign_in: SignIn
) -> None:
    nobody = factories.UserFactory(is_staff=True)
    for page in ("pdf", "preview"):
        assert sign_in(nobody).get(f"/admin/crm/invoice/{issued.pk}/{page}/").status_code == 403
        assert sign_in(seller).get(f"/admin/crm/invoice/{issued.pk}/{page}/").status_code in (202, 302)

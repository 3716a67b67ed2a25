"""The whole story in a browser: a lead becomes a deal, an invoice, a paper, a payment; the client fetches the paper."""

import json
import re
import uuid
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pypdfium2
import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.domain.keys import create_key, scopes_for
from accounts.models import User
from crm.domain.memberships import grant_membership
from crm.models import Customer, Invoice, InvoiceDocument, Lead, LegalEntity
from tests import factories
from tests.e2e.conftest import Traffic, new_page, sign_in, work_off
from tests.support.standing import standing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    # WeasyPrint 70 leaves the colour profile it reads to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning"),
]


@pytest.fixture
@standing
def lead(legal_entity: LegalEntity) -> Lead:
    """Somebody who wants to buy."""
    lead: Lead = factories.LeadFactory(
        title="Forty miners in Kiel", company="Kestrel Mining Ltd", email="buyer@kestrel.example", value="24000.00"
    )
    return lead


def action(page: Page, name: str) -> None:
    """One of the buttons above the form."""
    page.get_by_role("navigation", name="What can be done").get_by_role("link", name=re.compile(rf"{name}$")).click()


def confirm(page: Page, button: str, message: str) -> None:
    """Press the button of a confirm page; the page that follows says that it happened."""
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_text(message)).to_be_visible()


def call(address: str, key: str) -> tuple[int, dict[str, str], bytes]:
    """What a program with this key gets: status, headers, body."""
    request = Request(address, headers={"Authorization": f"Bearer {key}"})
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, dict(refusal.headers), refusal.read()


def win(page: Page, lead: Lead) -> None:
    """From the list of leads to the draft of an invoice."""
    page.get_by_role("link", name="Leads").first.click()
    page.get_by_role("link", name=lead.title).click()
    action(page, "Convert")
    expect(page.get_by_text("Kestrel Mining Ltd (new)")).to_be_visible()
    confirm(page, "Convert into a deal", "The lead was converted")
    for name, button, message in (
        ("Submit", "Submit for approval", "1 deal is pending approval now."),
        ("Approve", "Approve", "1 deal is approved now."),
        ("Sign", "Signed", "1 deal is signed now."),
        ("Complete", "Complete and draft the invoice", "1 deal is completed now."),
    ):
        action(page, name)
        confirm(page, button, message)


def preview(page: Page) -> bytes:
    """The draft as a paper, which opens in a window of its own."""
    link = page.get_by_role("navigation", name="What can be done").get_by_role("link", name=re.compile("Preview"))
    assert link.get_attribute("target") == "_blank"
    return page.request.get(str(link.get_attribute("href"))).body()


def text_of(paper: bytes) -> str:
    """All that is written on a PDF, white space made one."""
    with pypdfium2.PdfDocument(paper) as pdf:
        return " ".join(" ".join(one.get_textpage().get_text_bounded().split()) for one in pdf)


def key_made_by(page: Page, person: User) -> str:
    """A client signs in and makes a key; its secret is on the page once."""
    sign_in(page, person)
    page.get_by_text("New key").click()
    page.get_by_label("Name", exact=True).fill("Bookkeeping")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Create key").click()
    return page.locator("code.secret").inner_text()


def key_of(person: User) -> str:
    """A key with all that this person may hold."""
    scopes = scopes_for(person)
    return create_key(person, name="test", scopes=scopes, expires_at=None, by=person, at=timezone.now())[1]


def test_a_lead_becomes_a_paid_invoice_whose_paper_only_its_client_can_fetch(
    page: Page, chromium: Browser, live_server: Any, traffic: Traffic, root: User, lead: Lead, charlie: User
) -> None:
    sign_in(page, root)
    expect(page.get_by_text("Pipeline by stage")).to_be_visible()
    win(page, lead)
    draft = Invoice.objects.get()
    assert draft.status == "draft"
    assert "24,000.00" in text_of(preview(page))

    action(page, "Issue")
    expect(page.get_by_text("Kestrel Mining Ltd").first).to_be_visible()
    confirm(page, "Issue now", "1 invoice was issued.")
    assert sorted(work_off()) == ["crm.render_invoice_pdf", "crm.send_invoice_email"]
    invoice = Invoice.objects.get()
    stored = bytes(InvoiceDocument.objects.get(format="pdf").content)
    shown = page.request.get(f"/admin/crm/invoice/{invoice.pk}/pdf/")
    assert (shown.headers["content-type"], shown.body()) == ("application/pdf", stored)
    for expected in (str(invoice.number), "Kestrel Mining Ltd", "Nordlicht Hosting GmbH", "24,000.00"):
        assert expected in text_of(stored), expected
    assert [message.to for message in mail.outbox] == [["buyer@kestrel.example"]]

    page.reload()
    action(page, "Record payment")
    confirm(page, "Record the payment", "The payment was recorded.")
    assert Invoice.objects.get().status == "paid"
    assert traffic.troubles == []

    buyer = factories.UserFactory(email="buyer@kestrel.example", name="Bea Buyer")
    grant_membership(buyer, Customer.objects.get(pk=invoice.customer_id), role="customer_admin", by=root)
    with new_page(chromium, live_server, traffic) as window:
        hers = key_made_by(window, buyer)
    assert traffic.troubles == []
    client_fetches(live_server.url, hers, stored)
    stranger_learns_nothing(live_server.url, key_of(charlie), invoice)


def client_fetches(base: str, key: str, stored: bytes) -> None:
    """One invoice in the list, its paper the very bytes that were stored."""
    status, _, body = call(f"{base}/api/v1/invoices/", key)
    (found,) = json.loads(body)["results"]
    assert (status, found["status"]) == (200, "paid")
    status, headers, paper = call(f"{base}/api/v1/invoices/{found['id']}/pdf/", key)
    assert (status, headers["Content-Type"], paper) == (200, "application/pdf", stored)


def stranger_learns_nothing(base: str, key: str, invoice: Invoice) -> None:
    """The same answer as for an invoice that never was, but for what names the request itself."""
    status, _, body = call(f"{base}/api/v1/invoices/", key)
    assert (status, json.loads(body)["results"]) == (200, [])
    answers = []
    for public_id in (str(invoice.public_id), str(uuid.uuid4())):
        status, _, body = call(f"{base}/api/v1/invoices/{public_id}/pdf/", key)
        told = json.loads(body.decode().replace(public_id, "ID"))
        told.pop("request_id", None)
        answers.append((status, told))
    assert answers[0][0] == 404
    assert answers[0] == answers[1]

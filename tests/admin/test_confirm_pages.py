"""Confirm pages: the effect on GET, the deed on POST, the power on both, and nothing in the wrong state."""

from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import User
from crm.domain import issuing
from crm.enums import InvoiceStatus
from crm.models import Customer, Invoice, InvoiceDelivery, NumberSeries, Payment
from hashinsight.events.models import OutboxEvent
from tests import factories
from tests.admin.conftest import SignIn, seen, texts
from tests.admin.forms import confirm, url
from tests.factories import NOW, TODAY
from tests.support.standing import standing


@pytest.fixture
@standing
def draft(root: User, customer_a: Customer) -> Invoice:
    return factories.draft_invoice(by=root, customer=customer_a)


@pytest.fixture
@standing
def issued(root: User, customer_a: Customer) -> Invoice:
    return factories.issued_invoice(by=root, customer=customer_a)


# --- issue ----------------------------------------------------------------------------------------------------
def test_issue_page_shows_number_parties_lines_total_due_date_and_recipient(
    biller: User, draft: Invoice, sign_in: SignIn
) -> None:
    page = sign_in(biller).get(url("invoice", draft.pk, "issue"))
    text = page.content.decode()
    assert page.status_code == 200
    for expected in (
        f"INV-{draft.customer.code}-",
        "own series of Aurora Mining AG",
        "Nordlicht Hosting GmbH",
        "Kaistraße 1",
        draft.lines.get().description,
        "1,000.00\xa0USD",
        str(draft.customer.invoice_email),
    ):
        assert expected in text, expected


def test_showing_the_issue_page_keeps_nothing(biller: User, draft: Invoice, sign_in: SignIn) -> None:
    events = OutboxEvent.objects.count()
    sign_in(biller).get(url("invoice", draft.pk, "issue"))
    draft.refresh_from_db()
    assert draft.status == "draft"
    assert draft.number is None
    assert NumberSeries.objects.count() == 0
    assert InvoiceDelivery.objects.count() == 0
    assert OutboxEvent.objects.count() == events


def test_issuing_freezes_and_says_who_did_it(biller: User, draft: Invoice, sign_in: SignIn) -> None:
    page = confirm(sign_in(biller), url("invoice", draft.pk, "issue"), send="on")
    draft.refresh_from_db()
    assert draft.status == "sent"
    assert texts(page) == ["1 invoice was issued."]
    assert InvoiceDelivery.objects.get().recipient == draft.customer.invoice_email
    event = draft.pgh_event_model.objects.filter(pgh_obj_id=draft.pk, status="sent").order_by("pgh_id").first()
    assert event.pgh_context.metadata["actor"] == str(biller.pk)
    assert event.pgh_context.metadata["source"] == "web"
    assert event.pgh_context.metadata["request_id"]


def test_issuing_without_sending_queues_no_mail(biller: User, draft: Invoice, sign_in: SignIn) -> None:
    confirm(sign_in(biller), url("invoice", draft.pk, "issue"))
    assert InvoiceDelivery.objects.count() == 0


def test_issue_of_an_issued_invoice_is_refused_on_both_methods(biller: User, issued: Invoice, sign_in: SignIn) -> None:
    client, number = sign_in(biller), issued.number
    shown = client.get(url("invoice", issued.pk, "issue"))
    assert shown.status_code == 409
    assert 'name="seen"' not in shown.content.decode()
    posted = client.post(url("invoice", issued.pk, "issue"), {"seen": seen(shown)})
    assert posted.status_code == 409
    issued.refresh_from_db()
    assert (issued.status, issued.number) == ("sent", number)


def test_issue_page_names_what_is_missing(biller: User, draft: Invoice, sign_in: SignIn) -> None:
    draft.lines.all().delete()
    page = sign_in(biller).get(url("invoice", draft.pk, "issue"))
    assert page.status_code == 409
    assert "it has no lines" in page.content.decode()


def test_issue_page_warns_when_nobody_gets_a_mail(biller: User, draft: Invoice, sign_in: SignIn) -> None:
    Customer.objects.filter(pk=draft.customer_id).update(email=None, billing_email="")
    assert "the invoice will not be sent" in sign_in(biller).get(url("invoice", draft.pk, "issue")).content.decode()


def test_a_draft_changed_meanwhile_is_shown_again_instead_of_issued(
    biller: User, draft: Invoice, sign_in: SignIn
) -> None:
    client = sign_in(biller)
    shown = client.get(url("invoice", draft.pk, "issue"))
    Invoice.objects.filter(pk=draft.pk).update(note="changed")
    posted = client.post(url("invoice", draft.pk, "issue"), {"seen": seen(shown)})
    assert posted.status_code == 409
    assert "Something changed since this page was opened" in posted.content.decode()
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_bulk_issue_shows_sums_per_currency_and_works_under_one_request_id(
    biller: User, root: User, customer_a: Customer, customer_b: Customer, sign_in: SignIn
) -> None:
    drafts = [
        factories.draft_invoice(by=root, customer=customer_a, value=Decimal("100.00")),
        factories.draft_invoice(by=root, customer=customer_b, value=Decimal("50.00")),
        factories.draft_invoice(by=root, customer=customer_b, value=Decimal("7.00"), currency="EUR"),
    ]
    client = sign_in(biller)
    action = {"action": "issue_selected", "_selected_action": [draft.pk for draft in drafts]}
    sent_on = client.post("/admin/crm/invoice/", action)
    assert sent_on.status_code == 302
    shown = client.get(sent_on.url)
    assert "150.00\xa0USD" in shown.content.decode()
    assert "7.00\xa0EUR" in shown.content.decode()
    client.post(sent_on.url, {"seen": seen(shown)})
    assert {d.status for d in Invoice.objects.filter(pk__in=[d.pk for d in drafts])} == {"sent"}
    events = Invoice.pgh_event_model.objects.filter(pgh_obj_id__in=[d.pk for d in drafts], pgh_label="update")
    ids = {
        event.pgh_context.metadata["request_id"] for event in events.filter(pgh_context__metadata__actor=str(biller.pk))
    }
    assert len(ids) == 1


def test_bulk_issue_reports_each_refusal_and_issues_the_rest(
    biller: User, draft: Invoice, issued: Invoice, sign_in: SignIn
) -> None:
    client = sign_in(biller)
    address = f"/admin/crm/invoice/issue/?ids={draft.pk}-{issued.pk}"
    page = confirm(client, address)
    draft.refresh_from_db()
    assert draft.status == "sent"
    assert texts(page)[0] == "1 invoice was issued."
    assert len(texts(page)) == 2
    assert texts(page)[1].startswith(f"{issued.number}: ")


# --- withdraw, credit, pay, send ------------------------------------------------------------------------------
def test_withdrawing_needs_a_reason_and_keeps_it(as_root: Client, draft: Invoice) -> None:
    address = url("invoice", draft.pk, "withdraw")
    without = as_root.post(address, {"seen": seen(as_root.get(address)), "reason": " "})
    assert without.status_code == 200
    draft.refresh_from_db()
    assert draft.status == "draft"
    confirm(as_root, address, reason="billed twice")
    draft.refresh_from_db()
    assert (draft.status, draft.cancel_reason) == ("cancelled", "billed twice")
    event = draft.pgh_event_model.objects.filter(pgh_obj_id=draft.pk).latest("pgh_id")
    assert event.pgh_context.metadata["reason"] == "billed twice"


def test_credit_page_shows_lines_and_totals_before_and_after(as_root: Client, issued: Invoice) -> None:
    page = as_root.get(url("invoice", issued.pk, "credit"))
    effect = page.context["effect"]
    assert [change[1:] for change in effect.changes] == [
        ("0.00\xa0USD", "1,000.00\xa0USD"),
        ("1,000.00\xa0USD", "0.00\xa0USD"),
        ("sent", "cancelled"),
    ]
    assert len(effect.tables[0].rows) == 1
    assert Invoice.objects.filter(kind="credit_note").count() == 0


def test_credit_preview_shows_a_part_and_does_nothing(as_root: Client, root: User, customer_a: Customer) -> None:
    issued = factories.issued_invoice(by=root, customer=customer_a, value=Decimal("300.00"))
    address = url("invoice", issued.pk, "credit")
    data = {"seen": seen(as_root.get(address)), "preview": "1", "line_1": "0.5", "reason": ""}
    page = as_root.post(address, data)
    assert page.context["effect"].changes[1] == ("outstanding", "300.00\xa0USD", "150.00\xa0USD")
    assert Invoice.objects.filter(kind="credit_note").count() == 0


def test_crediting_issues_a_note_over_the_quantities_typed(as_root: Client, issued: Invoice) -> None:
    page = confirm(as_root, url("invoice", issued.pk, "credit"), line_1="0.25", reason="late delivery")
    note = Invoice.objects.get(kind="credit_note")
    assert (note.gross_total, note.note, note.corrects_id) == (Decimal("250.00"), "late delivery", issued.pk)
    assert texts(page) == [f"The credit note {note.number} was issued."]


@pytest.mark.parametrize("quantity", ["2", "-1", "nonsense", "1e99", "NaN", "0.0001"])
def test_crediting_more_or_nonsense_is_refused_and_keeps_what_was_typed(
    as_root: Client, issued: Invoice, quantity: str
) -> None:
    address = url("invoice", issued.pk, "credit")
    data = {"seen": seen(as_root.get(address)), "line_1": quantity, "reason": "why not"}
    page = as_root.post(address, data)
    assert page.status_code in (200, 409)
    assert "why not" in page.content.decode()
    assert Invoice.objects.filter(kind="credit_note").count() == 0


def test_payment_page_shows_outstanding_before_and_after(as_root: Client, issued: Invoice) -> None:
    address = url("invoice", issued.pk, "pay")
    page = as_root.get(address)
    assert page.context["effect"].changes[1] == ("outstanding", "1,000.00\xa0USD", "0.00\xa0USD")
    data = {"seen": seen(page), "preview": "1", "amount": "400", "received_on": "2026-11-01", "method": "card"}
    preview = as_root.post(address, data)
    assert preview.context["effect"].changes[1] == ("outstanding", "1,000.00\xa0USD", "600.00\xa0USD")
    assert Payment.objects.count() == 0


def test_recording_a_payment_books_it_and_settles(as_root: Client, root: User, issued: Invoice) -> None:
    fields = {"amount": "1000", "received_on": str(TODAY), "method": "bank_transfer", "reference": "R-1"}
    page = confirm(as_root, url("invoice", issued.pk, "pay"), **fields)
    payment = Payment.objects.get()
    assert (payment.amount, payment.reference, payment.created_by) == (Decimal(1000), "R-1", root)
    issued.refresh_from_db()
    assert issued.status == InvoiceStatus.PAID
    assert texts(page) == ["The payment was recorded."]


@pytest.mark.parametrize(
    ("field", "value"),
    [("amount", "0"), ("amount", "-5"), ("amount", "1.001"), ("amount", "1e30"), ("received_on", "2999-01-01"),
     ("method", "shells"), ("reference", "x" * 141)],
)  # fmt: skip
def test_a_payment_that_cannot_be_is_a_form_error(as_root: Client, issued: Invoice, field: str, value: str) -> None:
    address = url("invoice", issued.pk, "pay")
    data = {
        "seen": seen(as_root.get(address)),
        "amount": "10",
        "received_on": str(TODAY),
        "method": "card",
        field: value,
    }
    page = as_root.post(address, data)
    assert page.status_code in (200, 409)
    assert Payment.objects.count() == 0


def test_the_same_payment_twice_is_refused(as_root: Client, root: User, issued: Invoice) -> None:
    fields = {"amount": "10", "received_on": str(TODAY), "method": "card", "reference": "twice"}
    confirm(as_root, url("invoice", issued.pk, "pay"), **fields)
    address = url("invoice", issued.pk, "pay")
    page = as_root.post(address, {"seen": seen(as_root.get(address)), **fields})
    assert page.status_code == 409
    assert Payment.objects.count() == 1


def test_money_for_a_draft_or_a_credit_note_is_refused(
    as_root: Client, root: User, draft: Invoice, issued: Invoice
) -> None:
    note = issuing.credit_invoice(issued, by=root, on=TODAY, at=NOW, reason="all of it")
    for invoice in (draft, note, issued):
        assert as_root.get(url("invoice", invoice.pk, "pay")).status_code == 409


def test_sending_again_makes_a_new_delivery_of_the_same_document(as_root: Client, issued: Invoice) -> None:
    before = InvoiceDelivery.objects.count()
    confirm(as_root, url("invoice", issued.pk, "send"), recipient="other@customer.example")
    assert InvoiceDelivery.objects.count() == before + 1
    assert InvoiceDelivery.objects.latest("pk").recipient == "other@customer.example"


# --- addresses ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "address",
    ["/admin/crm/invoice/issue/", "/admin/crm/invoice/issue/?ids=", "/admin/crm/invoice/issue/?ids=abc",
     "/admin/crm/invoice/issue/?ids=99999999", "/admin/crm/invoice/99999999/issue/", "/admin/crm/invoice/abc/issue/",
     "/admin/crm/invoice/issue/?ids=9999999999999999999999", "/admin/crm/invoice/issue/?ids=" + "1-" * 500 + "1"],
)  # fmt: skip
def test_an_address_that_names_nothing_is_not_found(as_root: Client, address: str) -> None:
    assert as_root.get(address).status_code == 404


@pytest.mark.parametrize("address", ["/admin/crm/customer/?q=%00", "/admin/crm/customer/?status__exact=%00"])
def test_nul_in_an_address_is_a_bad_request(as_root: Client, address: str) -> None:
    assert as_root.get(address).status_code == 400


def test_confirm_pages_want_the_csrf_token(biller: User, draft: Invoice) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(biller, backend="accounts.backends.TimeLimitedBackend")
    page = client.get(url("invoice", draft.pk, "issue"))
    assert client.post(url("invoice", draft.pk, "issue"), {"seen": seen(page)}).status_code == 403
    draft.refresh_from_db()
    assert draft.status == "draft"

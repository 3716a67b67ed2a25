"""Every way to a credit note above the limit ends in a request: page, API, and the page of whoever decides."""

import re
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import User
from crm.models import ApprovalLimit, Invoice
from hashinsight.approvals.domain import requests
from hashinsight.approvals.models import ApprovalRequest
from tests.admin.conftest import SignIn, texts
from tests.admin.forms import confirm, url
from tests.api.client import Caller
from tests.approvals.conftest import People
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
PAGE = "/admin/approvals/approvalrequest/"


@pytest.fixture
@standing
def waiting(invoice: Invoice, limit: ApprovalLimit, asker: User, sign_in: SignIn) -> ApprovalRequest:
    shown = sign_in(asker).get(url("invoice", invoice.pk, "credit"))
    assert "wait for a second person" in shown.content.decode()
    page = confirm(sign_in(asker), url("invoice", invoice.pk, "credit"), reason="Broken", line_1="1")
    assert texts(page) == ["The credit note waits for a second person's approval."]
    return ApprovalRequest.objects.get()


def notes() -> int:
    return Invoice.objects.filter(kind="credit_note").count()


def test_the_page_asks_instead_of_acting(waiting: ApprovalRequest, asker: User) -> None:
    assert (notes(), waiting.amount, waiting.requested_by) == (0, Decimal(1000), asker)


def test_whoever_asked_gets_no_button_to_approve(waiting: ApprovalRequest, asker: User, sign_in: SignIn) -> None:
    client = sign_in(asker)
    change = client.get(f"{PAGE}{waiting.pk}/change/").content.decode()
    assert re.findall(rf"{PAGE}{waiting.pk}/(approve|reject|withdraw)/", change) == ["withdraw"]
    shown = client.get(f"{PAGE}{waiting.pk}/approve/")
    assert shown.status_code == 409
    assert 'name="seen"' not in shown.content.decode()
    client.post(f"{PAGE}{waiting.pk}/approve/", {"seen": _seen(waiting)})
    assert notes() == 0


def _seen(waiting: ApprovalRequest) -> str:
    import hashlib

    return hashlib.sha256(f"{waiting.pk}:{waiting.version}".encode()).hexdigest()[:24]


def test_the_second_person_sees_the_note_and_approves(
    waiting: ApprovalRequest,
    decider: User,
    sign_in: SignIn,
) -> None:
    client = sign_in(decider)
    listed = client.get(f"{PAGE}?waiting=me").content.decode()
    assert waiting.object_label in listed
    shown = client.get(f"{PAGE}{waiting.pk}/approve/").content.decode()
    for expected in ("Credit note", "Broken", "1,000.00\xa0USD", "CN-", "cancelled"):
        assert expected in shown, expected
    assert notes() == 0  # looking does nothing
    page = confirm(client, f"{PAGE}{waiting.pk}/approve/", note="Agreed")
    assert texts(page) == ["Approved and done."]
    assert notes() == 1
    event = waiting.pgh_event_model.objects.filter(pgh_obj_id=waiting.pk, state="approved").first()
    assert event.pgh_context.metadata["actor"] == str(decider.pk)


def test_a_refused_act_is_kept_with_the_request(
    waiting: ApprovalRequest,
    decider: User,
    invoice: Invoice,
    sign_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise requests.ApprovalRefused("The books are closed.")

    client = sign_in(decider)
    with monkeypatch.context() as patch:
        patch.setattr("crm.domain.credit_requests.credit_invoice", refuse)
        shown = client.get(f"{PAGE}{waiting.pk}/approve/")
        answer = client.post(
            f"{PAGE}{waiting.pk}/approve/", {"seen": re.search(r'name="seen" value="(\w+)"', shown.content.decode())[1]}
        )
    assert answer.status_code == 409
    waiting.reload()
    assert (waiting.state, waiting.last_refusal, notes()) == ("pending", "The books are closed.", 0)


def test_reject_and_withdraw_pages(
    waiting: ApprovalRequest,
    asker: User,
    decider: User,
    sign_in: SignIn,
) -> None:
    confirm(sign_in(decider), f"{PAGE}{waiting.pk}/reject/", note="Too much")
    waiting.reload()
    assert (waiting.state, waiting.decision_note) == ("rejected", "Too much")


def test_the_list_asks_the_same_for_one_and_three(
    waiting: ApprovalRequest,
    decider: User,
    sign_in: SignIn,
    django_assert_num_queries: object,
) -> None:
    client: Client = sign_in(decider)
    client.get(f"{PAGE}?waiting=me")
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for extra in (0, 2):
        for number in range(extra):
            ApprovalRequest.objects.create(
                kind=waiting.kind, object_type=waiting.object_type, object_id=10_000 + number, object_label="x",
                object_state="x", reason="x", requested_by=waiting.requested_by, requested_at=waiting.requested_at,
                expires_at=waiting.expires_at,
            )  # fmt: skip
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert client.get(f"{PAGE}?waiting=me").status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]


# --- API ------------------------------------------------------------------------------------------------------
def test_the_api_answers_202_with_the_way_to_the_request(
    invoice: Invoice, limit: ApprovalLimit, asker: User, decider: User
) -> None:
    caller = Caller(asker)
    answer = caller.post(f"/invoices/{invoice.public_id}/credit/", {"reason": "Broken"}, Idempotency_Key="k1")
    waiting = ApprovalRequest.objects.get()
    assert (answer.status_code, answer["Location"]) == (202, f"/api/v1/approvals/{waiting.public_id}/")
    assert (answer.json()["state"], answer.json()["amount"], notes()) == ("pending", "1000.00", 0)
    again = caller.post(f"/invoices/{invoice.public_id}/credit/", {"reason": "Broken"}, Idempotency_Key="k1")
    assert (again.status_code, again["Location"]) == (202, answer["Location"])
    assert ApprovalRequest.objects.count() == 1
    own = caller.post(f"/approvals/{waiting.public_id}/approve/")
    assert (own.status_code, own.json()["code"], notes()) == (409, "own_request", 0)
    done = Caller(decider).post(f"/approvals/{waiting.public_id}/approve/", {"note": "ok"})
    assert (done.status_code, done.json()["state"], notes()) == (200, "approved", 1)


def test_the_api_keeps_a_refusal_with_the_request(
    invoice: Invoice, limit: ApprovalLimit, asker: User, decider: User
) -> None:
    Caller(asker).post(f"/invoices/{invoice.public_id}/credit/", {"reason": "Broken"})
    waiting = ApprovalRequest.objects.get()
    type(invoice.customer).objects.filter(pk=invoice.customer_id).update(company_name=" ")
    answer = Caller(decider).post(f"/approvals/{waiting.public_id}/approve/")
    assert (answer.status_code, answer.json()["code"]) == (409, "invoice_refused")
    waiting.reload()
    assert waiting.state == "pending"
    assert "has no name" in waiting.last_refusal


def test_clients_know_nothing_of_approvals(alice: User) -> None:
    assert Caller(alice).get("/approvals/").status_code in (403, 404)


def test_reading_needs_the_permission(people: People) -> None:
    assert Caller(people("crm.view_invoice")).get("/approvals/").status_code == 403
    assert Caller(people("approvals.view_approvalrequest")).get("/approvals/?state=pending").status_code == 200

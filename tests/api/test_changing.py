"""Changing: who may do what, and that one call is one domain call with its audit, event and state check."""

from typing import Any

import pghistory.models
import pytest
from django.contrib.auth.models import Permission
from django.db import transaction

from accounts.models import ApiKey, User
from crm.models import Activity, Customer, Deal, Invoice, Lead, Payment
from hashinsight.events.models import OutboxEvent
from tests.api.calls import STAFF_CALLS, filled
from tests.api.client import Caller

pytestmark = pytest.mark.django_db
NOBODY = "0199f3a1-7c1e-7b52-9d3e-2f6a41c07d11"


def give(user: User, *names: str) -> User:
    """Some powers more."""
    wanted = {(app or "crm", codename) for app, _dot, codename in (name.rpartition(".") for name in names)}
    found = Permission.objects.select_related("content_type").filter(
        codename__in=[codename for _app, codename in wanted]
    )
    user.user_permissions.add(*[one for one in found if (one.content_type.app_label, one.codename) in wanted])
    return user


def test_story_by_key_from_lead_to_paid_invoice(as_root: Caller, legal_entity: object) -> None:
    lead = as_root.post("/leads/", {"title": "2 MW ⚡ in Kiel", "company": "Γ 🚀", "value": "1200.50"}).json()
    deal = as_root.post(f"/leads/{lead['id']}/convert/").json()
    assert (deal["status"], deal["value"], deal["lead"]) == ("draft", "1200.50", lead["id"])
    for move, body in (("submit", {}), ("approve", {}), ("sign", {"on": "2026-11-20"})):
        answer = as_root.post(f"/deals/{deal['id']}/{move}/", body)
        assert answer.status_code == 200, answer.content
    draft = as_root.post(f"/deals/{deal['id']}/complete/")
    assert (draft.status_code, draft.json()["status"]) == (201, "draft")
    url = draft["Location"].removeprefix("/api/v1")
    issued = as_root.post(f"{url}issue/", {"send": False}).json()
    assert (issued["status"], issued["gross_total"]) == ("sent", "1200.50")
    paid = as_root.post(
        "/payments/",
        {"invoice": issued["id"], "amount": "1200.50", "currency": "USD", "received_on": issued["issued_on"]},
    )
    assert paid.status_code == 201, paid.content
    assert as_root.get(url).json()["status"] == "paid"


def test_a_change_names_its_actor_and_request_in_the_audit(as_root: Caller, customer_a: Customer) -> None:
    response = as_root.patch(f"/customers/{customer_a.public_id}/", {"sector": "mining"})
    assert response.json()["sector"] == "mining"
    context = pghistory.models.Context.objects.get(metadata__source="api")
    assert context.metadata["actor"] == str(as_root.user.pk)
    assert context.metadata["request_id"] == response["X-Request-ID"]
    assert context.metadata["source"] == "api"
    assert OutboxEvent.objects.filter(kind="customer.changed", user_id=as_root.user.pk).count() == 1


def test_client_admin_changes_contact_data_only(as_alice: Caller, customer_a: Customer) -> None:
    path = f"/customers/{customer_a.public_id}/"
    answer = as_alice.patch(path, {"contact_name": "Alice 🦊", "phone": "+49 1", "billing_email": "b@aurora.example"})
    assert (answer.status_code, answer.json()["contact_name"]) == (200, "Alice 🦊")
    refused = as_alice.patch(path, {"company_name": "Mine", "phone": "1"})
    assert (refused.status_code, [e["pointer"] for e in refused.json()["errors"]]) == (400, ["#/company_name"])
    customer_a.refresh_from_db()
    assert (customer_a.company_name, customer_a.phone) == ("Aurora Mining AG", "+49 1")


def test_client_viewer_changes_nothing(as_bob: Caller, customer_a: Customer) -> None:
    answer = as_bob.patch(f"/customers/{customer_a.public_id}/", {"phone": "1"})
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_change_of_a_foreign_customer_is_a_missing_one(as_charlie: Caller, customer_a: Customer) -> None:
    assert as_charlie.patch(f"/customers/{customer_a.public_id}/", {"phone": "1"}).status_code == 404
    assert as_charlie.patch(f"/customers/{NOBODY}/", {"phone": "1"}).status_code == 404


def test_client_writes_an_activity_that_it_then_sees(as_bob: Caller, customer_a: Customer, invoice_a: Invoice) -> None:
    made = as_bob.post(
        "/activities/",
        {"customer": str(customer_a.public_id), "invoice": str(invoice_a.public_id), "subject": "Hello 👋"},
    )
    assert made.status_code == 201, made.content
    assert as_bob.get(made["Location"]).json() == made.json()
    activity = Activity.objects.get(public_id=made.json()["id"])
    assert (activity.client_visible, activity.created_by, activity.kind) == (True, as_bob.user, "note")


@pytest.mark.parametrize("field", ["customer", "invoice", "deal"])
def test_foreign_id_in_a_body_is_one_that_does_not_exist(
    as_charlie: Caller, customer_b: Customer, invoice_a: Invoice, field: str
) -> None:
    foreign = {"customer": invoice_a.customer, "invoice": invoice_a, "deal": invoice_a.deal}[field].public_id
    base = {"customer": str(customer_b.public_id), "subject": "x"}
    one = as_charlie.post("/activities/", {**base, field: str(foreign)}, X_Request_ID="same-request")
    other = as_charlie.post("/activities/", {**base, field: NOBODY}, X_Request_ID="same-request")
    assert (one.status_code, one.content) == (400, other.content)
    assert one.json()["errors"] == [
        {"pointer": f"#/{field}", "code": "not_found", "detail": "There is no such object."}
    ]
    assert not Activity.objects.filter(subject="x").exists()


@pytest.mark.parametrize("field", ["lead", "client_visible"])
def test_client_cannot_send_staff_fields_of_an_activity(as_alice: Caller, customer_a: Customer, field: str) -> None:
    body = {"customer": str(customer_a.public_id), "subject": "x", field: False}
    assert as_alice.post("/activities/", body).json()["errors"][0]["code"] == "unknown_field"


# What clients may do as well, with their own rows.
CLIENT_CALLS = (
    "/activities/", "/tickets/", "/tickets/{ticket}/note/", "/tickets/{ticket}/attach/", "/tickets/{ticket}/close/",
    "/tickets/{resolved_ticket}/reopen/", "/user-miners/", "/schedules/",
)  # fmt: skip


def test_each_staff_call_needs_its_own_power(clerk: User, alice: User, whole_world: dict[str, str]) -> None:
    nobody, client = Caller(clerk), Caller(alice)
    for path, power, body in STAFF_CALLS:
        url, data = filled(path, body, whole_world)
        refused = nobody.post(url, data)
        assert (path, refused.status_code, refused.json()["code"]) == (path, 403, "permission_denied")
        if path not in CLIENT_CALLS:
            assert client.post(url, data).status_code in (403, 404), path
        others = {call[1] for call in STAFF_CALLS} - {power}
        with transaction.atomic():
            almost = Caller(User.objects.get(pk=give(clerk, *others).pk)).post(url, data)
            allowed = Caller(User.objects.get(pk=give(clerk, power).pk)).post(url, data)
            transaction.set_rollback(True)
        assert (path, almost.status_code) == (path, 403)
        assert 200 <= allowed.status_code < 300, (path, allowed.content)


@pytest.mark.parametrize(("path", "power"), [("customers", "customer"), ("leads", "lead"), ("deals", "deal")])
def test_staff_edits_need_the_change_permission(clerk: User, world: dict[str, str], path: str, power: str) -> None:
    url = f"/{path}/{world[power]}/"
    body = {"internal_note": "known by us only"}
    assert Caller(clerk).patch(url, body).status_code == 403
    answer = Caller(User.objects.get(pk=give(clerk, f"change_{power}").pk)).patch(url, body)
    assert (answer.status_code, answer.json()["internal_note"]) == (200, "known by us only")


def test_losing_a_deal_needs_the_power_to_cancel(clerk: User, world: dict[str, str]) -> None:
    mover = Caller(give(clerk, "move_deal"))
    body = {"to": "closed_lost", "reason": "gone"}
    assert mover.post(f"/deals/{world['deal']}/move/", body).status_code == 403
    assert Caller(User.objects.get(pk=give(clerk, "cancel_deal").pk)).post(
        f"/deals/{world['deal']}/move/", body
    ).json()["status"] == "cancelled"  # fmt: skip


def test_key_without_write_scope_changes_nothing(root: User, world: dict[str, str]) -> None:
    answer = Caller(root, ["invoices:read"]).post(f"/invoices/{world['draft']}/issue/")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


def test_a_refusal_of_the_domain_is_409_and_leaves_nothing(as_root: Caller, world: dict[str, str]) -> None:
    before = (Activity.objects.count(), OutboxEvent.objects.count())
    answer = as_root.post(f"/invoices/{world['issued']}/issue/")
    assert (answer.status_code, answer.json()["code"]) == (409, "move_refused")
    assert (Activity.objects.count(), OutboxEvent.objects.count()) == before


def test_a_fault_half_way_leaves_nothing(as_root: Caller, world: dict[str, str], monkeypatch: Any) -> None:
    from crm.domain import settlement

    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr(settlement, "settle", broken)
    body = {"invoice": world["issued"], "amount": "1", "currency": "USD", "received_on": "2026-11-20"}
    answer = as_root.post("/payments/", body)
    assert (answer.status_code, answer.json()["code"]) == (500, "server_error")
    assert b"secret" not in answer.content
    assert not Payment.objects.filter(invoice__public_id=world["issued"]).exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"amount": "-5"}, "#/amount"),
        ({"amount": "0"}, "#/amount"),
        ({"amount": "NaN"}, "#/amount"),
        ({"amount": "1e400"}, "#/amount"),
        ({"amount": [1]}, "#/amount"),
        ({"amount": True}, "#/amount"),
        ({"currency": "XXX"}, "#/currency"),
        ({"received_on": "2026-02-30"}, "#/received_on"),
        ({"invoice": 5}, "#/invoice"),
        ({"invoice": "x"}, "#/invoice"),
        ({"reference": "a\u0007b"}, "#/reference"),
        ({"reference": "x" * 141}, "#/reference"),
        ({"surprise": 1}, "#/surprise"),
    ],
)
def test_bad_input_of_a_payment_is_400_and_books_nothing(
    as_root: Caller, invoice_a: Invoice, body: dict[str, Any], pointer: str
) -> None:
    good = {"invoice": str(invoice_a.public_id), "amount": "1.00", "currency": "USD", "received_on": "2026-11-20"}
    answer = as_root.post("/payments/", {**good, **body})
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (400, [pointer])
    assert Payment.objects.count() == 0


@pytest.mark.parametrize(
    "body", [{"currency": "EUR"}, {"received_on": "2030-01-01"}, {"amount": "1.001"}, {"amount": "99999999999999"}]
)
def test_a_payment_that_does_not_fit_is_409_or_booked_in_full(
    as_root: Caller, invoice_a: Invoice, body: dict[str, Any]
) -> None:
    good = {"invoice": str(invoice_a.public_id), "amount": "1.00", "currency": "USD", "received_on": "2026-11-20"}
    answer = as_root.post("/payments/", {**good, **body})
    expected = 201 if body.get("amount") == "99999999999999" else 409
    assert (answer.status_code, Payment.objects.count()) == (expected, int(expected == 201))


def test_value_of_an_approved_deal_is_settled(as_root: Caller, world: dict[str, str]) -> None:
    answer = as_root.patch(f"/deals/{world['approved']}/", {"value": "5"})
    assert (answer.status_code, answer.json()["code"]) == (409, "deal_refused")
    assert as_root.patch(f"/deals/{world['pending']}/", {"value": "5"}).json()["value"] == "5.00"


def test_same_email_twice_is_a_kind_400_for_staff(as_root: Caller, customer_a: Customer) -> None:
    answer = as_root.post("/customers/", {"company_name": "Copy", "email": str(customer_a.email).upper()})
    assert (answer.status_code, Customer.objects.filter(company_name="Copy").count()) == (400, 0)


def test_credit_by_line(as_root: Caller, world: dict[str, str]) -> None:
    body = {"reason": "less", "lines": [{"position": 1, "quantity": "0.5"}], "send": False}
    note = as_root.post(f"/invoices/{world['issued']}/credit/", body)
    assert (note.status_code, note.json()["gross_total"], note.json()["corrects"]) == (201, "500.00", world["issued"])
    assert as_root.get(f"/invoices/{world['issued']}/").json()["outstanding"] == "500.00"


def test_keys_are_made_rotated_and_revoked_by_their_owner(as_alice: Caller) -> None:
    made = as_alice.post("/api-keys/", {"name": "Reports", "scopes": ["invoices:read"]})
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    secret = made.json()["secret"]
    child = Caller(None, Authorization=f"Bearer {secret}")
    assert child.get("/invoices/").status_code == 200
    rotated = as_alice.post(f"/api-keys/{made.json()['id']}/rotate/", {"overlap_hours": 0}).json()
    assert child.get("/invoices/").status_code == 401
    fresh = Caller(None, Authorization=f"Bearer {rotated['secret']}")
    assert fresh.get("/invoices/").status_code == 200
    assert as_alice.post(f"/api-keys/{rotated['id']}/revoke/").json()["revoked_at"] is not None
    assert fresh.get("/invoices/").status_code == 401
    assert "secret" not in as_alice.get(f"/api-keys/{rotated['id']}/").json()


def test_keys_of_others_do_not_exist_even_within_the_same_customer(as_alice: Caller, as_bob: Caller) -> None:
    path = f"/api-keys/{as_alice.key.public_id}/"
    assert [as_bob.get(path).status_code, as_bob.post(f"{path}revoke/").status_code] == [404, 404]
    assert len(as_bob.get("/api-keys/").json()["results"]) == 1
    assert ApiKey.objects.get(pk=as_alice.key.pk).revoked_at is None


def test_a_key_makes_no_stronger_one(alice: User, as_alice: Caller) -> None:
    weak = Caller(alice, ["api-keys:write"])
    answer = weak.post("/api-keys/", {"name": "x", "scopes": ["invoices:read"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "scope_wider_than_parent")
    staff_scope = as_alice.post("/api-keys/", {"name": "x", "scopes": ["leads:read"]})
    assert (staff_scope.status_code, staff_scope.json()["code"]) == (409, "scope_for_staff")


def test_converting_twice_gives_the_same_deal(as_root: Caller, world: dict[str, str]) -> None:
    first = as_root.post(f"/leads/{world['lead']}/convert/").json()
    second = as_root.post(f"/leads/{world['lead']}/convert/").json()
    assert first["id"] == second["id"]
    assert Deal.objects.filter(lead=Lead.objects.get(public_id=world["lead"])).count() == 1


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "0388-04-02T12:10:03Z", "9999-12-31T00:00:00Z"])
def test_an_activity_has_happened_within_a_lifetime(as_root: Caller, customer_a: Customer, moment: str) -> None:
    body = {"customer": str(customer_a.public_id), "subject": "x", "occurred_at": moment}
    response = as_root.post("/activities/", body)
    assert (response.status_code, response.json()["code"]) == (409, "activity_refused")
    assert not Activity.objects.exists()


@pytest.mark.parametrize(
    ("text", "status"), [("A\r\nB", 400), ("A\u2028B", 400), ("A\u202eB", 400), ("A\u0001B", 400), ("Ä 😀 \u200f", 201)]
)
def test_names_are_one_line_of_what_they_look_like(as_root: Caller, text: str, status: int) -> None:
    assert as_root.post("/customers/", {"company_name": text}).status_code == status


def test_a_control_character_in_a_body_is_pointed_at(as_root: Caller, customer_a: Customer) -> None:
    body = {"customer": str(customer_a.public_id), "subject": "x", "body": "one\ntwo\u0007"}
    response = as_root.post("/activities/", body)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "#/body")

"""The history of an object: each field before and after, who, why, on which request."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.domain.users import set_groups
from accounts.models import User
from crm.domain import leads
from crm.models import Customer, Deal
from hashinsight.common.admin import history
from hashinsight.common.audit import audit_context
from tests import factories
from tests.admin.conftest import SignIn
from tests.admin.forms import save
from tests.factories import NOW


def changes(client: Client, address: str) -> list[Any]:
    return list(client.get(address).context["page"].changes)


def test_before_after_actor_source_and_request_are_shown(as_root: Client, root: User, customer_a: Customer) -> None:
    save(as_root, f"/admin/crm/customer/{customer_a.pk}/change/", city="Kiel", country="DE")
    newest, oldest = changes(as_root, f"/admin/crm/customer/{customer_a.pk}/history/")
    assert (newest.verb, newest.actor, newest.source) == ("update", "Root", "web")
    assert newest.request_id
    assert [(field.label, field.before, field.after) for field in newest.fields] == [
        ("city", "Austin", "Kiel"),
        ("country", "US", "DE"),
    ]
    assert oldest.verb == "insert"
    assert ("company name", "", "Aurora Mining AG") in [(f.label, f.before, f.after) for f in oldest.fields]


def test_a_reason_and_the_labels_of_states_are_shown(as_root: Client, root: User) -> None:
    lead = factories.LeadFactory()
    with audit_context(actor=root):
        leads.move_lead(lead, to="lost", by=root, at=NOW, reason="no power")
    change = changes(as_root, f"/admin/crm/lead/{lead.pk}/history/")[0]
    assert change.reason == "no power"
    assert ("status", "new", "lost") in [(field.label, field.before, field.after) for field in change.fields]


def test_foreign_keys_are_shown_by_name(as_root: Client, customer_a: Customer, clerk: User) -> None:
    deal = factories.DealFactory(customer=customer_a)
    Deal.objects.filter(pk=deal.pk).update(owner=clerk)
    change = changes(as_root, f"/admin/crm/deal/{deal.pk}/history/")[0]
    assert [(field.before, field.after) for field in change.fields] == [("", "Clerk")]
    assert change.actor == "the system"


def test_lines_belong_to_the_history_of_their_document_even_when_deleted(
    as_root: Client, root: User, customer_a: Customer
) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    save(as_root, f"/admin/crm/invoice/{draft.pk}/change/", **{"lines-0-DELETE": "on"})
    assert draft.lines.count() == 0
    found = {(change.thing, change.verb) for change in changes(as_root, f"/admin/crm/invoice/{draft.pk}/history/")}
    assert {("invoice line", "insert"), ("invoice line", "delete"), ("invoice", "insert")} <= found


def test_roles_belong_to_the_history_of_their_holder(as_root: Client, root: User) -> None:
    Group.objects.create(name="night shift")
    user = factories.UserFactory()
    set_groups(user, groups=["night shift"], by=root, at=NOW)
    page = as_root.get(f"/admin/accounts/user/{user.pk}/history/").content.decode()
    assert "night shift" in page
    assert "role of a user" in page


def test_secrets_are_not_in_the_history(as_root: Client) -> None:
    user = factories.UserFactory()
    user.set_password("a-very-secret-password")
    user.save()
    address = f"/admin/accounts/user/{user.pk}/history/"
    labels = {field.label for change in changes(as_root, address) for field in change.fields}
    assert "e-mail address" in labels
    assert not {label for label in labels if "password" in label or "digest" in label}
    assert user.password not in as_root.get(address).content.decode()


def test_a_long_history_comes_in_pages_and_loses_nothing(
    as_root: Client, customer_a: Customer, monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    monkeypatch.setattr(history, "PAGE", 5)
    for number in range(12):
        Customer.objects.filter(pk=customer_a.pk).update(city=f"City {number}")
    address, cities, pages = f"/admin/crm/customer/{customer_a.pk}/history/", [], 0
    query = ""
    while True:
        page = as_root.get(address + query).context["page"]
        cities += [f.after for change in page.changes for f in change.fields if f.label == "city"]
        pages += 1
        if page.older is None:
            break
        query = f"?before={page.older.isoformat()}".replace("+", "%2B")
    assert cities == [f"City {number}" for number in reversed(range(12))] + ["Austin"]
    assert pages == 3


def test_the_history_needs_the_permission_to_see_the_object(
    clerk: User, operator: User, customer_a: Customer, sign_in: SignIn
) -> None:
    address = f"/admin/crm/customer/{customer_a.pk}/history/"
    assert sign_in(clerk).get(address).status_code == 200
    assert sign_in(operator).get(address).status_code == 403


@pytest.mark.parametrize("before", ["nonsense", "2026-13-45", "2026-11-20T10:00:00", ""])
def test_a_broken_moment_shows_the_newest(as_root: Client, customer_a: Customer, before: str) -> None:
    assert len(changes(as_root, f"/admin/crm/customer/{customer_a.pk}/history/?before={before}")) == 1


def test_the_parties_of_an_issue_are_told_part_by_part(as_root: Client, root: User, customer_a: Customer) -> None:
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    found = changes(as_root, f"/admin/crm/invoice/{invoice.pk}/history/")
    fields = {f.label: (f.before, f.after) for change in found for f in change.fields if "as issued" in f.label}
    assert fields["seller as issued › bank › IBAN or account number"] == ("", "DE02120300000000202051")
    assert fields["buyer as issued › name"] == ("", "Aurora Mining AG")
    assert not any("{" in after or "address lines" in label for label, (_before, after) in fields.items())


def test_of_a_value_with_many_parts_only_the_changed_ones_are_told() -> None:
    column = type("Column", (), {"attname": "data", "verbose_name": "data"})
    old = type("Row", (), {"data": {"a": 1, "b": {"c": True, "d": ["x", "y"]}, "e": [{"f": 1}, {"f": 2}], "g": ""}})
    new = type("Row", (), {"data": {"a": 1, "b": {"c": False, "d": ["x"]}, "e": [{"f": 1}, {"f": 3}], "h": None}})
    found = history._nested_changes(column, old, new, "update", {"d": "list"})
    assert [(change.label, change.before, change.after) for change in found] == [
        ("data › b › c", "yes", "no"),
        ("data › b › list", "x\ny", "x"),
        ("data › e › 2 › f", "2", "3"),
    ]

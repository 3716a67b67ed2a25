"""``fields=``: some fields of each object; a name the caller does not know is refused."""

from typing import Any

import pytest

from crm.models import Customer, Invoice
from hashinsight.api_urls import COLLECTIONS
from tests import factories
from tests.api.client import Caller
from tests.api.test_errors import check

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("view", COLLECTIONS, ids=lambda view: view.route)
def test_every_collection_and_detail_answers_the_chosen_fields(
    view: Any, as_root: Caller, customer_a: Customer, invoice_a: Invoice
) -> None:
    factories.LeadFactory()
    declared = view.serializer_class._declared_fields.keys() | set(view.serializer_class.Meta.fields)
    other = min(declared - {"id"}, key=lambda name: (name != "created_at", name))
    (row, *_rest) = as_root.get(f"/{view.route}/").json()["results"] or [None]
    sparse = as_root.get(f"/{view.route}/?fields=id,{other}").json()["results"]
    assert all(set(one) == {"id", other} for one in sparse)
    if row is None:
        return
    whole = as_root.get(f"/{view.route}/{row['id']}/").json()
    one = as_root.get(f"/{view.route}/{row['id']}/?fields={other},id").json()
    assert one == {name: whole[name] for name in ("id", other)}
    for wrong in ("nothing", "id,nothing", "", f"id,,{other}", f"id.{other}", "pk", "customer__code"):
        for path in (f"/{view.route}/", f"/{view.route}/{row['id']}/"):
            body = check(as_root.get(f"{path}?fields={wrong}"), 400, "invalid_parameter")
            assert [error["parameter"] for error in body["errors"]] == ["fields"]


def test_a_field_for_staff_is_unknown_to_a_client(as_alice: Caller, customer_a: Customer) -> None:
    path = f"/customers/{customer_a.public_id}/"
    names = ("internal_note", "no_such_name1")
    found = [as_alice.get(f"{path}?fields={name}", X_Request_ID="the-same-request") for name in names]
    assert [one.status_code for one in found] == [400, 400]
    assert found[0].content.decode() == found[1].content.decode().replace("no_such_name1", "internal_note")


def test_the_choice_stays_on_the_next_page_and_keeps_the_state(as_root: Caller, customer_a: Customer) -> None:
    factories.CustomerFactory()
    page = as_root.get("/customers/?fields=number&page_size=1").json()
    assert set(as_root.get(page["next"].partition("/api/v1")[2]).json()["results"][0]) == {"number"}
    path = f"/customers/{customer_a.public_id}/"
    tag = as_root.get(f"{path}?fields=number")["ETag"]
    assert tag != as_root.get(path)["ETag"]
    assert as_root.get(f"{path}?fields=number", If_None_Match=tag).status_code == 304
    assert as_root.patch(path, {"phone": "1"}, If_Match=tag).status_code == 200
    assert as_root.patch(path, {"phone": "2"}, If_Match=tag).status_code == 412


def test_it_belongs_to_reading_only(as_root: Caller, customer_a: Customer) -> None:
    check(as_root.patch(f"/customers/{customer_a.public_id}/?fields=id", {"phone": "1"}), 400, "unknown_parameter")

"""The lines of a deal through the API: staff replace them until the deal is approved, clients read them."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from crm.domain import deals
from crm.models import Customer, Deal, DealLine
from tests import factories
from tests.api.client import Caller
from tests.api.test_errors import check
from tests.factories import NOW
from tests.support.standing import standing

pytestmark = pytest.mark.django_db


@pytest.fixture
@standing
def deal(customer_a: Customer) -> Deal:
    return factories.DealFactory(customer=customer_a)


def path(deal: Deal) -> str:
    return f"/deals/{deal.public_id}/lines/"


def test_lines_are_replaced_and_the_value_follows(as_root: Caller, deal: Deal) -> None:
    factories.ProductFactory(code="RACK", name="Rack space", unit_price=Decimal("12.50"), unit_code="MON")
    first = as_root.post(path(deal), {"lines": [{"description": "Old", "unit_price": "1"}]})
    assert (first.status_code, first.json()["value"]) == (200, "1.00")
    answer = as_root.post(
        path(deal), {"lines": [{"product": "RACK", "quantity": "4"}, {"description": "Set-up", "unit_price": "0.125"}]}
    )
    body = answer.json()
    assert (answer.status_code, body["value"]) == (200, "50.13")
    assert [(one["position"], one["product"], one["description"], one["quantity"], one["unit_price"], one["unit_code"])
            for one in body["lines"]] == [
        (1, "RACK", "Rack space", "4", "12.5", "MON"), (2, None, "Set-up", "1", "0.125", "C62"),
    ]  # fmt: skip
    assert DealLine.objects.filter(deal=deal).count() == 2


WRONG: list[tuple[Any, str]] = [
    ({}, "#/lines"),
    ({"lines": []}, "#/lines"),
    ({"lines": [{"unit_price": "1"}]}, "#/lines/0/description"),
    ({"lines": [{"description": "x"}]}, "#/lines/0/unit_price"),
    ({"lines": [{"product": "NOBODY-HAS-IT"}]}, "#/lines/0/product"),
    ({"lines": [{"product": "GONE"}]}, "#/lines/0/product"),
    ({"lines": [{"description": "x", "unit_price": "-1"}]}, "#/lines/0/unit_price"),
    ({"lines": [{"description": "x", "unit_price": "0.000000001"}]}, "#/lines/0/unit_price"),
    ({"lines": [{"description": "x", "unit_price": "1", "quantity": "0"}]}, "#/lines/0/quantity"),
    ({"lines": [{"description": "x", "unit_price": "1", "quantity": "0.0001"}]}, "#/lines/0/quantity"),
    ({"lines": [{"description": "x\u0007", "unit_price": "1"}]}, "#/lines/0/description"),
    ({"lines": [{"description": "x", "unit_price": "1", "unit_code": "??"}]}, "#/lines/0/unit_code"),
    ({"lines": [{"description": "x", "unit_price": "1", "net_amount": "5"}]}, "#/lines/0/net_amount"),
    ({"lines": [{"description": "x", "unit_price": "1"}] * 501}, "#/lines"),
]


@pytest.mark.parametrize(("body", "pointer"), WRONG, ids=[f"{at}-{n}" for n, (_body, at) in enumerate(WRONG)])
def test_wrong_lines_are_refused_and_the_old_ones_stay(as_root: Caller, deal: Deal, body: Any, pointer: str) -> None:
    factories.ProductFactory(code="GONE", is_active=False)
    deals.set_lines(deal, lines=[DealLine(description="Old", quantity=1, unit_price=1)])
    answer = check(as_root.post(path(deal), body), 400, "invalid")
    assert pointer in {error["pointer"] for error in answer["errors"]}
    assert list(DealLine.objects.values_list("description", flat=True)) == ["Old"]


def test_more_than_can_be_billed_and_settled_lines_are_a_409(as_root: Caller, deal: Deal, root: User) -> None:
    huge = {"lines": [{"description": "x", "unit_price": "999999999999", "quantity": "9999999999"}]}
    check(as_root.post(path(deal), huge), 409, "deal_refused")
    deals.submit_deal(deal, by=root, at=NOW)
    lines = {"lines": [{"description": "x", "unit_price": "2"}]}
    assert as_root.post(path(deal), lines).status_code == 200
    deals.approve_deal(deal, by=root, at=NOW)
    check(as_root.post(path(deal), lines), 409, "deal_refused")


def test_another_text_is_another_version(as_root: Caller, deal: Deal) -> None:
    """Though the value stays: whoever read the old lines must not overwrite the new ones."""
    line = {"description": "x", "unit_price": "2"}
    tag = as_root.post(path(deal), {"lines": [line]})["ETag"]
    assert as_root.post(path(deal), {"lines": [{**line, "description": "y"}]}, If_Match=tag).status_code == 200
    check(as_root.post(path(deal), {"lines": [line]}, If_Match=tag), 412, "stale")
    assert DealLine.objects.get(deal=deal).description == "y"


def test_a_repeat_with_the_same_key_does_nothing(as_root: Caller, deal: Deal) -> None:
    body = {"lines": [{"description": "x", "unit_price": "2"}]}
    first, again = (as_root.post(path(deal), body, Idempotency_Key="k") for _call in range(2))
    assert (again.content, again["Idempotency-Replayed"]) == (first.content, "true")
    assert DealLine.objects.filter(deal=deal).count() == 1


def test_clients_read_lines_and_never_write_them(as_alice: Caller, deal: Deal, root: User) -> None:
    deals.set_lines(deal, lines=[DealLine(description="Old", quantity=1, unit_price=1)])
    deals.submit_deal(deal, by=root, at=NOW)
    lines = as_alice.get(f"/deals/{deal.public_id}/").json()["lines"]
    assert [(one["description"], "product" in one) for one in lines] == [("Old", False)]
    check(as_alice.post(path(deal), {"lines": [{"description": "x", "unit_price": "2"}]}), 403, "scope_missing")

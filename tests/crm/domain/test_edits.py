"""Edits reach columns that people type; states and numbers keep their own functions."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from crm.domain import deals, edits
from crm.models import DealLine
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        ("lead", "status", "won"),
        ("deal", "status", "completed"),
        ("deal", "stage", "closed_won"),
        ("deal", "version", 9),
        ("customer", "status", "inactive"),
        ("customer", "public_id", "x"),
    ],
)
def test_no_state_is_moved_by_an_edit(model: str, name: str, value: Any, root: User) -> None:
    row: Any = {"lead": factories.LeadFactory, "deal": factories.DealFactory, "customer": factories.CustomerFactory}[
        model
    ]()
    edit: Any = {"lead": edits.change_lead, "deal": edits.change_deal, "customer": edits.change_customer}[model]

    with pytest.raises(ValueError, match="function of its own"):
        edit(row, changes={name: value}, by=root)
    assert row.reload().version == 1


def test_the_value_of_a_deal_is_settled_by_its_lines_and_by_its_approval(root: User) -> None:
    deal = factories.DealFactory()
    assert edits.change_deal(deal, changes={"value": 7}, by=root).value == 7
    with pytest.raises(ValidationError):
        edits.change_deal(deal, changes={"value": -1}, by=root)
    with pytest.raises(ValidationError, match="too many digits for USD"):
        edits.change_deal(deal, changes={"value": Decimal("7.001")}, by=root)
    coins = edits.change_deal(deal, changes={"value": Decimal("0.00000001"), "currency": "BTC"}, by=root)
    assert coins.value == Decimal("0.00000001")
    deals.set_lines(deal, lines=[DealLine(description="x", quantity=1, unit_price=1)])
    with pytest.raises(deals.DealRefused):
        edits.change_deal(deal, changes={"value": 8}, by=root)
    approved = deals.approve_deal(deals.submit_deal(factories.DealFactory(), by=root, at=NOW), by=root, at=NOW)
    with pytest.raises(deals.DealRefused):
        edits.change_deal(approved, changes={"currency": "EUR"}, by=root)

"""Rows that stand from one test to the next are exactly those the next one asked for, as they were made."""

from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from crm.models import Customer, LegalEntity
from tests import factories
from tests.support.standing import STAGE, standing, wanted_by

pytestmark = pytest.mark.django_db
MADE: list[str] = []


@pytest.fixture
@standing
def second(customer_a: Customer) -> Customer:
    MADE.append("second")
    customer: Any = factories.CustomerFactory(company_name="Second", legal_entity=customer_a.legal_entity)
    return customer


def names() -> list[str]:
    return list(Customer.objects.order_by("company_name").values_list("company_name", flat=True))


def test_what_was_asked_for_is_there(second: Customer, customer_a: Customer) -> None:
    assert names() == ["Aurora Mining AG", "Second"]
    assert MADE == ["second"]
    assert second.legal_entity is customer_a.legal_entity


@pytest.mark.parametrize("turn", [1, 2])
def test_what_a_test_does_to_its_rows_is_gone_with_it(second: Customer, turn: int) -> None:
    assert (second.company_name, names(), MADE) == ("Second", ["Aurora Mining AG", "Second"], ["second"])
    second.company_name = f"Changed {turn}"
    second.save()
    factories.CustomerFactory(company_name="Third")


def test_what_was_not_asked_for_is_gone(legal_entity: LegalEntity) -> None:
    assert names() == []
    assert LegalEntity.objects.count() == 1
    assert User.objects.count() == 0


def test_it_is_made_anew_where_it_had_gone(second: Customer) -> None:
    assert names() == ["Aurora Mining AG", "Second"]
    assert MADE == ["second"] * 2


def test_nothing_stands_for_whoever_asks_for_nothing() -> None:
    assert STAGE.levels == []
    assert len(connection.savepoint_ids) == 0


def test_a_test_that_commits_begins_with_nothing_that_stands(transactional_db: None) -> None:
    assert STAGE.levels == []
    assert not connection.in_atomic_block


def test_a_standing_fixture_that_needs_one_of_the_test_is_refused(request: Any) -> None:
    class Known:
        def __init__(self, func: Any) -> None:
            self.func = func

    class Item:
        fixturenames = ("rows",)
        _fixtureinfo: Any = None

    @standing
    def rows(tmp_path: object) -> None: ...

    item: Any = Item()
    item._fixtureinfo = type("Info", (), {"name2fixturedefs": {"rows": [Known(rows)]}})
    with pytest.raises(TypeError, match="rows stands, tmp_path does not"):
        wanted_by(item)

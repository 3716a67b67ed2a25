"""Cursor pages are exact over (column, id), tell nothing, and count nothing."""

import base64
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from crm.domain import payments
from crm.models import Customer
from tests import factories
from tests.api.client import Caller
from tests.support.standing import standing

pytestmark = pytest.mark.django_db


def walk(caller: Caller, path: str, link: str = "next") -> list[list[Any]]:
    """All pages from here on."""
    pages: list[list[Any]] = []
    url: str | None = path
    while url:
        body = caller.get(url).json()
        assert set(body) == {"next", "previous", "results"}
        pages.append([row["id"] for row in body["results"]])
        url = body[link]
        assert len(pages) < 50
    return pages


@pytest.fixture
@standing
def same_moment(customer_a: Customer) -> list[str]:
    """Seven customers, five of them of one moment and one name: only the id tells them apart."""
    rows = [factories.CustomerFactory(company_name="Same", created_at=factories.NOW) for _n in range(5)]
    rows.append(factories.CustomerFactory(company_name="Later", created_at=factories.NOW + timedelta(days=1)))
    rows.append(factories.CustomerFactory(company_name="Ähnlich", created_at=factories.NOW - timedelta(days=1)))
    return [str(row.public_id) for row in rows]


@pytest.mark.parametrize("ordering", ["created_at", "-created_at", "company_name", "-company_name"])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_no_row_twice_and_none_left_out(
    as_root: Caller, same_moment: list[str], customer_a: Customer, ordering: str, size: int
) -> None:
    pages = walk(as_root, f"/customers/?ordering={ordering}&page_size={size}")
    column = ordering.lstrip("-")
    expected = [
        str(public_id)
        for public_id in Customer.objects.order_by(ordering, "-id" if ordering[0] == "-" else "id").values_list(
            "public_id", flat=True
        )
    ]
    assert column in ("created_at", "company_name")
    assert [row for page in pages for row in page] == expected
    assert all(len(page) == size for page in pages[:-1])


def test_previous_leads_back_through_the_same_pages(as_root: Caller, same_moment: list[str]) -> None:
    forwards = walk(as_root, "/customers/?page_size=3")
    url = "/customers/?page_size=3"
    for _page in forwards[:-1]:
        url = as_root.get(url).json()["next"]
    backwards = walk(as_root, url, "previous")
    assert backwards[::-1] == forwards


def test_rows_added_meanwhile_shift_nothing(as_root: Caller, same_moment: list[str]) -> None:
    first = as_root.get("/customers/?page_size=3").json()
    factories.CustomerFactory(created_at=factories.NOW + timedelta(days=400))
    seen = [row["id"] for row in first["results"]] + [row for page in walk(as_root, first["next"]) for row in page]
    assert len(seen) == len(set(seen)) == len(same_moment) + 1


def test_filters_stay_on_the_way(as_root: Caller, same_moment: list[str]) -> None:
    assert sum(len(page) for page in walk(as_root, "/customers/?search=same&page_size=2")) == 5


def cursor_of(body: dict[str, Any]) -> str:
    """The cursor in a link."""
    query = urlsplit(body["next"]).query
    return dict(part.split("=", 1) for part in query.split("&"))["cursor"]


def test_a_cursor_is_bound_to_caller_list_and_order(
    as_root: Caller, as_alice: Caller, as_bob: Caller, same_moment: list[str], root: User, customer_a: Customer
) -> None:
    for _n in range(2):
        factories.issued_invoice(by=root, customer=customer_a)
    cursor = cursor_of(as_alice.get("/invoices/?page_size=1").json())
    assert as_alice.get(f"/invoices/?page_size=1&cursor={cursor}").status_code == 200
    for caller, path in (
        (as_bob, f"/invoices/?cursor={cursor}"),
        (as_root, f"/invoices/?cursor={cursor}"),
        (as_alice, f"/deals/?cursor={cursor}"),
        (as_alice, f"/invoices/?cursor={cursor}&ordering=created_at"),
    ):
        assert caller.get(path).json()["code"] == "invalid_cursor"


def test_a_changed_cursor_is_refused_at_every_character(as_root: Caller, same_moment: list[str]) -> None:
    cursor = cursor_of(as_root.get("/customers/?page_size=1").json())
    for place in range(len(cursor)):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        raw, other = (base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in (cursor, changed))
        if raw != other:  # the last character has bits that mean nothing
            assert as_root.get(f"/customers/?cursor={changed}").status_code == 400


def test_a_cursor_shows_no_id(as_root: Caller, same_moment: list[str]) -> None:
    body = as_root.get("/customers/?page_size=1").json()
    cursor = cursor_of(body)
    opened = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    row = Customer.objects.get(public_id=body["results"][0]["id"])
    assert str(row.pk).encode() not in opened
    assert row.created_at.isoformat().encode() not in opened


LISTS = ["customers", "deals", "invoices", "payments", "activities", "api-keys"]


def fill(customer: Customer, root: User, count: int) -> None:
    """Some rows of every kind."""
    for _n in range(count):
        invoice = factories.issued_invoice(by=root, customer=customer)
        payments.record_payment(
            invoice, amount=factories.Decimal(1), currency="USD", received_on=factories.TODAY, by=root,
            on=factories.TODAY, at=factories.NOW,
        )  # fmt: skip


def queries_of(caller: Caller, path: str) -> list[str]:
    """What the database is asked."""
    with CaptureQueriesContext(connection) as captured:
        assert caller.get(path).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


# The key and the note of its use 2; then a client: memberships 1, savepoint and release 2 (begin and commit outside
# of tests), role taken and given back 3, the page 1. Staff: powers of their own and of their groups 2, the page 1.
CLIENT_QUERIES, STAFF_QUERIES, STAFF_OWN_KEYS_QUERIES = 9, 5, 3


def test_lists_ask_the_same_queries_for_1_and_3_rows_and_count_nothing(
    as_alice: Caller, as_clerk: Caller, customer_a: Customer, root: User
) -> None:
    for rows in (1, 2):
        fill(customer_a, root, rows)
        for name in LISTS:
            for caller, expected in ((as_alice, CLIENT_QUERIES), (as_clerk, STAFF_QUERIES)):
                caller.get("/me/")
                sql = queries_of(caller, f"/{name}/")
                own_keys = name == "api-keys" and caller is as_clerk
                assert not [text for text in sql if "COUNT(" in text.upper()]
                assert len(sql) == (STAFF_OWN_KEYS_QUERIES if own_keys else expected), (name, rows, sql)

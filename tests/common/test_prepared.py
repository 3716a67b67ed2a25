"""A question put into SQL once is the same question, asked with the values of the moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import backends
from accounts.api import authentication
from accounts.domain.grants import grant_access
from accounts.models import ApiKey, User
from crm.models import Customer
from hashinsight.common.prepared import Prepared
from tests.api.client import Caller
from tests.factories import NOW, CustomerFactory

pytestmark = pytest.mark.django_db
SOON = datetime(1970, 1, 1, tzinfo=UTC)


def of_a_country(name: str, since: datetime) -> Any:
    return Customer.objects.filter(company_name=name, created_at__gte=since).select_related("legal_entity")


def test_it_finds_what_the_queryset_finds_and_nothing_else(customer_a: Customer, customer_b: Customer) -> None:
    ask = Prepared(of_a_country, "?", SOON)
    for customer in (customer_a, customer_b, customer_a):
        found = ask.first(customer.company_name, SOON)
        assert found == customer
        assert vars(found)["company_name"] == customer.company_name
        assert found.legal_entity == customer.legal_entity
    assert ask.first("nobody", SOON) is None
    assert ask.first(customer_a.company_name, datetime(2999, 1, 1, tzinfo=UTC)) is None


def test_it_is_built_once_and_each_time_one_statement(customer_a: Customer) -> None:
    built = []

    def build(name: str, since: datetime) -> Any:
        built.append(name)
        return of_a_country(name, since)

    ask = Prepared(build, "?", SOON)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        for _time in range(3):
            ask.first(customer_a.company_name, SOON)
    assert (len(asked), built) == (3, ["?"])
    plain = of_a_country(customer_a.company_name, SOON)[:1]
    with CaptureQueriesContext(connection) as usual:
        list(plain)
    assert asked[-1]["sql"] == usual[0]["sql"]


def test_a_value_that_the_sql_does_not_hold_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="'lost' is not found in SELECT"):
        Prepared(lambda _lost: Customer.objects.all(), "lost").first("x")


@pytest.mark.parametrize("name", ["prefix", "user"])
def test_whoever_comes_in_is_found_as_by_the_plain_query(name: str, alice: User, bob: User, root: User) -> None:
    """The two ways in: each answer is that of the query it was made of, also when access has ended."""
    keys = {user.pk: Caller(user).key for user in (alice, bob)}
    grant_access(bob, days=3, by=root, at=NOW)
    for user in (alice, bob):
        prepared, build, value = {
            "prefix": (authentication._by_prefix, authentication._rows, keys[user.pk].prefix),
            "user": (backends._by_id, backends._rows, user.pk),
        }[name]
        for at in (NOW + timedelta(days=1), NOW + timedelta(days=5)):
            found, usual = prepared.first(value, at), build(value, at).get()  # type: ignore[attr-defined]
            assert found is not None
            assert _told(found) == _told(usual)
            assert found.access_open is (user == alice or at == NOW + timedelta(days=1))


def _told(row: ApiKey | User) -> dict[str, Any]:
    """Columns and annotations, those of the row beside it as well."""
    mine = {key: value for key, value in vars(row).items() if key != "_state"}
    return mine | {"beside": {key: _told(one) for key, one in row._state.fields_cache.items()}}


@pytest.mark.django_db(transaction=True)
def test_each_thread_asks_on_its_own_connection() -> None:
    names = [f"Customer {number}" for number in range(8)]
    for name in names:
        CustomerFactory(company_name=name)
    ask = Prepared(of_a_country, "?", SOON)

    def look(name: str) -> tuple[str, int]:
        try:
            found = ask.first(name, SOON)
            assert found is not None
            return found.company_name, connection.connection.info.backend_pid
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(look, names))
    assert [name for name, _pid in told] == names
    assert connection.connection is None or connection.connection.info.backend_pid not in {pid for _name, pid in told}

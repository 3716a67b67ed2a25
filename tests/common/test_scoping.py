"""The scope of a client's request: the database shows its rows, lets it write nothing, and forgets it afterwards."""

import contextlib
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from crm.api.serializers import ActivitySerializer
from crm.models import Customer
from hashinsight.common.api import views
from hashinsight.common.api.scope import answering_as
from hashinsight.common.scoping import CLIENT_ROLE, client_scope, client_view
from tests.api.client import Caller

pytestmark = pytest.mark.django_db


def _seen() -> list[str]:
    return sorted(Customer.objects.values_list("company_name", flat=True))


def _role() -> tuple[str, str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('role'), coalesce(current_setting('app.customer_ids', true), ''),"
            " coalesce(current_setting('app.user_id', true), '')"
        )
        found: tuple[str, str, str] = cursor.fetchone()
    return found


def test_inside_the_scope_only_own_rows_exist(customer_a: Customer, customer_b: Customer) -> None:
    with client_scope([customer_a.pk]):
        assert _seen() == ["Aurora Mining AG"]
    with client_scope([]):
        assert _seen() == []
    assert _seen() == ["Aurora Mining AG", "Borealis Compute Ltd"]


def test_the_scope_leaves_no_trace_also_when_nested_or_ended_by_an_error(
    customer_a: Customer, customer_b: Customer
) -> None:
    before = _role()
    with client_scope([customer_a.pk], user_id="00000000-0000-7000-8000-000000000001"):
        inside = _role()
        with client_scope([customer_b.pk]):
            assert _seen() == ["Borealis Compute Ltd"]
        assert (_seen(), _role()) == (["Aurora Mining AG"], inside)
    assert _role() == before
    for error in (RuntimeError, DatabaseError):
        with pytest.raises(error), client_scope([customer_a.pk]):
            raise error
        assert _role() == before


def test_the_answer_to_a_write_is_read_as_the_caller_inside_its_transaction(
    alice: User, clerk: User, customer_a: Customer, customer_b: Customer
) -> None:
    before = _role()
    with transaction.atomic():
        with answering_as(alice):
            assert (_seen(), _role()) == (["Aurora Mining AG"], (CLIENT_ROLE, str(customer_a.pk), str(alice.pk)))
        assert _role() == before
        with answering_as(clerk):
            assert (len(_seen()), _role()) == (2, before)


@pytest.mark.parametrize("leaking", [False, True])
def test_the_answer_to_a_write_is_rendered_as_the_client(
    leaking: bool, alice: User, customer_a: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control leaves the scope out, and the rendering is then seen to speak as the application."""
    roles: list[str] = []
    real = ActivitySerializer.to_representation

    def watched(self: Any, activity: Any) -> Any:
        roles.append(_role()[0])
        return real(self, activity)

    monkeypatch.setattr(ActivitySerializer, "to_representation", watched)
    if leaking:
        monkeypatch.setattr(views, "answering_as", lambda user: contextlib.nullcontext())
    answer = Caller(alice).post("/activities/", {"customer": str(customer_a.public_id), "subject": "Call"})
    assert answer.status_code == 201, answer.content
    assert (set(roles) == {CLIENT_ROLE}) is not leaking


@pytest.mark.django_db(transaction=True)
def test_the_client_role_is_refused_where_it_would_not_hold() -> None:
    with pytest.raises(transaction.TransactionManagementError, match="none is open"), client_view([1]):
        pass


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE crm_customer SET company_name = 'x'",
        "DELETE FROM crm_customer",
        "INSERT INTO crm_customer (company_name) VALUES ('x')",
        "TRUNCATE crm_customer",
        "SELECT * FROM crm_lead",
        "SELECT * FROM crm_customerevent",
        "SELECT * FROM events_outboxevent",
        "SELECT * FROM jobs_duework",
        "CREATE TABLE mine (id int)",
    ],
)
def test_the_client_role_may_write_nothing_and_read_nothing_of_ours(statement: str, customer_a: Customer) -> None:
    def run() -> None:
        with client_scope([customer_a.pk]), connection.cursor() as cursor:
            cursor.execute(statement)

    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        run()


def test_ids_are_numbers_and_nothing_else() -> None:
    with pytest.raises(ValueError, match="invalid literal"), client_scope(["1,2"]):  # type: ignore[list-item]
        pass


def test_people_see_their_customers_staff_all_strangers_none(
    alice: User, charlie: User, clerk: User, customer_a: Customer, customer_b: Customer
) -> None:
    def names(user: User) -> list[str]:
        return sorted(one.company_name for one in Customer.objects.visible_to(user))

    assert names(alice) == ["Aurora Mining AG"]
    assert names(charlie) == ["Borealis Compute Ltd"]
    assert names(clerk) == ["Aurora Mining AG", "Borealis Compute Ltd"]
    alice.is_active = False
    assert names(alice) == []

"""Audit: who, why and on which request stand beside each changed row, for the rows they belong to."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from crm.models import Customer
from hashinsight.common.audit import audit_context
from hashinsight.common.context import request_id_scope
from tests.factories import CustomerFactory

pytestmark = pytest.mark.django_db


def _history() -> list[tuple[str, str, Any]]:
    rows = Customer.pgh_event_model.objects.order_by("pgh_id")
    return list(rows.values_list("pgh_label", "company_name", "pgh_context__metadata"))


def test_each_block_labels_its_own_rows_only(root: User) -> None:
    customer = CustomerFactory(company_name="A")
    Customer.pgh_event_model.objects.all()
    with request_id_scope("request-12345"), audit_context(actor=root, source="web"):
        Customer.objects.update(company_name="B")
        with audit_context(reason="first"):
            Customer.objects.update(company_name="C")
        with audit_context(reason="second"):
            Customer.objects.update(company_name="D")
        Customer.objects.update(company_name="E")
    who = {"actor": str(root.pk), "actor_name": str(root), "source": "web", "request_id": "request-12345"}
    assert _history()[1:] == [
        ("update", "B", who),
        ("update", "C", {**who, "reason": "first"}),
        ("update", "D", {**who, "reason": "second"}),
        ("update", "E", who),
    ]
    assert customer.reload().version == 5


def test_an_error_inside_a_block_leaves_no_label_behind() -> None:
    with audit_context(actor="outer"):
        with pytest.raises(RuntimeError), audit_context(reason="inner"):
            raise RuntimeError
        CustomerFactory(company_name="A")
    assert _history() == [("insert", "A", {"actor": "outer", "actor_name": "outer"})]


def test_raw_sql_bulk_updates_and_deletes_leave_rows_with_actor(root: User) -> None:
    CustomerFactory(company_name="A"), CustomerFactory(company_name="A")
    with audit_context(actor=root, reason="by hand"), connection.cursor() as cursor:
        cursor.execute("UPDATE crm_customer SET company_name = 'B'")
        Customer.objects.bulk_update([*map(_renamed, Customer.objects.all())], ["company_name"])
        cursor.execute("DELETE FROM crm_customer")
    rows = _history()[2:]
    assert [(label, name) for label, name, _meta in rows] == [
        ("update", "B"),
        ("update", "B"),
        ("update", "C"),
        ("update", "C"),
        ("delete", "C"),
        ("delete", "C"),
    ]
    assert {(meta["actor"], meta["reason"]) for _label, _name, meta in rows} == {(str(root.pk), "by hand")}


def _renamed(customer: Customer) -> Customer:
    customer.company_name = "C"
    return customer


def test_a_write_that_changes_nothing_leaves_no_row_and_no_version() -> None:
    customer = CustomerFactory(company_name="A")
    Customer.objects.update(company_name="A")
    customer.save()
    assert (len(_history()), customer.reload().version) == (1, 1)


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_history_itself_cannot_be_changed(verb: str) -> None:
    CustomerFactory(company_name="A")
    rows = Customer.pgh_event_model.objects.all()
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(company_name="Z") if verb == "update" else rows.delete()
    assert [name for _label, name, _meta in _history()] == ["A"]


def test_the_version_is_counted_by_the_database_whatever_is_written_into_it() -> None:
    customer = CustomerFactory()
    Customer.objects.update(version=99)
    assert customer.reload().version == 2

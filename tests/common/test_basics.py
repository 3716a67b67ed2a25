"""Ids, request ids, logs, addresses, moves."""

import json
import logging
import time
import uuid
from typing import Any

import pytest
from django.db import transaction
from django.db.transaction import TransactionManagementError
from django.test import RequestFactory

from crm.enums import CUSTOMER_MOVES
from crm.models import Customer
from hashinsight.common.context import clean_request_id, current_request_id, request_id_scope
from hashinsight.common.ids import new_public_id
from hashinsight.common.logs import JsonFormatter, RequestIdFilter
from hashinsight.common.requests import client_ip
from hashinsight.common.transitions import MoveRefused, lock_for_move
from tests.factories import CustomerFactory


def test_public_ids_are_version_7_in_the_order_of_time_and_unlike_each_other() -> None:
    ids = [new_public_id() for _ in range(2000)]
    assert {(one.version, one.variant) for one in ids} == {(7, uuid.RFC_4122)}
    assert len({one.int & (2**62 - 1) for one in ids}) == 2000
    times = [one.int >> 80 for one in ids]
    assert times == sorted(times)
    assert abs(times[-1] - time.time() * 1000) < 5000


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abcdefgh", True),
        ("A1._-9zz", True),
        ("x" * 64, True),
        ("short", False),
        ("x" * 65, False),
        ("abcdefgh\n", False),
        ("abcd efgh", False),
        ("äbcdefgh", False),
        ("", False),
        (None, False),
    ],
)
def test_a_harmless_request_id_is_kept_anything_else_replaced(given: str | None, kept: bool) -> None:
    found = clean_request_id(given)
    assert (found == given) is kept
    assert kept or uuid.UUID(found).version == 7


def test_the_request_id_ends_with_its_scope() -> None:
    with request_id_scope("outer-id"), request_id_scope("inner-id"):
        assert current_request_id() == "inner-id"
    assert current_request_id() == ""


def test_a_log_line_is_one_line_of_json_whatever_is_logged() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, 'a\n{"level": "forged"}\x00 🚀', None, None)
    with request_id_scope("request-1"):
        RequestIdFilter().filter(record)
    line = JsonFormatter().format(record)
    assert "\n" not in line
    found = json.loads(line)
    assert (found["message"], found["request_id"]) == ('a\n{"level": "forged"}\x00 🚀', "request-1")


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (0, "6.6.6.6", "10.0.0.1"),
        (1, "6.6.6.6, 7.7.7.7", "7.7.7.7"),
        (2, "6.6.6.6, 7.7.7.7, 8.8.8.8", "7.7.7.7"),
        (2, "7.7.7.7", "10.0.0.1"),
        (1, "not an address", None),
        (1, "", "10.0.0.1"),
    ],
)
def test_forwarded_addresses_count_only_behind_our_own_proxies(
    proxies: int, forwarded: str, found: str | None, settings: Any
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    request = RequestFactory().get("/", headers={"x-forwarded-for": forwarded}, REMOTE_ADDR="10.0.0.1")
    assert client_ip(request) == found


def test_no_request_has_no_address() -> None:
    assert client_ip(None) is None


@pytest.mark.django_db
def test_a_move_re_reads_the_row_and_names_both_states_when_it_refuses() -> None:
    stale = CustomerFactory(company_name="A")
    Customer.objects.filter(pk=stale.pk).update(status="inactive")
    locked = lock_for_move(stale, field="status", to="active", moves=CUSTOMER_MOVES)
    assert (locked.status, stale.status) == ("inactive", "active")
    with pytest.raises(MoveRefused) as refused:
        lock_for_move(stale, field="status", to="inactive", moves=CUSTOMER_MOVES)
    assert str(refused.value) == "A is inactive and cannot become inactive."
    assert (refused.value.code, refused.value.params) == ("move_refused", {"state": "inactive", "to": "inactive"})
    with pytest.raises(MoveRefused):
        lock_for_move(stale, field="status", to="nonsense", moves=CUSTOMER_MOVES)


@pytest.mark.django_db(transaction=True)
def test_a_move_outside_of_a_transaction_is_a_mistake() -> None:
    customer = CustomerFactory()
    with pytest.raises(TransactionManagementError):
        lock_for_move(customer, field="status", to="inactive", moves=CUSTOMER_MOVES)
    with transaction.atomic():
        assert lock_for_move(customer, field="status", to="inactive", moves=CUSTOMER_MOVES) == customer

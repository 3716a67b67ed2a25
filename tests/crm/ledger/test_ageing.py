"""Ageing: every day falls into exactly one bucket."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from crm.engine.ageing import BUCKETS, aged, bucket_of

DUE = date(2026, 1, 31)


@pytest.mark.parametrize(
    ("late", "bucket"), [(-400, 0), (0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4), (4000, 4)]
)
def test_the_edges_of_the_buckets(late: int, bucket: int) -> None:
    assert bucket_of(DUE, DUE + timedelta(days=late)) == bucket


def test_the_sum_of_all_ages_is_the_sum_of_all_items() -> None:
    items = [(DUE + timedelta(days=days), Decimal(days + 301)) for days in range(-300, 300)]
    found = aged(items, on=DUE)
    assert len(found.amounts) == len(BUCKETS)
    assert found.total == sum(amount for _due, amount in items)
    assert found.overdue == sum(amount for due, amount in items if due < DUE)

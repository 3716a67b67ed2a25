"""Values that whoever issued them takes back: gone from then on, known for what was decided before, never deleted."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from curtailment.domain.rules.points import ahead, points
from hashinsight.events.models import OutboxEvent
from marketdata.domain.prices import best_known, price_at, standing, store, withdraw
from marketdata.models import PricePoint, PriceSeries
from tests.marketdata.test_prices import START, hours, series

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DAY = timedelta(days=1)
NOW = START + DAY


def values(row: PriceSeries, at: datetime) -> list[Decimal]:
    return [one.value for one in best_known(row, start=START, end=START + DAY, at=at)]


def test_what_is_withdrawn_is_not_known_from_then_on() -> None:
    row = series()
    store(row, hours([1, 2, 3]), at=START - HOUR, issued_at=START - HOUR)
    told = OutboxEvent.objects.filter(kind="price_series.values_stored").count()
    assert withdraw(row, [START + HOUR, START + 9 * HOUR], at=NOW, source="them") == 1
    assert OutboxEvent.objects.filter(kind="price_series.values_stored").count() == told + 1
    assert values(row, NOW) == [1, 3]
    assert values(row, NOW - MINUTE) == [1, 2, 3]
    assert price_at(row, START + HOUR, at=NOW) is None
    assert [one.start for one in points(row, start=START - HOUR, at=NOW)] == [START, START + 2 * HOUR]
    assert len(points(row, start=START - HOUR, at=NOW - MINUTE, nominal=True)) == 3
    assert len(ahead(row, start=START, end=START + DAY, at=NOW)) == 2
    assert withdraw(row, [START + HOUR], at=NOW) == 0, "once"
    assert OutboxEvent.objects.filter(kind="price_series.values_stored").count() == told + 1


def test_a_value_may_come_again_the_same_or_another() -> None:
    row = series()
    store(row, hours([1, 2]), at=START - HOUR, issued_at=START - HOUR)
    withdraw(row, [START, START + HOUR], at=NOW)
    assert values(row, NOW) == []
    again = store(row, hours([1, 5]), at=NOW + MINUTE)
    assert (again.new, again.changed, again.same) == (0, 2, 0)
    assert values(row, NOW + MINUTE) == [1, 5]
    assert values(row, NOW) == []
    assert len(points(row, start=START - HOUR, at=NOW + MINUTE)) == 2
    assert PricePoint.objects.count() == 6


def test_what_is_settled_is_not_withdrawn() -> None:
    row = series()
    store(row, hours([1]), at=START, issued_at=START, is_settled=True)
    assert withdraw(row, [START], at=NOW) == 0
    assert values(row, NOW) == [1]


def test_a_series_whose_last_values_were_withdrawn_is_as_old_as_the_others() -> None:
    row = series(stale_after_minutes=60)
    store(row, hours([1, 2, 3]), at=START - HOUR, issued_at=START - HOUR)
    withdraw(row, [START + 2 * HOUR], at=START)
    assert standing(row, at=START + HOUR).last_end == START + 2 * HOUR


def test_the_database_changes_no_value_to_withdrawn() -> None:
    row = series()
    store(row, hours([Decimal(1)]), at=START, issued_at=START)
    with pytest.raises(DatabaseError), transaction.atomic():
        PricePoint.objects.update(is_withdrawn=True)

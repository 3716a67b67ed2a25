"""T2: numbers of issued documents have neither gaps nor duplicates, however many people issue at once.

The control runs the same harness on a database sequence, which must show gaps after rollbacks.
"""

import os
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import pytest
from django.db import connection, transaction

from accounts.models import User
from crm.domain import invoicing, issuing, numbering
from crm.models import Customer, Deal, Invoice, LegalEntity, NumberSeries
from tests import factories
from tests.factories import NOW, TODAY
from tests.support.database import owner_login
from tests.trust.threads import in_threads

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet_broker")]

CONNECTIONS = 8
ROLLBACKS = 0.1
# Documents with lines, issued in full; the others only carry a number.
FULL_EVERY = 12 if os.environ.get("HASHINSIGHT_NIGHTLY") else 40


class RolledBack(Exception):
    """What goes wrong after the number was taken."""


def harvest(take: Callable[[int], str], *, count: int, seed: int) -> list[str]:
    """Numbers that survived: ``count`` takes on CONNECTIONS connections, one in ten rolled back."""
    dice = random.Random(seed)
    fails = [dice.random() < ROLLBACKS for _ in range(count)]

    def work(worker: int) -> list[str]:
        kept = []
        for index in range(worker, count, CONNECTIONS):
            try:
                with transaction.atomic():
                    number = take(index)
                    if fails[index]:
                        raise RolledBack
            except RolledBack:
                continue
            kept.append(number)
        return kept

    results = in_threads(work, CONNECTIONS)
    assert [one for one in results if isinstance(one, Exception)] == []
    assert 0 < sum(fails) < count
    kept = [number for numbers in results for number in numbers]
    assert len(kept) == count - sum(fails)
    return kept


def gaps(numbers: list[str]) -> int:
    """How many numbers below the highest of each series are missing."""
    series: dict[str, set[int]] = defaultdict(set)
    for number in numbers:
        name, _, tail = number.rpartition("-")
        series[name].add(int(tail))
    return sum(max(found) - len(found) for found in series.values())


def duplicates(numbers: list[str]) -> int:
    """How many numbers were given more than once."""
    return sum(times - 1 for times in Counter(numbers).values())


@pytest.fixture
def customers(legal_entity: LegalEntity) -> list[Customer]:
    return [factories.CustomerFactory(legal_entity=legal_entity) for _ in range(4)]


def light_drafts(deals: list[Deal], *, count: int) -> list[Invoice]:
    """Drafts without lines, the customers in turn: enough to carry a number, and quickly made."""
    return Invoice.objects.bulk_create(
        Invoice(
            customer=deals[n % len(deals)].customer, deal=deals[n % len(deals)], kind="usage", currency="USD",
            legal_entity=deals[n % len(deals)].customer.legal_entity, language="en", reference=f"light-{n}",
        )
        for n in range(count)
    )  # fmt: skip


@pytest.mark.parametrize("scope", ["entity", "customer"])
def test_numbers_have_no_gap_and_no_duplicate(
    scope: str, legal_entity: LegalEntity, customers: list[Customer], root: User, nightly: bool
) -> None:
    LegalEntity.objects.filter(pk=legal_entity.pk).update(number_scope=scope)
    count = 10_000 if nightly else {"entity": 600, "customer": 400}[scope]
    drafts = {
        index: invoicing.draft_from_deal(factories.signed_deal(by=root, customer=customers[index % 3]), by=root, at=NOW)
        for index in range(0, count, FULL_EVERY)
    }
    light = light_drafts([factories.DealFactory(customer=one) for one in customers], count=count)

    def take(index: int) -> str:
        if index in drafts:
            return str(issuing.issue_invoice(drafts[index], by=root, on=TODAY, at=NOW).number)
        entity = LegalEntity.objects.get(pk=legal_entity.pk)
        number = numbering.take(legal_entity=entity, kind="deal", customer=customers[index % 4], on=TODAY)
        issued = {"status": "sent", "number": number, "issued_on": TODAY, "due_on": TODAY}
        assert Invoice.objects.filter(pk=light[index].pk).update(**issued) == 1
        return number

    numbers = harvest(take, count=count, seed=2)

    issued = set(Invoice.objects.filter(number__isnull=False).values_list("number", flat=True))
    assert issued == set(numbers)
    assert (gaps(numbers), duplicates(numbers)) == (0, 0)
    counters = list(NumberSeries.objects.values_list("last_number", flat=True))
    assert sum(counters) == len(numbers)
    assert len(counters) == (1 if scope == "entity" else 4)


@pytest.fixture
def sequence(transactional_db: None) -> Iterator[None]:
    with owner_login(), connection.cursor() as cursor:
        cursor.execute("CREATE SEQUENCE control_numbers")
    yield
    with owner_login(), connection.cursor() as cursor:
        cursor.execute("DROP SEQUENCE control_numbers")


def test_control_a_sequence_leaves_gaps(sequence: None) -> None:
    def take(index: int) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval('control_numbers')")
            return f"X-{cursor.fetchone()[0]}"

    numbers = harvest(take, count=400, seed=2)
    assert gaps(numbers) >= 20
    assert duplicates(numbers) == 0


def test_control_an_unlocked_counter_gives_duplicates() -> None:
    """The harness sees duplicates as well: a counter that is read and written without a lock."""
    counter = {"last": 0}

    def take(index: int) -> str:
        value = counter["last"]
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.001)")
        counter["last"] = value + 1
        return f"X-{value + 1}"

    assert duplicates(harvest(take, count=200, seed=2)) > 0

"""Machines placed, assigned, repaired and charged at the same moment: nothing slips by, and nobody waits crosswise."""

import math
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from accounts.models import User
from crm.models import Contract, Customer
from hashinsight.jobs import queue
from hosting.domain import caps, fleet, repairs, terms, usage, usage_marks
from hosting.domain.caps import CapReached
from hosting.domain.fleet import Spot, quarter_hour
from hosting.models import HostingTerms, Miner, PricePlan, RepairOrder, Site, Usage15Min, UsageClock, Zone
from tests.support.standing import standing
from tests.trust.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)
Machines = Callable[..., list[Miner]]
QUARTER = timedelta(minutes=15)
MANY = 8


@pytest.fixture(autouse=True)
def quiet_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message leaves."""
    monkeypatch.setitem(queue._silence, "until", math.inf)


@pytest.fixture
@standing
def agreed(contract: Contract, plan: PricePlan, site: Site, root: User, now: datetime) -> HostingTerms:
    """10 kW contracted for customer A, and room for no more than three machines of 3.5 kW."""
    row = terms.draft_terms(
        contract=contract, site=site, price_plan=plan, basis="contracted", contracted_kw=Decimal(10),
        cap_kw=Decimal(12), valid_from=now.date() - timedelta(days=30), at=now,
    )  # fmt: skip
    return terms.agree_terms(row, by=root, at=now)


def refusals(results: list[Any]) -> list[str]:
    return sorted(type(one).__name__ for one in results if isinstance(one, Exception))


def test_the_last_room_under_a_cap_is_given_once(
    agreed: HostingTerms, machines: Machines, customer_a: Customer, site: Site, root: User, now: datetime
) -> None:
    made = machines(MANY)
    since = quarter_hour(now)
    fleet.assign_miners(made[::2], customer=customer_a, since=since, by=root, at=now)  # theirs, in the storeroom
    fleet.place_miners(made[1::2], spot=Spot(site), by=root, at=now)  # ours, in their places

    def work(number: int) -> Any:
        if number % 2:
            return fleet.assign_miners([made[number]], customer=customer_a, since=since, by=root, at=now)
        return fleet.place_miners([made[number]], spot=Spot(site), by=root, at=now)

    results = in_threads(work, MANY)
    assert refusals(results) == [CapReached.__name__] * (MANY - 3)
    assert caps.standing_under(agreed, now.date()) == Decimal("10.5")


def test_a_repair_that_is_not_committed_yet_is_not_missed_by_who_closes_the_quarter_hour(
    agreed: HostingTerms, machines: Machines, customer_a: Customer, site: Site, root: User, now: datetime
) -> None:
    start = quarter_hour(now)
    (miner,) = fleet.assign_miners(machines(1), customer=customer_a, since=start - 4 * QUARTER, by=root, at=now)
    fleet.place_miners([miner], spot=Spot(site), by=root, at=start - 4 * QUARTER)
    UsageClock.objects.create(site=site, closed_until=start)
    later = start + 2 * QUARTER
    ordered, waited = threading.Event(), threading.Event()

    def work(number: int) -> Any:
        if number == 0:
            with transaction.atomic():
                repairs.order_repair(miner, reason="Fan", by=root, at=start + timedelta(minutes=14))
                ordered.set()
                waited.wait(1)  # whoever closes does not come past in that time
                return waited.is_set()
        assert ordered.wait(10)
        usage_marks.close_quarters(at=later)
        waited.set()
        while usage.reckon_quarters(at=later).more:
            pass
        return None

    assert in_threads(work, 2) == [False, None]
    row = Usage15Min.objects.current().get(terms=agreed, interval_start=start)
    assert (row.kwh, row.machines_paused) == (Decimal("1.625"), 1)


def test_repairs_moves_and_owners_take_their_locks_in_one_order(
    agreed: HostingTerms, machines: Machines, customer_a: Customer, zone: Zone, root: User, now: datetime
) -> None:
    made = fleet.place_miners(machines(3), spot=Spot(zone.site), by=root, at=now)
    UsageClock.objects.create(site=zone.site, closed_until=quarter_hour(now) + 8 * QUARTER)
    since = quarter_hour(now)
    orders = [repairs.order_repair(miner, reason="Fan", by=root, at=now) for miner in made]

    def work(number: int) -> Any:
        for turn in range(5):
            at = now + timedelta(minutes=1 + turn)
            if number == 0:
                fleet.place_miners(made, spot=Spot(zone.site, zone if turn % 2 else None), by=root, at=at)
            elif number == 1:
                owner = customer_a if turn % 2 else None
                fleet.assign_miners(made, customer=owner, since=since, by=root, at=at)
            elif number == 2:
                usage_marks.close_quarters(at=now + (9 + turn) * QUARTER)
            else:
                order = RepairOrder.objects.get(pk=orders[number - 3].pk)
                if order.finished_at is None:
                    repairs.finish_repair(order, to="cancelled", outcome="", by=root, at=at)
                else:
                    orders[number - 3] = repairs.order_repair(made[number - 3], reason="Fan", by=root, at=at)
        return None

    assert in_threads(work, 6) == [None] * 6

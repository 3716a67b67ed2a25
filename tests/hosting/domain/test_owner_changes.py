"""A back-dated change of owner with everything an owner is stamped on at once: all of it follows, once and in order."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from crm.models import Customer
from hosting.domain import fleet, miner_secrets, ownership, repairs
from hosting.domain.fleet import Spot, quarter_hour
from hosting.models import (
    Miner,
    MinerLatest,
    MinerSecret,
    RepairOrder,
    RollupDue,
    Telemetry,
    TelemetryFiveMinutes,
    UsageClock,
    UsageDue,
    Zone,
)
from tests.hosting.series.history import ensure_partitions, reckon_all, store
from tests.hosting.series.oracle import Reading
from tests.support.standing import standing

HOUR = timedelta(hours=1)
WRITES = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM) "?(hosting_\w+)"?')


@pytest.fixture
@standing
def told(
    machines: Callable[..., list[Miner]], zone: Zone, customer_a: Customer, root: User, now: datetime
) -> dict[str, Any]:
    """A machine of A for six hours, read all along, with a login and two repairs; closed and reckoned."""
    start = quarter_hour(now) - 6 * HOUR
    (miner,) = machines(1)
    fleet.place_miners([miner], spot=Spot(zone.site, zone), by=root, at=start)
    fleet.assign_miners([miner], customer=customer_a, since=start, by=root, at=start)
    miner_secrets.set_login([miner], username="root", password="secret", by=root, at=start)
    for hour in (1, 4):
        order = repairs.order_repair(miner.reload(), reason=f"at {hour}", by=root, at=start + hour * HOUR)
        repairs.finish_repair(order, to="returned", outcome="x", by=root, at=start + hour * HOUR)
    ensure_partitions(start.date(), now.date())
    store(Reading(miner.pk, start + timedelta(minutes=5 * step), power_w=3000.0) for step in range(72))
    MinerLatest.objects.create(
        miner_id=miner.pk, customer_id=customer_a.pk, recorded_at=start + 5.9 * HOUR, received_at=now
    )
    reckon_all(now + HOUR)
    UsageClock.objects.create(site=zone.site, closed_until=quarter_hour(now))
    UsageDue.objects.all().delete()
    assert not RollupDue.objects.exists()
    return {"miner": miner.reload(), "start": start, "site": zone.site}


def stamps(told: dict[str, Any]) -> dict[str, Any]:
    """Whose everything is, in the order of time."""
    raw = Telemetry.objects.filter(miner_id=told["miner"].pk).order_by("recorded_at")
    five = TelemetryFiveMinutes.objects.filter(miner_id=told["miner"].pk).order_by("bucket_start")
    orders = RepairOrder.objects.filter(miner=told["miner"]).order_by("pk")
    logins = MinerSecret.objects.filter(miner=told["miner"], superseded_at=None)
    return {
        "raw": list(raw.values_list("customer_id", flat=True)),
        "five": list(five.values_list("customer_id", flat=True)),
        "latest": MinerLatest.objects.get(miner_id=told["miner"].pk).customer_id,
        "repairs": list(orders.values_list("customer", flat=True)),
        "logins": list(logins.values_list("customer", flat=True)),
    }


def test_all_that_an_owner_is_stamped_on_follows_at_once(
    told: dict[str, Any], customer_a: Customer, customer_b: Customer, root: User, now: datetime
) -> None:
    a, b, since = customer_a.pk, customer_b.pk, told["start"] + 3 * HOUR
    fleet.assign_miners([told["miner"]], customer=customer_b, since=since, by=root, at=now)
    assert stamps(told) == {
        "raw": [a] * 36 + [b] * 36, "five": [a] * 36 + [b] * 36, "latest": b, "repairs": [a, b], "logins": [b],
    }  # fmt: skip
    assert miner_secrets.credentials_of([told["miner"].pk])[told["miner"].pk].password == "secret"
    starts = RollupDue.objects.order_by("bucket_start").values_list("bucket_start", flat=True)
    assert (len(starts), starts[0]) == (36, since)
    quarters = UsageDue.objects.filter(site=told["site"]).order_by("interval_start")
    assert [row.interval_start for row in quarters] == [since + n * timedelta(minutes=15) for n in range(12)]


def test_a_change_taken_back_leaves_it_as_it_was(
    told: dict[str, Any], customer_a: Customer, customer_b: Customer, root: User, now: datetime
) -> None:
    before = stamps(told)
    for owner, hours in ((customer_b, 3), (None, 1), (customer_b, 2), (customer_a, 0)):
        since = told["start"] + hours * HOUR
        fleet.assign_miners([told["miner"]], customer=owner, since=since, by=root, at=now)
    assert stamps(told) == before


def test_to_follow_twice_changes_no_more(told: dict[str, Any], customer_b: Customer, root: User, now: datetime) -> None:
    since = told["start"] + 3 * HOUR
    fleet.assign_miners([told["miner"]], customer=customer_b, since=since, by=root, at=now)
    once = stamps(told)
    reckon_all(now + HOUR)
    ownership.follow_owners([told["miner"].pk], since)
    assert stamps(told) == once
    assert not RollupDue.objects.exists()


def test_no_two_parts_write_the_same_table_and_each_says_which(
    told: dict[str, Any], customer_b: Customer, root: User, now: datetime
) -> None:
    since = told["start"] + 3 * HOUR
    fleet.assign_miners([told["miner"]], customer=customer_b, since=since, by=root, at=now)
    back = ownership.MinerOwnership.objects.get(miner=told["miner"], customer=customer_b)
    back.delete()  # nobody's since then: all has to follow once more
    Miner.objects.filter(pk=told["miner"].pk).update(customer=None)
    seen: dict[str, str] = {}
    for part in ownership.TOUCHED:
        with CaptureQueriesContext(connection) as asked:
            part.renew([told["miner"].pk], since)
        written = {table for query in asked.captured_queries for table in WRITES.findall(query["sql"])}
        assert written == part.tables, part.name
        assert not written & set(seen), part.name
        seen |= dict.fromkeys(written, part.name)

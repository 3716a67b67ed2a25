"""Whoever stores and reckons is killed at random moments, again and again: the tables are those of a run left alone.

Each process begins like the one before it: it brings all batches (what came already comes twice), closes what is over
and reckons until nothing is due. Killing is SIGKILL in the middle of whatever it does; 3 times here, 50 at night.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.db import connection, connections

from accounts.models import User
from crm.domain import contracts
from hosting.domain import fleet, ledger, partitions, places, prices, rollups, terms, usage, usage_marks
from hosting.domain.fleet import Spot
from hosting.domain.telemetry import store_readings
from hosting.engine.ingest.columns import Columns
from hosting.engine.ingest.spans import microseconds
from hosting.enums import ReadingSource
from hosting.models import (
    DayDue,
    Demand15Min,
    DemandLedgerMonth,
    Miner,
    MinerModel,
    PriceComponent,
    RollupDue,
    Telemetry,
    TelemetryDay,
    TelemetryFiveMinutes,
    Usage15Min,
    UsageClock,
    UsageDue,
)
from tests import factories
from tests.support.database import empty_all_tables
from tests.trust.conftest import nightly  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("HASHINSIGHT_SEED") or random.SystemRandom().randrange(10**6))
MACHINES, HOURS = 16, 3
BEGIN = datetime(2026, 11, 30, 21, tzinfo=UTC)  # to the end of a month
AT = BEGIN + timedelta(hours=HOURS + 2)
LATER = AT + timedelta(days=1)  # the day is over as well
PATIENCE_S = 60


def build(count: int = MACHINES) -> Any:
    """A site with two halls and machines of a customer under terms; the same each time. Returns the customer."""
    root = User.objects.create_user("root@example.test", None, is_staff=True, is_superuser=True)
    customer = factories.CustomerFactory(legal_entity=factories.LegalEntityFactory())
    at = BEGIN - timedelta(days=3)
    site = places.create_site(name="S", capacity_kw=Decimal(100_000), time_zone="UTC", collection_interval_s=60, at=at)
    halls = [places.create_zone(site=site, name=f"H{n}", capacity_kw=Decimal(50_000), at=at) for n in range(2)]
    model = MinerModel.objects.create(name="M", manufacturer="B", hashrate_ths=200, power_w=3500)
    miners = fleet.register_miners([Miner(serial=f"K{n:02}", model=model) for n in range(count)], by=root, at=at)
    for number, hall in enumerate(halls):
        fleet.place_miners(miners[number::2], spot=Spot(site, hall), by=root, at=at)
    fleet.assign_miners(miners, customer=customer, since=at, by=root, at=at)
    fleet.set_intent(miners, to="active", by=root, at=at)
    plan = prices.create_plan(name="P", currency="USD", at=at)
    version = prices.draft_version(plan, valid_from=at.date(), at=at)
    PriceComponent.objects.create(plan_version=version, kind="energy", description="Energy", price=1)
    prices.publish_version(version, at=at)
    contract = contracts.create_contract(
        customer=customer, number="C", title="T", starts_on=at.date(), by=root, at=at
    )  # fmt: skip
    contract = contracts.activate_contract(contract, by=root, at=at)
    draft = terms.draft_terms(
        contract=contract, site=site, price_plan=plan, contracted_kw=Decimal(50), valid_from=at.date(), at=at
    )
    terms.agree_terms(draft, by=root, at=at)
    partitions.ensure_partitions(at=BEGIN)
    UsageClock.objects.update_or_create(site=site, defaults={"closed_until": BEGIN})
    UsageDue.objects.all().delete()
    return customer


def batches() -> Iterator[Columns]:
    """A reading a minute of each machine, some missing, ten minutes in a batch."""
    chance = np.random.default_rng(7)
    ids = np.array(list(Miner.objects.order_by("serial").values_list("pk", flat=True)), np.int64)
    for first in range(0, HOURS * 60, 10):
        who = np.tile(np.arange(MACHINES), 10)
        moments = microseconds(BEGIN) + np.repeat(np.arange(first, first + 10), MACHINES) * 60_000_000
        power = chance.normal(3400, 80, len(who)).round(1)
        kept = chance.random(len(who)) > 0.04
        state = np.ones(len(who), np.uint8)
        yield Columns(ids[who], moments, state, state, {"power_w": power, "hashrate_ths": power / 17}).take(kept)


def work() -> None:
    """What the processes of the house do, in small steps so that there are many moments to die in."""
    for columns in batches():
        store_readings(columns, source=ReadingSource.EDGE, at=BEGIN + timedelta(hours=HOURS))
    while is_something_due():
        usage_marks.close_quarters(at=AT)
        rollups.reckon_five_minutes(at=LATER, portion=60)
        usage.reckon_quarters(at=LATER, portion=2)
    while DayDue.objects.exists():
        rollups.reckon_days(at=LATER, portion=5)
    ledger.close_months(at=LATER)


def is_something_due() -> bool:
    """Before the clock of the site has come to now, or while a row waits."""
    behind = UsageClock.objects.filter(closed_until__lt=AT).exists()
    return behind or RollupDue.objects.exists() or UsageDue.objects.exists()


def tables() -> dict[str, list[Any]]:
    """All that was stored and reckoned, under names that are the same in each build."""
    serials = dict(Miner.objects.values_list("pk", "serial"))
    figures = ("interval_start", "version", "kwh", "quality", "coverage", "samples", "machines")

    def of_machines(model: Any, *names: str) -> list[Any]:
        return sorted((serials[pk], *rest) for pk, *rest in model.objects.values_list("miner_id", *names))

    return {
        "readings": of_machines(Telemetry, "recorded_at", "power_w", "hashrate_ths"),
        "five minutes": of_machines(TelemetryFiveMinutes, "bucket_start", "samples", "power_w", "online_samples"),
        "days": of_machines(TelemetryDay, "day", "samples", "power_w", "hashrate_ths"),
        "demand": sorted(Demand15Min.objects.values_list("zone__name", *figures), key=str),
        "usage": sorted(Usage15Min.objects.values_list("terms__contract__number", *figures), key=str),
        "months": sorted(
            DemandLedgerMonth.objects.values_list("zone__name", "month", "version", "kwh", "peak_kw"), key=str
        ),
    }


def begin(job: Callable[[], None]) -> int:
    """A process of its own, with a connection of its own."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            connection.connect()
            job()
            code = 0
        finally:
            os._exit(code)
    return pid


def run(job: Callable[[], None], *, kills: int = 0, most_s: float = 0, dice: random.Random | None = None) -> int:
    """Kill the process so often, then let one come to its end; returns how many died in the middle."""
    dice, died = dice or random.Random(SEED), 0
    for _number in range(kills):
        pid = begin(job)
        time.sleep(dice.uniform(0.02, most_s))
        os.kill(pid, signal.SIGKILL)
        died += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    began = time.monotonic()
    pid = begin(job)
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() - began > PATIENCE_S:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise AssertionError("it does not come to its end")
        time.sleep(0.02)
    return died


def undisturbed() -> tuple[dict[str, list[Any]], float]:
    """The tables of a run left alone, and how long it took; nothing of it stays."""
    build()
    began = time.monotonic()
    run(work)
    took = time.monotonic() - began
    found = tables()
    empty_all_tables()
    return found, took


def test_killed_again_and_again_it_ends_as_if_left_alone(nightly: bool) -> None:  # noqa: F811
    print(f"\nHASHINSIGHT_SEED={SEED}")
    expected, took = undisturbed()
    assert len(expected["readings"]) > 0.9 * MACHINES * HOURS * 60
    assert {row[4] for row in expected["usage"]} >= {"measured"}
    assert len(expected["months"]) == 2
    dice = random.Random(SEED)
    wanted, died = 50 if nightly else 3, 0
    while died < wanted:  # most of what one left undone the next one does: after some the story begins anew
        build()
        died += run(work, kills=3, most_s=took, dice=dice)
        assert tables() == expected
        empty_all_tables()


def test_control_a_reckoner_that_forgets_what_is_due_first_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: what is due is taken away in a transaction of its own, before it is reckoned."""

    def forgetful() -> None:
        for columns in batches():
            store_readings(columns, source=ReadingSource.EDGE, at=BEGIN + timedelta(hours=HOURS))
        for row in list(RollupDue.objects.order_by("pk")):
            RollupDue.objects.filter(pk=row.pk).delete()
            os.kill(os.getpid(), signal.SIGKILL)  # the worst moment

    expected, _took = undisturbed()
    build()
    pid = begin(forgetful)
    os.waitpid(pid, 0)
    run(work)
    assert tables()["five minutes"] != expected["five minutes"]

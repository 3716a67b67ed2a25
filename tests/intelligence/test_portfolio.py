"""The dashboard: right figures, kept in the cache, made anew by events, nothing written by reckoning."""

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from crm.models import Customer
from hashinsight.events.consumers import Event
from hashinsight.events.models import OutboxEvent
from hosting.domain import fleet
from hosting.models import Miner, MinerModel, Site
from intelligence.domain import calculator, energy, portfolio, user_miners
from intelligence.domain.calculator import Question, Rig, Running
from intelligence.domain.user_miners import create_user_miner
from intelligence.models import UserMiner
from marketdata.models import NetworkSnapshot
from tests.api.client import Caller
from tests.events.tools import relay

DEC = Decimal
PAGE = "/admin/intelligence/userminer/portfolio/"
Make = Callable[..., UserMiner]


@pytest.fixture
def entry(alice: User, model: MinerModel, now: datetime) -> Make:
    """Enters machines of alice's."""

    def make(**fields: Any) -> UserMiner:
        given = {"electricity_cost_usd_per_kwh": DEC("0.05"), "user": alice, **fields}
        return create_user_miner(miner_model=model, by=alice, at=now, **given)

    return make


def net(row: UserMiner, now: datetime) -> Decimal:
    """By a calculation of its own."""
    rig = Rig(
        row.actual_hashrate_ths, row.actual_power_w, row.actual_price_usd, row.quantity, row.decay_percent_monthly
    )
    running = Running(energy.typed(row.electricity_cost_usd_per_kwh))
    return calculator.reckon(Question(rig, running, calculator.market_now(at=now), 36)).result.daily.net_usd


def test_rows_and_total_are_those_of_the_calculator(
    entry: Make, snapshot: NetworkSnapshot, alice: User, now: datetime
) -> None:
    rows = [entry(quantity=2), entry(actual_hashrate_ths=DEC(180), electricity_cost_usd_per_kwh=DEC("0.09"))]
    entry(status="inactive")
    entry(status="sold")
    found = portfolio.reckon_user(alice.pk, at=now)
    assert [DEC(line["daily_net_usd"]) for line in found["rows"]] == [net(row, now) for row in rows]
    assert (found["machines"], found["capital_usd"]) == (3, "9000.00")
    total = sum((net(row, now) for row in rows), DEC(0))
    assert abs(DEC(found["daily_net_usd"]) - total) <= DEC("0.01")
    assert found["market_recorded_at"] == snapshot.recorded_at.isoformat()


def test_machines_that_cost_nothing_have_not_paid_for_themselves(
    entry: Make, snapshot: NetworkSnapshot, alice: User, now: datetime
) -> None:
    entry(actual_price_usd=DEC(0), electricity_cost_usd_per_kwh=DEC(0))
    found = portfolio.reckon_user(alice.pk, at=now)
    assert DEC(found["daily_net_usd"]) > 0
    assert (found["payback_month"], found["rows"][0]["payback_month"], found["roi"]) == (None, None, None)


def test_without_a_market_nothing_is_invented(entry: Make, alice: User, now: datetime) -> None:
    entry(quantity=2)
    found = portfolio.dashboard(alice.pk, at=now)
    assert (found["machines"], found["daily_net_usd"], found["rows"][0]["daily_net_usd"]) == (2, None, None)


def test_looking_writes_nothing_and_asks_the_cache(
    entry: Make, snapshot: NetworkSnapshot, alice: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry()
    with CaptureQueriesContext(connection) as asked:
        first = portfolio.dashboard(alice.pk, at=now)
    assert {one["sql"].split()[0] for one in asked} == {"SELECT"}
    monkeypatch.setattr(portfolio, "reckon_user", lambda *_a, **_m: pytest.fail("reckoned again"))
    assert portfolio.dashboard(alice.pk, at=now + timedelta(minutes=1)) == first


def test_a_newer_market_is_not_hidden_by_the_cache(
    entry: Make, snapshot: NetworkSnapshot, alice: User, now: datetime
) -> None:
    entry()
    before = portfolio.dashboard(alice.pk, at=now)
    newer = now + timedelta(minutes=10)
    NetworkSnapshot.objects.create(
        slot_at=newer, recorded_at=newer, is_valid=True, btc_price_usd=50_000, difficulty=10**14, hashrate_ehs=1000,
        block_reward_btc=DEC("3.125"),
    )  # fmt: skip
    after = portfolio.dashboard(alice.pk, at=newer)
    assert after["market_recorded_at"] == newer.isoformat()
    assert after["daily_net_usd"] != before["daily_net_usd"]


def test_a_change_reaches_the_dashboard_through_the_relay(
    entry: Make, snapshot: NetworkSnapshot, alice: User, now: datetime, django_capture_on_commit_callbacks: Any
) -> None:
    def kept_after(change: Callable[[], Any]) -> tuple[Any, Any]:
        """What the cache holds after the change, and after the relay."""
        with django_capture_on_commit_callbacks(execute=True):
            done = change()
        before = cache.get(f"intelligence.portfolio:{alice.pk}")
        with django_capture_on_commit_callbacks(execute=True):
            relay(at=timezone.now())
        return done, (before, cache.get(f"intelligence.portfolio:{alice.pk}"))

    row, (before, kept) = kept_after(lambda: entry(quantity=1))
    assert (before, kept["machines"], kept["daily_net_usd"]) == (None, 1, str(net(row, now)))
    row, (before, kept) = kept_after(lambda: user_miners.change_user_miner(row, changes={"quantity": 4}, by=alice))
    assert (before, kept["machines"]) == (None, 4)  # nobody sees the one before
    told = OutboxEvent.objects.filter(kind="miner.portfolio_updated").order_by("pk")
    assert [(one.user_id, one.payload["machines"]) for one in told] == [(alice.pk, 1), (alice.pk, 4)]
    _none, (before, kept) = kept_after(lambda: user_miners.delete_user_miner(row, by=alice))
    assert (before, kept["machines"]) == (None, 0)


def event(kind: str, now: datetime, user: User | None = None, **payload: Any) -> Any:
    """As a relay hands it on."""
    return Event(1, None, kind, 1, "x", "x", None, user.pk if user else None, payload, "", int(now.timestamp() * 1e6))  # type: ignore[arg-type]


def test_a_good_snapshot_renews_what_somebody_looked_at(
    entry: Make, snapshot: NetworkSnapshot, alice: User, bob: User, now: datetime
) -> None:
    entry()
    entry(user=bob)
    portfolio.dashboard(alice.pk, at=now)
    for valid, wanted in ((False, []), (True, [alice.pk])):
        portfolio.take_events([event("network.snapshot_created", now, is_valid=valid)])
        told = OutboxEvent.objects.filter(kind="miner.portfolio_updated")
        assert [one.user_id for one in told] == wanted


# --- API and page ---------------------------------------------------------------------------------------------
def test_the_api_shows_own_machines_alone(
    entry: Make, snapshot: NetworkSnapshot, alice: User, bob: User, frozen: datetime
) -> None:
    row = entry(custom_name="Garage")
    mine = Caller(alice).get("/portfolio/")
    assert mine.status_code == 200, mine.content
    assert [(one["id"], one["name"]) for one in mine.json()["rows"]] == [(str(row.public_id), "Garage")]
    assert mine.json()["daily_net_usd"] == str(net(row, frozen))
    moments = [mine.json()[name] for name in ("computed_at", "market_recorded_at")]
    assert [one[-8:] for one in moments] == [".000000Z", ".000000Z"]
    assert (mine.json()["btc_usd"], mine.json()["rows"][0]["hashrate_ths"]) == ("91234.5", "200")
    other = Caller(bob).get("/portfolio/").json()
    assert (other["rows"], other["machines"]) == ([], 0)


def test_the_page_shows_a_user_or_the_fleet(
    entry: Make, snapshot: NetworkSnapshot, alice: User, root: User, customer_a: Customer, site: Site, sign_in: Any,
    model: MinerModel, frozen: datetime,
) -> None:  # fmt: skip
    entry(custom_name="=Garage", quantity=3)
    client = sign_in(root)
    page = client.get(f"{PAGE}?user={alice.pk}")
    assert page.context["found"]["rows"][0][:3] == ("=Garage", "S21", 3)
    assert dict(page.context["found"]["facts"])["machines"] == "3"
    rows = list(csv.DictReader(client.get(f"{PAGE}?user={alice.pk}&csv=1").content.decode().splitlines()))
    assert [(row["name"], row["quantity"]) for row in rows] == [("'=Garage", "3")]
    made = fleet.register_miners([Miner(serial=f"S{n}", model=model) for n in range(3)], by=root, at=frozen)
    fleet.assign_miners(made[:2], customer=customer_a, since=frozen, by=root, at=frozen)
    Miner.objects.filter(pk__in=[one.pk for one in made]).update(intent="active")
    fleet_page = client.get(f"{PAGE}?customer={customer_a.pk}&energy_usd_per_kwh=0.04")
    facts = dict(fleet_page.context["found"]["facts"])
    rig = Rig(DEC(200), DEC(3500), DEC(3000), 2)
    market = calculator.market_now(at=frozen)
    said = calculator.reckon(Question(rig, Running(energy.typed(DEC("0.04"))), market, 36)).result
    assert facts["net of a day"] == f"{said.daily.net_usd:,.2f}\u00a0USD"
    assert facts["machines"] == "2"
    assert not fleet_page.context["found"]["named"]
    assert [row[:2] for row in fleet_page.context["found"]["rows"]] == [("S21", 2)]


def test_the_page_refuses_in_words(root: User, customer_a: Customer, site: Site, sign_in: Any) -> None:
    client = sign_in(root)
    assert client.get(PAGE).status_code == 200
    for query in ("energy_usd_per_kwh=1", f"customer={customer_a.pk}", "user=x"):
        assert client.get(f"{PAGE}?{query}").status_code == 400, query
    Site.objects.filter(pk=site.pk).update(energy_cost_per_kwh=None)
    assert client.get(f"{PAGE}?site={site.pk}").status_code == 409

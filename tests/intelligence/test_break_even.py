"""Which machines of the fleet earn their energy at the price of now."""

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from crm.domain import contracts
from crm.models import Customer
from hosting.domain import fleet, places, prices, terms
from hosting.domain.fleet import Spot, quarter_hour
from hosting.models import Miner, MinerModel, PriceComponent, Site
from intelligence.domain import energy
from intelligence.domain.break_even import fleet_table, machines_that_earn
from intelligence.domain.calculator import MarketBasis, Typed, market_now
from marketdata.models import NetworkSnapshot
from tests.api.client import Caller
from tests.intelligence.conftest import make_series

PAGE = "/admin/hosting/miner/break-even/"
DEC = Decimal
# Hashprice of 62.864 USD per PH/s and day: the vectors of the formula.
VECTOR = Typed(DEC(100_000), DEC("1e14"), 900_000, DEC(0))


@pytest.fixture
def market(db: None, now: datetime) -> MarketBasis:
    """That of the vectors."""
    return market_now(VECTOR, at=now)


@pytest.fixture
def machines(site: Site, root: User, now: datetime, customer_a: Customer) -> dict[str, MinerModel]:
    """Three S19J Pro (one a client's) and two S9 at the site; one more stands nowhere."""
    figures = {"S19J Pro": (100, 3050), "S9": (DEC("13.5"), 1323)}
    models = {
        name: MinerModel.objects.create(name=name, manufacturer="Bitmain", hashrate_ths=ths, power_w=watts)
        for name, (ths, watts) in figures.items()
    }
    zone = places.create_zone(site=site, name="Hall", capacity_kw=DEC(500), at=now)
    counts = {"S19J Pro": 4, "S9": 2}
    for name, count in counts.items():
        rows = [Miner(serial=f"{name[:3]}{n}", model=models[name]) for n in range(count)]
        made = fleet.register_miners(rows, by=root, at=now)
        placed = made[:3]
        fleet.place_miners(placed, spot=Spot(site, zone), by=root, at=now)
        if name == "S19J Pro":
            fleet.assign_miners(made[:1], customer=customer_a, since=quarter_hour(now), by=root, at=now)
    return models


def test_the_table_is_that_of_the_formula(
    site: Site, machines: dict[str, MinerModel], market: MarketBasis, now: datetime
) -> None:
    Site.objects.filter(pk=site.pk).update(pue=1)
    table = fleet_table(market, at=now, pool_fee_percent=DEC(0))
    assert [(str(one.model), one.machines, round(one.break_even_usd_per_kwh, 5)) for one in table] == [
        ("S9", 2, DEC("0.02673")), ("S19J Pro", 3, DEC("0.08588")),
    ]  # fmt: skip
    assert [(one.earns, one.energy.mean if one.energy else None) for one in table] == [
        (False, DEC("0.055")), (True, DEC("0.055")),
    ]  # fmt: skip
    assert machines_that_earn(table) == (3, 2, 0)


def test_pool_fee_and_pue_of_the_site_count(
    site: Site, machines: dict[str, MinerModel], market: MarketBasis, now: datetime
) -> None:
    plain = market.hashprice_usd_per_ph_day / 1000 / (DEC("0.024") * DEC("30.5"))
    table = fleet_table(market, at=now, pool_fee_percent=DEC(2))
    assert table[1].break_even_usd_per_kwh == pytest.approx(plain * DEC("0.98") / DEC("1.05"), abs=DEC("1e-20"))
    assert table[1].margin_usd_per_kwh == table[1].break_even_usd_per_kwh - DEC("0.055")


def test_our_own_machines_alone_and_one_site_alone(
    site: Site, machines: dict[str, MinerModel], market: MarketBasis, now: datetime
) -> None:
    ours = fleet_table(market, at=now, pool_fee_percent=DEC(0), ours=True)
    assert [one.machines for one in ours] == [2, 2]
    other = places.create_site(name="East", time_zone="UTC", capacity_kw=DEC(1), at=now)
    assert fleet_table(market, at=now, pool_fee_percent=DEC(0), site=other) == []
    fleet_of_site = fleet_table(market, at=now, pool_fee_percent=DEC(0), site=site)
    assert [one.machines for one in fleet_of_site] == [2, 3]


def agree(site: Site, customer: Customer, root: User, now: datetime, code: str) -> None:
    """Terms at the site whose plan passes a series through."""
    plan = prices.create_plan(name="Through", currency="USD", at=now)
    version = prices.draft_version(plan, valid_from=now.date() - timedelta(days=30), at=now)
    PriceComponent.objects.create(
        plan_version=version, kind="pass_through", description="x", market_series=code, market_factor=1
    )
    prices.publish_version(version, at=now)
    draft = contracts.create_contract(
        customer=customer, number="C-1", title="x", starts_on=now.date() - timedelta(days=30), by=root, at=now
    )
    contract = contracts.activate_contract(draft, by=root, at=now)
    row = terms.draft_terms(
        contract=contract, site=site, price_plan=plan, contracted_kw=DEC(10),
        valid_from=now.date() - timedelta(days=30), at=now,
    )  # fmt: skip
    terms.agree_terms(row, by=root, at=now)


def test_the_price_of_now_is_that_of_the_site_s_series(
    site: Site, machines: dict[str, MinerModel], market: MarketBasis, now: datetime, root: User, customer_a: Customer
) -> None:
    agree(site, customer_a, root, now, "tx")
    assert energy.now_of_site(site, at=now).mean == DEC("0.055")  # the series is not there yet
    series = make_series("tx", [DEC(20)] * 23 + [DEC(-7)], end=now.replace(minute=0), at=now)
    assert energy.series_of_site(site, at=now) == series
    table = fleet_table(market, at=now, pool_fee_percent=DEC(0))
    assert [(one.earns, one.energy.mean if one.energy else None) for one in table] == [(True, DEC("-0.007"))] * 2
    later = now + timedelta(hours=3)  # nothing newer came: our own cost again
    assert energy.now_of_site(site, at=later).mean == DEC("0.055")


def test_a_site_without_any_price_says_why(
    site: Site, machines: dict[str, MinerModel], market: MarketBasis, now: datetime
) -> None:
    Site.objects.filter(pk=site.pk).update(energy_cost_per_kwh=None)
    table = fleet_table(market, at=now, pool_fee_percent=DEC(0))
    assert [(one.earns, one.margin_usd_per_kwh, one.why) for one in table] == [
        (None, None, "West has no cost of energy.")
    ] * 2
    assert machines_that_earn(table) == (0, 0, 5)


def test_the_page_and_its_file(
    site: Site, machines: dict[str, MinerModel], snapshot: NetworkSnapshot, staff: Callable[..., User], sign_in: Any,
    frozen: datetime,
) -> None:  # fmt: skip
    Site.objects.filter(pk=site.pk).update(name="=West")
    client = sign_in(staff("hosting.view_miner"))
    page = client.get(PAGE)
    assert [row["machines"] for row in page.context["rows"]] == ["2", "3"]
    rows = list(csv.DictReader(client.get(f"{PAGE}?csv=1").content.decode().splitlines()))
    table = fleet_table(market_now(at=frozen), at=frozen, pool_fee_percent=DEC(1))
    assert [(row["site"], row["model"], row["machines"]) for row in rows] == [
        ("'=West", "S9", "2"), ("'=West", "S19J Pro", "3"),
    ]  # fmt: skip
    assert [DEC(row["break_even_usd_per_kwh"]) for row in rows] == [
        round(one.break_even_usd_per_kwh, 8) for one in table
    ]
    assert sign_in(staff("hosting.view_minermodel")).get(PAGE).status_code == 403


def test_without_a_market_the_page_says_so(staff: Callable[..., User], sign_in: Any, frozen: datetime) -> None:
    page = sign_in(staff("hosting.view_miner")).get(PAGE)
    assert page.status_code == 200
    assert "no good market data yet" in page.content.decode()


def test_a_bigger_fleet_asks_no_more(
    site: Site, machines: dict[str, MinerModel], market: MarketBasis, now: datetime, root: User
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            fleet_table(market, at=now, pool_fee_percent=DEC(0))
        return len(queries)

    before = asked()
    rows = [Miner(serial=f"N{n}", model=machines["S9"]) for n in range(3)]
    zone = site.zones.get()
    fleet.place_miners(fleet.register_miners(rows, by=root, at=now), spot=Spot(site, zone), by=root, at=now)
    assert asked() == before == 4


# --- the API ----------------------------------------------------------------------------------------------------
TYPED = "btc_usd=100000&difficulty=100000000000000&block_height=900000&fees_per_block_btc=0"


def test_staff_get_the_whole_table(
    site: Site, machines: dict[str, MinerModel], staff: Callable[..., User], frozen: datetime
) -> None:
    caller = Caller(staff("hosting.view_miner"))
    answer = caller.get(f"/break-even/?{TYPED}&pool_fee_percent=2&site={site.public_id}")
    assert answer.status_code == 200, answer.content
    table = fleet_table(market_now(VECTOR, at=frozen), at=frozen, pool_fee_percent=DEC(2))
    assert [
        (
            row["model_name"],
            row["machines"],
            DEC(row["break_even_usd_per_kwh"]),
            row["energy_usd_per_kwh"],
            row["earns"],
        )
        for row in answer.json()["rows"]
    ] == [(one.model.name, one.machines, round(one.break_even_usd_per_kwh, 8), "0.055", one.earns) for one in table]
    assert answer.json()["market"]["stated"] == ["block_height", "btc_usd", "difficulty", "fees_per_block_btc"]
    assert caller.get("/break-even/").json()["errors"][0]["parameter"] == "btc_usd"  # no snapshot is there
    assert (
        caller.get(f"/break-even/?{TYPED}&pool_fee_percent=101").json()["errors"][0]["parameter"] == "pool_fee_percent"
    )
    assert Caller(staff("hosting.view_minermodel")).get(f"/break-even/?{TYPED}").status_code == 403


def test_a_client_gets_own_machines_and_no_word_of_the_house_s_energy(
    site: Site, machines: dict[str, MinerModel], bob: User, charlie: User, frozen: datetime
) -> None:
    Site.objects.filter(pk=site.pk).update(pue=DEC("1.5"))
    answer = Caller(bob).get(f"/break-even/?{TYPED}")
    (row,) = answer.json()["rows"]
    assert (row["machines"], row["site"], row["model_name"]) == (1, str(site.public_id), "S19J Pro")
    assert round(DEC(row["break_even_usd_per_kwh"]), 5) == DEC("0.08588")  # by its own draw
    assert {row[name] for name in ("energy_usd_per_kwh", "margin_usd_per_kwh", "earns", "priced_by")} == {None, ""}
    assert Caller(charlie).get(f"/break-even/?{TYPED}").json()["rows"] == []
    foreign = Caller(charlie).get(f"/break-even/?{TYPED}&site={site.public_id}")
    assert foreign.status_code == 400

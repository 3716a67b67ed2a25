"""A small host: one site with two zones and a rack, a model, a published price, a contract in force."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from crm.domain import contracts
from crm.models import Contract, Customer
from hosting.domain import fleet, places, prices
from hosting.models import Miner, MinerModel, PriceComponent, PricePlan, Rack, Site, Zone
from tests.support.standing import standing


@pytest.fixture
@standing
def site(db: None, now: datetime) -> Site:
    """A megawatt in Texas."""
    site: Site = places.create_site(
        name="Odessa", capacity_kw=Decimal(1000), time_zone="America/Chicago", currency="USD", at=now
    )
    return site


@pytest.fixture
@standing
def zone(site: Site, now: datetime) -> Zone:
    """Behind a breaker of 100 kW, to be used to 80 %."""
    zone: Zone = places.create_zone(
        site=site, name="Hall 1", capacity_kw=Decimal(100), max_utilisation_percent=Decimal(80), at=now
    )
    return zone


@pytest.fixture
@standing
def rack(zone: Zone, now: datetime) -> Rack:
    """With six slots."""
    rack: Rack = places.create_rack(zone=zone, name="R1", slots=6, columns=3, at=now)
    return rack


@pytest.fixture
@standing
def model(db: None) -> MinerModel:
    """200 TH/s at 3,500 W."""
    return MinerModel.objects.create(
        name="Antminer S21", manufacturer="Bitmain", hashrate_ths=Decimal(200), power_w=Decimal(3500)
    )


@pytest.fixture
@standing
def machines(model: MinerModel, root: User, now: datetime) -> Callable[[int], list[Miner]]:
    """Makes machines of that model, in the storeroom."""

    def make(count: int, first: int = 1) -> list[Miner]:
        rows = [Miner(serial=f"SN{number:05d}", model=model) for number in range(first, first + count)]
        return fleet.register_miners(rows, by=root, at=now)

    return make


@pytest.fixture
@standing
def plan(db: None, now: datetime) -> PricePlan:
    """Six cents at all hours, published since long ago."""
    plan = prices.create_plan(name="Standard", currency="USD", at=now)
    version = prices.draft_version(plan, valid_from=now.date() - timedelta(days=365), at=now)
    PriceComponent.objects.create(plan_version=version, kind="energy", description="Energy", price=Decimal("0.06"))
    prices.publish_version(version, at=now)
    return plan


@pytest.fixture
@standing
def contract(customer_a: Customer, root: User, now: datetime) -> Contract:
    """In force since thirty days."""
    draft = contracts.create_contract(
        customer=customer_a, number="C-1", title="Hosting", starts_on=now.date() - timedelta(days=30), by=root, at=now
    )
    return contracts.activate_contract(draft, by=root, at=now)

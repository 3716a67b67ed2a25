"""A market, a model, a site, and people who look at them."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from hosting.domain import places
from hosting.models import MinerModel, Site
from marketdata.domain.prices import store
from marketdata.engine.price_files import Interval
from marketdata.enums import SeriesKind
from marketdata.models import NetworkSnapshot, PriceSeries
from tests import factories
from tests.api.client import Caller

BACKEND = "accounts.backends.TimeLimitedBackend"


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    """Throttles and what pages keep begin anew."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def snapshot(db: None, now: datetime) -> NetworkSnapshot:
    """The last good one, four minutes old."""
    at = now - timedelta(minutes=4)
    return NetworkSnapshot.objects.create(
        slot_at=now.replace(minute=20), recorded_at=at, is_valid=True, btc_price_usd=Decimal("91234.5"),
        difficulty=Decimal("1.4e14"), hashrate_ehs=Decimal(1000), block_height=925_000,
        block_reward_btc=Decimal("3.125"), fees_per_block_btc=Decimal("0.025"), price_source="coingecko",
        data_source="mempool.space",
    )  # fmt: skip


@pytest.fixture
def model(db: None) -> MinerModel:
    """Two hundred terahashes for three and a half kilowatts."""
    return MinerModel.objects.create(
        name="S21", manufacturer="Bitmain", hashrate_ths=Decimal(200), power_w=Decimal(3500),
        list_price_usd=Decimal(3000),
    )  # fmt: skip


@pytest.fixture
def site(db: None, now: datetime) -> Site:
    """In Texas, with a cost of energy of our own."""
    return places.create_site(
        name="West", time_zone="America/Chicago", capacity_kw=Decimal(1000), currency="USD", pue=Decimal("1.05"),
        energy_cost_per_kwh=Decimal("0.055"), at=now,
    )  # fmt: skip


def make_series(
    code: str, values: list[Decimal], *, end: datetime, at: datetime, minutes: int = 60, **fields: Any
) -> PriceSeries:
    """A series whose last value ends at ``end``, all known at ``at`` at the latest."""
    series = PriceSeries.objects.create(
        **{"code": code, "name": code, "currency": "USD", "step_minutes": minutes, **fields}
    )
    step = timedelta(minutes=minutes)
    first = end - step * len(values)
    store(series, [Interval(first + step * n, first + step * (n + 1), one) for n, one in enumerate(values)], at=at)
    return series


def euro(rate: str, *, at: datetime) -> PriceSeries:
    """US dollars per euro, of yesterday."""
    end = at.replace(hour=0, minute=0)
    return make_series(
        "eur-usd", [Decimal(rate)], end=end, at=at, minutes=1440, kind=SeriesKind.FX, unit="EUR", lowest=Decimal(0)
    )


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    """A client of the back office for a person."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend=BACKEND)
        return client

    return signed_in


@pytest.fixture
def staff(db: None) -> Callable[..., User]:
    """Makes staff with exactly these permissions."""

    def make(*permissions: str) -> User:
        return factories.give_permissions(factories.UserFactory(is_staff=True), *permissions)

    return make


@pytest.fixture
def caller() -> Callable[[User], Caller]:
    """Calls of the API with a key of a person."""
    return Caller


@pytest.fixture
def frozen(now: datetime) -> Iterator[datetime]:
    """Pages and calls happen now."""
    with time_machine.travel(now, tick=False):
        yield now

"""A site with a meter that an edge device reads."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from hosting.domain import edge
from hosting.domain.meters.keeping import create_meter
from hosting.domain.places import create_site, create_zone
from hosting.models import EdgeDevice, Meter, Site, Zone
from tests.hosting.ingest.conftest import PUBLIC_KEY, Doors
from tests.support.standing import standing

Make = Callable[..., Meter]


@pytest.fixture
@standing
def site(db: None) -> Site:
    """One, with a hall; its calendar is that of Berlin."""
    return create_site(
        name="West", capacity_kw=Decimal(10_000), time_zone="Europe/Berlin", at=timezone.now() - timedelta(days=30)
    )


@pytest.fixture
@standing
def zone(site: Site) -> Zone:
    """Its only hall."""
    return create_zone(site=site, name="Hall", capacity_kw=Decimal(5_000), at=timezone.now() - timedelta(days=30))


@pytest.fixture
@standing
def device(site: Site, root: User) -> EdgeDevice:
    """It has no token yet."""
    made, _code = edge.register_device(serial="E-1", name="Edge 1", site=site, by=root, at=timezone.now())
    return made


@pytest.fixture
@standing
def doors(device: EdgeDevice, root: User) -> Doors:
    """With a token."""
    code = edge.give_code(device, by=root, at=timezone.now())
    _device, token = edge.enrol(code, public_key=PUBLIC_KEY, at=timezone.now())
    return Doors(token)


@pytest.fixture
def make(site: Site, device: EdgeDevice) -> Make:
    """A meter of the site, read by the device unless said otherwise."""

    def made(**fields: Any) -> Meter:
        said: dict[str, Any] = {
            "site": site, "name": "Grid", "measures": "site", "feed": "edge", "device": device,
            "valid_from": date(2020, 1, 1), "interval_s": 60,
        }  # fmt: skip
        said |= fields
        if said["feed"] != "edge":
            said["device"] = None
        return create_meter(at=timezone.now(), **said)

    return made


@pytest.fixture
def meter(make: Make) -> Meter:
    """Behind transformers of 40 to 1."""
    return make(ratio=Decimal(40))

"""A device at a site with machines, and a way to call as it."""

import base64
import json
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import User
from hosting.domain import edge, fleet
from hosting.domain.fleet import Spot
from hosting.models import EdgeDevice, Miner, Zone
from tests.support.standing import standing

PUBLIC_KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def nightly() -> bool:
    """The long settings."""
    return os.environ.get("HASHINSIGHT_NIGHTLY") == "1"


@pytest.fixture
@standing
def placed(machines: Callable[..., list[Miner]], zone: Zone, root: User) -> Callable[[int], list[Miner]]:
    """Makes machines that stand in the zone since a week."""

    def make(count: int, first: int = 1) -> list[Miner]:
        made = machines(count, first)
        return fleet.place_miners(made, spot=Spot(zone.site, zone), by=root, at=timezone.now() - timedelta(days=7))

    return make


@pytest.fixture
@standing
def device(zone: Zone, root: User) -> EdgeDevice:
    """Enrolled, in the zone."""
    made, code = edge.register_device(
        serial="E-1", name="Edge 1", site=zone.site, zone=zone, by=root, at=timezone.now()
    )
    edge.enrol(code, public_key=PUBLIC_KEY, at=timezone.now())
    return made.reload()


class Doors:
    """Calls with a token."""

    def __init__(self, token: str) -> None:
        self.client = Client()
        self.token = token

    def send(
        self, path: str, body: Any = None, *, method: str = "POST", kind: str = "application/json", **more: Any
    ) -> Any:
        """The answer; bodies that are no bytes are sent as JSON."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", **more}
        return self.client.generic(method, f"/api/v1/edge/{path}/", raw, content_type=kind, headers=headers)


@pytest.fixture
def doors(device: EdgeDevice) -> Doors:
    """As the device, with a token of its own."""
    cache.clear()
    return Doors(edge._new_token(device, timezone.now()))

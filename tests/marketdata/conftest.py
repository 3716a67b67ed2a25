"""Market services on this machine, and coins to follow them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from marketdata.domain.coins import sync_coins
from tests.marketdata.services import Services, services_at


@pytest.fixture
def services(settings: Any, now: datetime) -> Iterator[Services]:
    """They tell of one network, as of now."""
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with services_at(now) as services:
        yield services


@pytest.fixture
def coins(db: None, now: datetime) -> None:
    """Those that are shipped."""
    sync_coins(at=now)

"""Something to do for each task of market data, and services that answer from memory."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from accounts.models import User
from hashinsight.common.outbound import Reply
from marketdata.domain.coins import sync_coins
from marketdata.engine.targets import difficulty_of
from marketdata.enums import Adapter
from marketdata.models import NetworkSnapshot, PriceSeries
from tests.factories import NOW
from tests.marketdata.services import Truth

FEED = "https://feed.example/prices"
BITS = (0x1701E605, 0x1701E63A)


def coins(by: User) -> dict[str, Any]:
    """Those that are shipped; the rest comes from the services."""
    sync_coins(at=NOW)
    return {}


def a_day_to_close(by: User) -> dict[str, Any]:
    """Snapshots of three days."""
    for number in range(30):
        at = NOW.replace(hour=20, minute=0) - timedelta(days=1 + number // 10) + timedelta(minutes=10 * (number % 10))
        NetworkSnapshot.objects.create(
            slot_at=at, recorded_at=at, is_valid=True, btc_price_usd=90_000 + number, difficulty=10**14,
            hashrate_ehs=1000, block_height=925_000, block_reward_btc="3.125", price_source="coingecko",
        )  # fmt: skip
    return {}


def a_feed(by: User) -> dict[str, Any]:
    """A series that is due."""
    PriceSeries.objects.create(
        code="feed", name="Feed", currency="EUR", adapter=Adapter.JSON, url=FEED,
        mapping={"rows": "data", "start": "t", "value": "v"},
    )  # fmt: skip
    return {}


def answer_from_memory(method: str, url: str, **more: Any) -> Reply:
    """As the three services and one feed would."""
    parts = urlsplit(url)
    prefix = {"api.coingecko.com": "/cg", "api.blockchain.info": "/bi", "mempool.space": "/mp"}.get(parts.netloc, "")
    path = prefix + parts.path.removeprefix("/api").removeprefix("/v3" if prefix == "/cg" else "")
    body = {**Truth(NOW).bodies(), **_history()}.get(path)
    if url == FEED:
        body = {"data": [{"t": f"2026-11-20T0{hour}:00:00Z", "v": hour - 3} for hour in range(9)]}
    if body is None:
        return Reply(404, {}, b"{}")
    return Reply(200, {}, json.dumps(body).encode())


def _history() -> dict[str, Any]:
    midnight = int(NOW.replace(hour=0, minute=0).timestamp())
    days = [midnight - 86_400 * back for back in range(20, -1, -1)]
    before, after = (float(difficulty_of(bits)) for bits in BITS)
    first = int((NOW - timedelta(days=15)).timestamp())
    return {
        "/cg/coins/bitcoin/market_chart": {"prices": [[day * 1000, 80_000 + day % 977] for day in days]},
        "/cg/coins/markets": [{"id": "bitcoin-cash", "current_price": 331.25, "last_updated": "2026-11-20T09:29:00Z"}],
        "/mp/v1/mining/hashrate/1y": {"hashrates": [{"timestamp": day, "avgHashrate": 1e21} for day in days]},
        "/mp/v1/mining/difficulty-adjustments": [
            [first + 1_209_600, 927_360, after, after / before], [first, 925_344, before, 1.0],
        ],
    }  # fmt: skip

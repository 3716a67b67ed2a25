"""The three market services on this machine: they tell of one invented network, rightly or as a test wants it."""

import contextlib
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from marketdata.clients.http import Asker
from marketdata.domain.sources import Network
from marketdata.engine.chain import supply_sat
from marketdata.enums import Source
from tests.support.servers import Heard, listening

Reply = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Truth:
    """What is so: price in USD, raw difficulty, hashrate in H/s, height, fees of a block in satoshi."""

    at: datetime
    price: float = 91_234.5
    difficulty: float = 1.4e14
    hashrate: float = 1.0e21
    height: int = 925_000
    fees_sat: int = 2_500_000

    def bodies(self) -> dict[str, Any]:
        """By the path of the call, without its query, as the services write it."""
        seconds = int(self.at.timestamp())
        remaining = 2016 - self.height % 2016
        return {
            "/cg/simple/price": {
                "bitcoin": {"usd": self.price, "usd_24h_vol": 3.1e10, "last_updated_at": seconds - 20}
            },
            "/bi/stats": {
                "market_price_usd": self.price, "hash_rate": self.hashrate / 1e9, "difficulty": self.difficulty,
                "n_blocks_mined": 150, "n_blocks_total": self.height, "miners_revenue_usd": 4.1e7,
                "total_fees_btc": self.fees_sat * 150, "totalbc": supply_sat(self.height),
                "timestamp": (seconds - 30) * 1000,
            },
            "/mp/v1/prices": {"time": seconds - 60, "USD": round(self.price), "EUR": 1},
            "/mp/v1/mining/hashrate/3d": {
                "hashrates": [], "currentHashrate": self.hashrate, "currentDifficulty": self.difficulty,
            },
            "/mp/v1/difficulty-adjustment": {
                "difficultyChange": 1.75, "estimatedRetargetDate": (seconds + remaining * 600) * 1000,
                "remainingBlocks": remaining, "nextRetargetHeight": self.height + remaining,
            },
            "/mp/v1/mining/reward-stats/144": {
                "startBlock": self.height - 143, "endBlock": self.height, "totalTx": "500000",
                "totalReward": str(144 * (312_500_000 + self.fees_sat)), "totalFee": str(144 * self.fees_sat),
            },
            "/mp/v1/fees/recommended": {
                "fastestFee": 4, "halfHourFee": 3, "hourFee": 2, "economyFee": 1, "minimumFee": 1
            },
        }  # fmt: skip


@dataclass
class Services:
    """``truth`` is what they tell; ``instead`` answers a path in another way."""

    truth: Truth
    port: int = 0
    asked: list[Heard] = field(default_factory=list)
    instead: dict[str, Callable[[Heard], Reply]] = field(default_factory=dict)
    tags: bool = False

    def now(self, at: datetime, **changes: Any) -> None:
        """Time goes on, and so do the figures."""
        self.truth = replace(self.truth, at=at, **changes)

    def answer(self, heard: Heard) -> Reply:
        """What the server says."""
        self.asked.append(heard)
        path = heard.path.partition("?")[0]
        if path in self.instead:
            return self.instead[path](heard)
        body = self.truth.bodies().get(path)
        if body is None:
            return 404, {}, b"{}"
        content = json.dumps(body).encode()
        tag = f'"{hash(content)}"'
        if self.tags and heard.headers.get("if-none-match") == tag:
            return 304, {}, b""
        return 200, {"Content-Type": "application/json", **({"ETag": tag} if self.tags else {})}, content

    def says(self, path: str, body: Any, status: int = 200, **headers: str) -> None:
        """From now on this path answers so; bytes as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.instead[path] = lambda heard: (status, named, content)

    def changed(self, path: str, **changes: Any) -> None:
        """The right body with other values at dotted places."""
        body = self.truth.bodies()[path]
        for place, value in changes.items():
            *way, last = place.split("__")
            part = body
            for name in way:
                part = part[name]
            part[last] = value
        self.says(path, body)

    def network(self, seed: int = 1) -> Network:
        """Askers of these services; nobody sleeps."""
        return Network(
            {
                source: Asker(f"http://127.0.0.1:{self.port}/{name}", seconds=5, sleep=lambda seconds: None)
                for source, name in (
                    (Source.COINGECKO, "cg"), (Source.BLOCKCHAIN_INFO, "bi"), (Source.MEMPOOL, "mp"),
                )
            },
            random.Random(seed),
        )  # fmt: skip


@contextlib.contextmanager
def services_at(at: datetime) -> Iterator[Services]:
    """The services, as of a moment."""
    with listening() as receiver:
        services = Services(Truth(at), receiver.port)
        receiver.answer = services.answer
        yield services

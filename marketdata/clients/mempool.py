"""mempool.space, REST API: hashrate in H/s, times in seconds (one of them in milliseconds today)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from marketdata.clients.answers import json_of, list_of, object_of
from marketdata.engine.figures import BadAnswer, Figures, moment, number, positive, whole

PRICES = "/v1/prices"
HASHRATE = "/v1/mining/hashrate/3d"
HASHRATE_YEAR = "/v1/mining/hashrate/1y"
ADJUSTMENT = "/v1/difficulty-adjustment"
ADJUSTMENTS = "/v1/mining/difficulty-adjustments"
REWARDS = "/v1/mining/reward-stats/144"
FEES = "/v1/fees/recommended"
POOLS = "/v1/mining/pools/1w"
RETARGET_BLOCKS = 2016
REWARD_BLOCKS = 144
SAT = Decimal(10**8)
# A change from -75 % to +300 % is all the rule of the chain allows.
CHANGES = (Decimal(-75), Decimal(300))


@dataclass(frozen=True)
class Retarget:
    """The first block of a difficulty period: when it was found, and the difficulty from it on."""

    at: datetime
    height: int
    difficulty: Decimal


@dataclass(frozen=True)
class DayRate:
    """Hashrate of a day in hashes per second, as the service estimates it."""

    at: datetime
    hashrate_hps: Decimal


@dataclass(frozen=True)
class Pool:
    """Blocks a pool found in the week."""

    name: str
    blocks: int


def parse_prices(body: bytes) -> Figures:
    """The price in USD, of the currencies there are. Raises BadAnswer."""
    prices = object_of(json_of(body))
    return Figures(price_usd=positive(prices.get("USD"), "USD"), observed_at=moment(prices.get("time"), "time"))


def parse_hashrate(body: bytes) -> Figures:
    """Hashrate and difficulty of now. The answer does not say of when it is. Raises BadAnswer."""
    answer = object_of(json_of(body))
    return Figures(
        hashrate_hps=positive(answer.get("currentHashrate"), "currentHashrate"),
        difficulty=positive(answer.get("currentDifficulty"), "currentDifficulty"),
    )


def parse_hashrate_days(body: bytes) -> list[DayRate]:
    """The days of the same answer, oldest first. Raises BadAnswer."""
    rows = [object_of(one, "a day") for one in list_of(object_of(json_of(body)).get("hashrates"), "hashrates")]
    found = [
        DayRate(moment(row.get("timestamp"), "timestamp"), positive(row.get("avgHashrate"), "avgHashrate"))
        for row in rows
    ]
    if [row.at for row in found] != sorted({row.at for row in found}):
        raise BadAnswer("wrong_order", "the days do not rise")
    return found


def parse_adjustment(body: bytes) -> Figures:
    """How far the period has come and what the next retarget may bring, in percent. Raises BadAnswer."""
    answer = object_of(json_of(body))
    change = number(answer.get("difficultyChange"), "difficultyChange")
    remaining = whole(answer.get("remainingBlocks"), "remainingBlocks")
    upcoming = whole(answer.get("nextRetargetHeight"), "nextRetargetHeight")
    if not CHANGES[0] <= change <= CHANGES[1]:
        raise BadAnswer("impossible", f"a change of {change} %")
    if upcoming % RETARGET_BLOCKS or not 0 < remaining <= RETARGET_BLOCKS:
        raise BadAnswer("impossible", f"{remaining} blocks to a retarget at {upcoming}")
    return Figures(
        retarget_change_pct=change,
        retarget_at=moment(answer.get("estimatedRetargetDate"), "estimatedRetargetDate"),
        remaining_blocks=remaining,
        height=upcoming - remaining,
    )


def parse_adjustments(body: bytes) -> list[Retarget]:
    """Retargets, oldest first. The last number of a row is a factor (1.07), not percent. Raises BadAnswer."""
    rows = [list_of(one, "a retarget") for one in list_of(json_of(body))]
    found = sorted((_retarget(row) for row in rows), key=lambda one: one.height)
    if not found:
        raise BadAnswer("empty", "no retargets")
    if len({one.height for one in found}) != len(found) or [one.at for one in found] != sorted(o.at for o in found):
        raise BadAnswer("wrong_order", "heights and moments of the retargets do not rise together")
    factors = {whole(row[1], "height"): positive(row[3], "change") for row in rows}
    for before, after in pairwise(found):
        if after.height - before.height != RETARGET_BLOCKS:
            continue
        factor = after.difficulty / before.difficulty
        if abs(factor - factors[after.height]) > Decimal("0.001") * factor:
            raise BadAnswer("unit", f"a factor of {factors[after.height]} at {after.height}, seen is {factor:.6f}")
    return found


def parse_rewards(body: bytes) -> Figures:
    """Mean fees of the last 144 blocks; amounts are satoshi, in quotes. Raises BadAnswer."""
    answer = object_of(json_of(body))
    first, last = whole(answer.get("startBlock"), "startBlock"), whole(answer.get("endBlock"), "endBlock")
    blocks = last - first + 1
    if not REWARD_BLOCKS - 1 <= blocks <= REWARD_BLOCKS + 1:
        raise BadAnswer("impossible", f"blocks {first} to {last}")
    reward, fees = (number(answer.get(name), name, text=True) for name in ("totalReward", "totalFee"))
    if reward <= 0:
        raise BadAnswer("zero_revenue", f"totalReward is {reward}")
    if fees < 0 or fees > reward:
        raise BadAnswer("negative_fees", f"totalFee is {fees} of {reward}")
    return Figures(fees_per_block_btc=fees / SAT / blocks, height=last)


def parse_fees(body: bytes) -> Figures:
    """What a transaction pays to be in a block within half an hour, in satoshi per virtual byte. Raises BadAnswer."""
    answer = object_of(json_of(body))
    rates = {name: number(answer.get(name), name) for name in ("fastestFee", "halfHourFee", "hourFee", "minimumFee")}
    if min(rates.values()) < 0:
        raise BadAnswer("negative_fees", str(rates))
    if not rates["fastestFee"] >= rates["halfHourFee"] >= rates["hourFee"] >= rates["minimumFee"]:
        raise BadAnswer("impossible", "a slower confirmation costs more than a faster one")
    return Figures(fee_rate_sat_vb=rates["halfHourFee"])


def parse_pools(body: bytes) -> list[Pool]:
    """Pools of the week, most blocks first. Raises BadAnswer."""
    rows = [object_of(one, "a pool") for one in list_of(object_of(json_of(body)).get("pools"), "pools")]
    found = [Pool(_name(row.get("name")), whole(row.get("blockCount"), "blockCount")) for row in rows]
    return sorted(found, key=lambda pool: (-pool.blocks, pool.name))


def _retarget(row: list[Any]) -> Retarget:
    if len(row) != 4:
        raise BadAnswer("wrong_shape", f"a retarget has {len(row)} parts")
    height = whole(row[1], "height")
    if height % RETARGET_BLOCKS:
        raise BadAnswer("impossible", f"a retarget at height {height}")
    return Retarget(moment(row[0], "time"), height, positive(row[2], "difficulty"))


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadAnswer("missing", "name")
    return value[:100]

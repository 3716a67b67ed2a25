"""Days of an invented network: a price that walks, blocks that come, a difficulty by the rule of the chain."""

import math
import random
from datetime import date, datetime, timedelta
from decimal import Decimal

from marketdata.domain.days import DayFigures, note_days
from marketdata.engine.chain import subsidy_btc
from marketdata.engine.targets import difficulty_of, next_bits
from marketdata.enums import Origin

FIRST_HEIGHT, FIRST_BITS = 2016 * 455, 0x1701E63A


def invented_days(past: date, count: int, *, seed: int = 3, swing: float = 0.025) -> list[DayFigures]:
    """So many days up to the one before ``past``."""
    dice = random.Random(seed)
    price, height, bits, elapsed = 80_000.0, float(FIRST_HEIGHT), FIRST_BITS, 0.0
    rate = float(difficulty_of(bits)) * 2**32 / 600
    found = []
    for number in range(count):
        price *= math.exp(dice.gauss(0, swing))
        rate *= 1.0006
        left = 86_400.0
        while left > 0:
            pace = rate * (1 + dice.gauss(0, 0.03)) / (float(difficulty_of(bits)) * 2**32)
            until = (math.floor(height / 2016) + 1) * 2016 - height
            if pace * left < until:
                height, elapsed, left = height + pace * left, elapsed + left, 0.0
            else:
                took = until / pace
                height, left = float(round(height + until)), left - took
                bits, elapsed = next_bits(bits, 0, int(elapsed + took)), 0.0
        day = past - timedelta(days=count - number)
        found.append(
            DayFigures(
                day, Decimal(repr(round(price, 2))), difficulty=difficulty_of(bits).quantize(Decimal("1e-8")),
                hashrate_ehs=Decimal(repr(rate / 1e18)).quantize(Decimal("1e-12")), block_height=int(height),
                block_reward_btc=subsidy_btc(int(height)), fees_per_block_btc=Decimal("0.02"),
            )
        )  # fmt: skip
    return found


def tell_days(at: datetime, count: int, **how: float) -> list[DayFigures]:
    """Kept as days of a file."""
    days = invented_days(at.date(), count, **how)  # type: ignore[arg-type]
    note_days(days, origin=Origin.IMPORTED, source="invented", at=at)
    return days

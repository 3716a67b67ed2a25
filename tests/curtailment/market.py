"""Series of prices and loads that tests feed interval by interval."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from curtailment.domain.rules.evaluating import active_rules, evaluate
from curtailment.domain.rules.keeping import create_rule
from curtailment.domain.rules.strikes import evaluate_strike
from curtailment.models import CurtailmentPlan, RuleExecution, StrikeRule
from hashinsight.common.models import BaseModel
from marketdata.domain.prices import store
from marketdata.engine.price_files import Interval
from marketdata.models import NetworkSnapshot, PriceSeries
from tests.curtailment.agreed import KW
from tests.curtailment.site import Ground

QUARTER = timedelta(minutes=15)


def make_series(code: str, **fields: Any) -> PriceSeries:
    """A quarter-hourly series in USD per MWh."""
    given: dict[str, Any] = {"code": code, "name": code, "currency": "USD", "step_minutes": 15, **fields}
    return PriceSeries.objects.create(**given)


def feed(
    series: PriceSeries, values: Sequence[float | Decimal | None], *, end: datetime, at: datetime | None = None
) -> None:
    """Values of the intervals up to ``end``; None is left out. ``at``: when they reach us (else at the end)."""
    step = timedelta(minutes=series.step_minutes)
    first = end - step * len(values)
    rows = [
        Interval(first + step * n, first + step * (n + 1), Decimal(str(one)))
        for n, one in enumerate(values)
        if one is not None
    ]
    store(series, rows, at=at or end)


def quiet_days(series: PriceSeries, *, end: datetime, days: int = 2, value: float = 40) -> None:
    """What was usual, reaching us as it happened long ago."""
    count = days * 24 * 60 // series.step_minutes
    feed(series, [value + n % 5 for n in range(count)], end=end)


def mined(start: datetime, *, hours: int) -> None:
    """Good snapshots of the network every ten minutes."""
    for n in range(hours * 6):
        at = start + timedelta(minutes=10 * n)
        NetworkSnapshot.objects.create(
            slot_at=at, recorded_at=at, is_valid=True, btc_price_usd=90_000, difficulty=10**14, hashrate_ehs=1000,
            block_height=925_000, block_reward_btc="3.125", price_source="coingecko",
        )  # fmt: skip


class Market:
    """A site, a series and a strike rule, and time that goes on in quarters."""

    def __init__(self, ground: Ground, rule: StrikeRule) -> None:
        self.ground, self.rule, self.series, self.end = ground, rule, rule.series, ground.now

    @property
    def now(self) -> datetime:
        return self.ground.now

    def quarter(self, *prices: float | None, ticks: int = 0) -> None:
        """So many quarters go by; each price reaches us at its end, None never comes; then the rule looks."""
        for price in prices:
            self.end += QUARTER
            self.ground.now = max(self.end, self.ground.now)
            if price is not None:
                feed(self.series, [price], end=self.end, at=self.ground.now)
            self.look()
            self.ground.ticks(ticks)

    def look(self, at: datetime | None = None) -> None:
        evaluate_strike(self.rule, at=at or self.ground.now)

    @property
    def plans(self) -> list[str]:
        """Their states, the oldest first."""
        return list(CurtailmentPlan.objects.order_by("pk").values_list("status", flat=True))

    @property
    def decisions(self) -> list[str]:
        return list(RuleExecution.objects.order_by("pk").values_list("decision", flat=True))


def fresh(row: BaseModel) -> Any:
    """As it is in the database."""
    return type(row)._default_manager.get(pk=row.pk)


def look_at_all(at: datetime) -> int:
    """Every active rule looks, as the job does it; how many acted."""
    return sum(evaluate(rule, at=at) for rule in active_rules())


def a_rule(ground: Ground, series: PriceSeries | None = None, **fields: Any) -> Market:
    """Above 0.10 for two quarters, below 0.08 for two; high 0.15; five machines."""
    if series is None:
        series = make_series("hub")
        quiet_days(series, end=ground.now)
    given: dict[str, Any] = {
        "name": "Dear hours", "site": ground.site, "series": series, "strike": Decimal("0.10"),
        "high_strike": Decimal("0.15"), "resume_below": Decimal("0.08"), "windows_off": 2, "windows_on": 2,
        "goal_kw": KW * 5, "longest_minutes": 600,
    }  # fmt: skip
    return Market(ground, create_rule(StrikeRule, by=None, at=ground.now, **{**given, **fields}))

"""From the solver's dual prices to those the bound is proven with, and to those that are shown."""

import numpy as np

from intelligence.engine.optimiser.answer import ShadowPrices
from intelligence.engine.optimiser.bound import Prices
from intelligence.engine.optimiser.diagnose import whose_cap
from intelligence.engine.optimiser.fleet import Array, Fleet
from intelligence.engine.optimiser.highs import Solved
from intelligence.engine.optimiser.matrix import Layout


def prices_of(fleet: Fleet, layout: Layout, solved: Solved) -> Prices:
    """Whatever the solver says, the result is fit for the bound."""
    rows, columns = solved.row_prices, solved.column_prices
    ramps = rows[layout.ramp_rows] if layout.ramp_rows.size else np.zeros(fleet.steps)
    return Prices(-columns[layout.load], -columns[layout.zones], -ramps, ramps, -rows[layout.peak_rows]).sane(fleet)


def shadow_of(fleet: Fleet, prices: Prices) -> ShadowPrices:
    """By name: the price of a step's cap belongs to whatever is tightest there."""
    problem = fleet.problem
    whose = [whose_cap(problem, step) for step in range(fleet.steps)]

    def part(name: str) -> tuple[float, ...]:
        return tuple(price if owner == name else 0.0 for owner, price in zip(whose, _plain(prices.cap), strict=True))

    return ShadowPrices(
        limit=part("the site's limit"),
        commitments=tuple((one.name, part(f"commitment {one.name}")) for one in problem.commitments),
        zones=tuple((zone.name, _plain(row)) for zone, row in zip(problem.zones, prices.zones, strict=True)),
        ramp_up=_plain(prices.up), ramp_down=_plain(prices.down), peak=float(prices.peak.sum()),
        load=_plain(prices.of_load(fleet)),
    )  # fmt: skip


def _plain(values: Array) -> tuple[float, ...]:
    return tuple(np.asarray(values).tolist())

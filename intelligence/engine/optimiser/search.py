"""The search for a plan: what is best so far, what bounds it, and the solver's part in both."""

import math
import time
from dataclasses import dataclass

import numpy as np

from intelligence.engine.optimiser.answer import Counts
from intelligence.engine.optimiser.bound import Prices, best_alone, bound
from intelligence.engine.optimiser.check import Review, review
from intelligence.engine.optimiser.fleet import Array, Fleet, fleet_of
from intelligence.engine.optimiser.highs import FEASIBLE, INFEASIBLE, OPTIMAL, Solved, Solver, Terms
from intelligence.engine.optimiser.matrix import Layout, Model, model_of
from intelligence.engine.optimiser.problem import independent, only
from intelligence.engine.optimiser.rounding import roundings
from intelligence.engine.optimiser.shadow import prices_of
from intelligence.engine.optimiser.strike import SAME, quick_profit

ROUNDING_SHARE = 0.25  # of the gap, for loads beside those of the relaxation
TARGET_SHARE = 0.9  # of the gap at which branch and bound may stop


@dataclass(frozen=True, slots=True)
class Found:
    """A plan that passed the check."""

    counts: Counts
    review: Review
    by_strike: bool = False

    @property
    def profit(self) -> float:
        """Of the plan."""
        return self.review.money.profit if self.review.money else -math.inf


class Search:
    """Of one day. Nothing the solver says is taken without a check or a proof."""

    def __init__(self, fleet: Fleet, gap: float, until: float) -> None:
        self.fleet, self.wanted, self.until = fleet, gap, until
        self.prices = Prices.none(fleet)
        self.relaxation = self.bound = bound(fleet, self.prices)
        self.best: Found | None = None
        self.why = ""  # the solver was of no use, because of this
        self.impossible = False  # the solver says that no plan can be

    def offer(self, by_option: Array) -> bool:
        """Keep a plan if it passes the check and earns more; whether the gap is reached by it."""
        counts = self.fleet.counts(by_option)
        self.take(Found(counts, review(self.fleet.problem, counts)))
        return self.done()

    def take(self, found: Found) -> None:
        """The same for one that is reviewed."""
        if not found.review.problems and (self.best is None or found.profit > self.best.profit):
            self.best = found

    def gap(self) -> float:
        """What the best lacks of the bound, as a share of it."""
        if self.best is None:
            return math.inf
        share = (self.bound - self.best.profit) / max(abs(self.bound), 1.0)
        return share if share > SAME else 0.0

    def done(self) -> bool:
        """Whether nothing more is asked for."""
        return self.gap() <= self.wanted

    def alone(self) -> bool:
        """Each machine's own best: the optimum where nothing shared stands against it."""
        plan = best_alone(self.fleet)
        reached = quick_profit(self.fleet, plan) >= self.bound - SAME * max(abs(self.bound), 1.0)
        return reached and self.offer(plan) and self.gap() == 0.0

    def relax(self, model: Model, solver: Solver) -> Solved:
        """Ask for the relaxation; may run beside other work, for it touches nothing."""
        return solver.solve(model, Terms(self.left()))

    def learn(self, layout: Layout, solved: Solved) -> None:
        """The bound that the relaxation's prices prove, and its plan in whole machines."""
        if solved.status != OPTIMAL or not _numbers(solved):
            self.impossible = solved.status == INFEASIBLE
            self.why = solved.why or "the solver's answer is no numbers"
            return
        prices = prices_of(self.fleet, layout, solved)
        proven = bound(self.fleet, prices)
        if proven < self.bound:
            self.prices, self.relaxation, self.bound = prices, proven, proven
        may_lack = ROUNDING_SHARE * self.wanted * max(abs(self.bound), 1.0)
        for plan in roundings(self.fleet, layout, solved.values, self.prices, may_lack):
            if self.offer(plan) or time.monotonic() > self.until:
                return

    def branch(self, model: Model, layout: Layout, solver: Solver) -> None:
        """Whole numbers by branch and bound, in the time that is left; step by step where nothing couples the steps."""
        if independent(self.fleet.problem):
            self._branch_by_step(solver)
            return
        may_lack = TARGET_SHARE * self.wanted * max(abs(self.relaxation), 1.0)
        target = self._cost(self.relaxation - may_lack) if self.wanted else -math.inf
        solved = solver.solve(model, Terms(self.left(), True, may_lack, target))
        if self._usable(solved):
            self.offer(np.rint(solved.values[layout.machines]).astype(np.int64))
            self._believe(self._profit(solved.bound))

    def _branch_by_step(self, solver: Solver) -> None:
        """Each step is a small day of its own."""
        plan = np.zeros(self.fleet.value.shape, dtype=np.int64)
        may_lack = TARGET_SHARE * self.wanted * max(abs(self.relaxation), 1.0) / self.fleet.steps
        claimed = 0.0
        for step in range(self.fleet.steps):
            fleet = fleet_of(only(self.fleet.problem, step))
            model, layout = model_of(fleet)
            solved = solver.solve(model, Terms(self.left() / (self.fleet.steps - step), True, may_lack))
            if not self._usable(solved):
                return
            plan[:, step] = np.rint(solved.values[layout.machines[:, 0]])
            claimed += fleet.rest_profit - solved.bound
        self.offer(plan)
        self._believe(claimed)

    def _usable(self, solved: Solved) -> bool:
        if solved.status in (OPTIMAL, FEASIBLE) and bool(np.isfinite(solved.values).all()):
            return True
        self.impossible = solved.status == INFEASIBLE
        self.why = solved.why or "the solver's answer is no numbers"
        return False

    def _believe(self, claimed: float) -> None:
        """The bound of a branch and bound, unless a plan exceeds it."""
        if self.best is None or not math.isfinite(claimed):
            return
        if claimed >= self.best.profit - SAME * max(abs(claimed), 1.0):
            self.bound = max(min(self.bound, claimed), self.best.profit)

    def left(self) -> float:
        """Seconds for the solver."""
        return max(0.01, self.until - time.monotonic())

    def _profit(self, cost: float) -> float:
        demand = self.fleet.problem.demand
        return self.fleet.rest_profit - cost + (demand.per_kw * demand.sunk_kw if demand else 0.0)

    def _cost(self, profit: float) -> float:
        return self._profit(0.0) - profit


def _numbers(solved: Solved) -> bool:
    return all(bool(np.isfinite(part).all()) for part in (solved.values, solved.row_prices, solved.column_prices))

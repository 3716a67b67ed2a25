"""The plan of a day: the relaxation's bound, whole machines within the gap of it, and a check of all that comes out.

In this order, until the gap is reached: each machine's own best (where nothing couples them it is the optimum), the
relaxation rounded and repaired, branch and bound in the time that is left. The best strike price is reckoned beside it;
where it earns more it is the plan, and where the solver gives nothing usable it is the labelled fallback.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from intelligence.engine.optimiser.answer import Answer, Rival, Status
from intelligence.engine.optimiser.check import review
from intelligence.engine.optimiser.diagnose import certain_problems, uncertain_problems
from intelligence.engine.optimiser.fleet import fleet_of
from intelligence.engine.optimiser.highs import Child, InProcess, Solved, Solver
from intelligence.engine.optimiser.matrix import model_of
from intelligence.engine.optimiser.problem import Infeasible, Problem
from intelligence.engine.optimiser.reasons import reasons_of
from intelligence.engine.optimiser.search import Found, Search
from intelligence.engine.optimiser.shadow import shadow_of
from intelligence.engine.optimiser.strike import always_on, best_strike, safe_plan, safe_states

SOLVER_SHARE = 0.7  # of the time; the rest is for what comes after
DIAGNOSIS_SECONDS = 5.0
NOT_WHOLE = "limits, ramps and minimum times leave no plan of whole machines"


@dataclass(frozen=True, slots=True)
class Settings:
    """The gap that is good enough, the time there is, and whether the solver runs in a process of its own."""

    gap: float = 1e-4
    seconds: float = 60.0
    isolated: bool = True


def optimise(problem: Problem, settings: Settings | None = None, solver: Solver | None = None) -> Answer:
    """The best plan found. Raises Infeasible where there is none, and says why."""
    settings = settings or Settings()
    began = time.monotonic()
    if problem.missing:
        answer = _safe(problem)
    else:
        with _open(settings, solver) as engine:
            answer = _planned(problem, settings, engine, began + SOLVER_SHARE * settings.seconds)
    return replace(answer, seconds=time.monotonic() - began)


@contextmanager
def _open(settings: Settings, solver: Solver | None) -> Iterator[Solver]:
    if solver is not None or not settings.isolated:
        yield solver or InProcess()
        return
    with Child() as child:
        yield child


def _planned(problem: Problem, settings: Settings, solver: Solver, until: float) -> Answer:
    fleet = fleet_of(problem)
    certain = certain_problems(fleet)
    if certain:
        raise Infeasible(certain)
    search = Search(fleet, settings.gap, until)
    if search.alone():
        return _answer(search, _strike(search))
    solver.begin()
    model, layout = model_of(fleet)
    solved, strike = _beside(lambda: search.relax(model, solver), lambda: _strike(search), together=settings.isolated)
    search.learn(layout, solved)
    if strike is not None:
        search.take(strike[0])
    if not search.done() and not search.why:
        search.branch(model, layout, solver)
    if search.best is None:
        raise Infeasible(_explained(search, solver))
    return _answer(search, strike)


def _beside(
    one: Callable[[], Solved], two: Callable[[], tuple[Found, Rival] | None], *, together: bool
) -> tuple[Solved, tuple[Found, Rival] | None]:
    """Both results; where the solver has a process of its own, it works meanwhile."""
    if not together:
        return one(), two()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(one)
        found = two()
        return future.result(), found


def _strike(search: Search) -> tuple[Found, Rival] | None:
    found = best_strike(search.fleet, search.bound)
    if found is None:
        return None
    counts, checked, strike = found
    assert checked.money is not None
    return Found(counts, checked, by_strike=True), Rival("strike price", checked.money, strike=strike)


def _explained(search: Search, solver: Solver) -> list[str]:
    """Why there is no plan at all."""
    if search.impossible:
        named = uncertain_problems(search.fleet, solver, min(DIAGNOSIS_SECONDS, search.left()))
        return named or [NOT_WHOLE]
    return [f"no plan was found: {search.why or 'the time was over'}"]


def _answer(search: Search, strike: tuple[Found, Rival] | None) -> Answer:
    best, fleet = search.best, search.fleet
    assert best is not None
    shadow = shadow_of(fleet, search.prices)
    return Answer(
        status=_status(search, best),
        counts=best.counts,
        load_kw=tuple(watts / 1000 for watts in best.review.load_w),
        money=best.review.money,
        bound=max(search.bound, best.profit),
        relaxation=search.relaxation,
        gap=search.gap(),
        shadow=shadow,
        reasons=reasons_of(fleet.problem, best.counts, shadow),
        always_on=always_on(fleet),
        strike=strike[1] if strike else None,
        note=search.why,
    )


def _status(search: Search, best: Found) -> Status:
    if search.gap() == 0.0:
        return Status.OPTIMAL
    if search.done():
        return Status.WITHIN_GAP
    return Status.FALLBACK if best.by_strike else Status.ABOVE_GAP


def _safe(problem: Problem) -> Answer:
    """A price is missing: the safe states, as far as everything else allows them; money cannot be reckoned."""
    fleet = fleet_of(replace(problem, price=(0.0,) * problem.steps))
    counts = safe_plan(fleet, problem.missing[0])
    if counts is None:
        words = ", ".join(f"“{state}”" for state in safe_states(problem))
        raise Infeasible(certain_problems(fleet) or [f"the safe state {words} cannot be reached within the limits"])
    words = ", ".join(f"“{state}”" for state in safe_states(problem))
    note = f"{len(problem.missing)} steps have no price; safe state {words}"
    load = tuple(watts / 1000 for watts in review(problem, counts).load_w)
    return Answer(Status.SAFE_STATE, counts, load, None, None, None, None, None, (), None, None, note)

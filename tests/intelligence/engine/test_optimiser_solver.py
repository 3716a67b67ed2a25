"""A solver that dies, hangs, lies or answers nonsense leads to a labelled plan that keeps everything, in time."""

import os
import signal
import sys
import threading
import time
from dataclasses import replace

import numpy
import pytest

from intelligence.engine.optimiser import Answer, Infeasible, Problem, Settings, Status, optimise
from intelligence.engine.optimiser.check import review
from intelligence.engine.optimiser.fleet import fleet_of
from intelligence.engine.optimiser.highs import (
    FEASIBLE,
    INFEASIBLE,
    NOTHING,
    OPTIMAL,
    Child,
    InProcess,
    Solved,
    Terms,
    failed,
)
from intelligence.engine.optimiser.matrix import Model, model_of
from tests.intelligence.engine.test_optimiser_plan import coupled

HANGS = (sys.executable, "-c", "import time; time.sleep(60)")
SLEEPS_AFTER_READING = (sys.executable, "-c", "import sys, time; sys.stdin.buffer.read(9); time.sleep(60)")
TALKS = (
    sys.executable,
    "-c",
    "import sys; sys.stdout.buffer.write(b'\\x05' + bytes(7) + b'hello'); sys.stdout.flush()",
)
DIES = (sys.executable, "-c", "raise SystemExit(1)")


class Says:
    """A solver with an answer of its own for each of the two questions, the relaxation and the branch and bound."""

    def __init__(self, relaxed: Solved | None, branched: Solved | None = None) -> None:
        self.answers = relaxed, branched

    def begin(self) -> None:
        """Nothing to start."""

    def solve(self, model: Model, terms: Terms) -> Solved:
        """That answer, or HiGHS's."""
        return self.answers[terms.branch] or InProcess().solve(model, terms)


def nonsense(status: str, value: float) -> Solved:
    model, _ = model_of(fleet_of(coupled()))
    columns, rows = len(model.cost), len(model.row_lower)
    return Solved(status, numpy.full(columns, value), numpy.full(rows, value), numpy.full(columns, value), value)


def kept(answer: Answer, problem: Problem) -> None:
    """It keeps everything, and it says how good it is."""
    found = review(problem, answer.counts)
    assert found.problems == ()
    assert found.money == answer.money
    assert answer.money is not None
    assert answer.bound is not None
    assert answer.bound >= best().money.profit - 1e-9  # type: ignore[union-attr]


def best() -> Answer:
    return optimise(coupled(), Settings(gap=0, isolated=False))


@pytest.mark.parametrize("command", [HANGS, SLEEPS_AFTER_READING, TALKS, DIES])
def test_a_process_that_hangs_dies_or_babbles_leads_to_the_fallback_in_time(command: tuple[str, ...]) -> None:
    problem, began = coupled(), time.monotonic()
    with Child(command) as child:
        answer = optimise(problem, Settings(seconds=2.0), child)
    assert time.monotonic() - began <= 2.0
    assert answer.status == Status.FALLBACK
    assert answer.note.startswith("the solver d")
    kept(answer, problem)


def test_a_solver_killed_while_it_works_leads_to_the_fallback() -> None:
    problem = coupled()
    with Child(SLEEPS_AFTER_READING) as child:
        threading.Timer(0.3, os.kill, (child.begin().pid, signal.SIGKILL)).start()
        answer = optimise(problem, Settings(seconds=30), child)
    assert answer.status == Status.FALLBACK
    assert answer.note == "the solver died"
    assert answer.seconds < 5
    kept(answer, problem)


@pytest.mark.parametrize(
    "said",
    [
        failed("out of memory"),
        Solved(INFEASIBLE, numpy.zeros(0), numpy.zeros(0), numpy.zeros(0), why="the solver says infeasible"),
        nonsense(OPTIMAL, numpy.nan),
        nonsense(OPTIMAL, numpy.inf),
        nonsense(OPTIMAL, 1e9),
        nonsense(OPTIMAL, -1e9),
        nonsense(OPTIMAL, 0.0),
    ],
)
def test_a_lie_about_the_relaxation_makes_no_plan_worse_than_the_fallback(said: Solved) -> None:
    problem = coupled()
    answer = optimise(problem, Settings(gap=0), Says(said, failed("no time")))
    assert answer.status in (Status.FALLBACK, Status.ABOVE_GAP)
    assert answer.note
    assert answer.strike is not None
    assert answer.money is not None
    assert answer.money.profit >= answer.strike.money.profit
    kept(answer, problem)


@pytest.mark.parametrize(
    "said", [nonsense(FEASIBLE, 0.4), nonsense(OPTIMAL, numpy.nan), nonsense(OPTIMAL, 7.0), failed("killed")]
)
def test_a_lie_about_whole_numbers_is_not_believed(said: Solved) -> None:
    """Also a bound that some plan exceeds is none."""
    problem = coupled()
    truth = best()
    lie = replace(said, bound=1e6)  # a cost: the profit could be at most minus a million
    answer = optimise(problem, Settings(gap=0), Says(None, lie))
    assert answer.relaxation == truth.relaxation
    kept(answer, problem)


def test_a_solver_that_raises_is_no_plan() -> None:
    model, _ = model_of(fleet_of(coupled()))
    broken = replace(model, cost=None)  # type: ignore[arg-type]
    assert InProcess().solve(broken, Terms(1)).status == NOTHING


def test_in_a_process_of_its_own_the_answers_are_the_same() -> None:
    model, _ = model_of(fleet_of(coupled()))
    with Child() as child:
        for terms in (Terms(20), Terms(20, True, 0.0), Terms(20, True, 0.01)):
            apart, here = child.solve(model, terms), InProcess().solve(model, terms)
            assert apart.status == here.status == OPTIMAL
            assert apart.bound == here.bound
            for name in ("values", "row_prices", "column_prices"):
                assert numpy.array_equal(getattr(apart, name), getattr(here, name))
    assert child.solve(model, Terms(1)).status == NOTHING


def test_no_solver_and_no_strike_price_that_can_be_carried_out_is_said() -> None:
    """The only plan starts to stop before the strike price would."""
    problem = replace(coupled(), ramp_down_kw=0.1)
    with pytest.raises(Infeasible):
        optimise(problem, Settings(), Says(failed("out of memory")))

"""Limits tick by tick: machines brought down to so many watts and back to what they had, beside those that are off."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from curtailment.engine.control import tick
from curtailment.engine.invariants import broken
from curtailment.engine.values import ALWAYS, NEVER, Action, Decision, End, Order, PlanNow, Rules, Seen, State
from tests.curtailment.engine.test_control import KW, NOW, Bench, paused, resumed

OWN, LOW, LOWER = 1100, 600, 400


@dataclass
class LimitBench(Bench):
    """The bench, with machines of 1 kW that keep to 1,100 W by themselves and take any limit at once."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.limit = np.full(self.count, OWN)

    def seen(self) -> Seen:
        """With the limit that each one says."""
        return replace(super().seen(), limit_w=self.limit.copy())

    def tick(self, *plans: PlanNow, after: float = 60.0, frozen: bool = False) -> Decision:
        """One step later, checked once more as production does."""
        self.now += after
        self.read_at = self.now - 1
        seen = self.seen()
        decision = tick(self.now, seen, plans, self.state, self.rules, frozen=frozen)
        assert broken(decision, self.now, seen, plans, self.state, self.rules, frozen=frozen) == []
        self.state = decision.state
        for order in decision.orders:
            if order.machine in self.deaf:
                continue
            if order.limit_w:
                self.limit[order.machine] = order.limit_w
            else:
                self.on[order.machine] = order.action is Action.RESUME
        return decision


def plan(levels: dict[int, int], watts: int = 10**6, **changes: Any) -> PlanNow:
    """Machines and what each is brought down to; by default all of them."""
    given = {"key": 1, "starts_at": NOW, "ends_at": ALWAYS, **changes}
    return PlanNow(
        order=np.array(list(levels), np.int64), level_w=np.array(list(levels.values()), np.int64), target_w=watts,
        **given,
    )  # fmt: skip


def told(decision: Decision) -> list[tuple[int, Action, int]]:
    return [(order.machine, order.action, order.limit_w) for order in decision.orders]


def limited(decision: Decision) -> list[int]:
    return [order.machine for order in decision.orders if order.action is Action.LIMIT]


def lifted(decision: Decision) -> list[int]:
    return [order.machine for order in decision.orders if order.action is Action.LIFT]


def ticks(bench: LimitBench, count: int, *plans: PlanNow) -> Decision:
    return [bench.tick(*plans) for _ in range(count)][-1]


def test_a_machine_is_brought_down_counted_by_the_difference_and_brought_back() -> None:
    bench = LimitBench()
    asked = plan({0: LOW, 1: LOW, 2: LOW}, 700, ends_at=NOW + 190)
    assert told(bench.tick(asked)) == [(0, Action.LIMIT, LOW), (1, Action.LIMIT, LOW)]
    one = bench.tick(asked).progress[0]
    assert (one.off_w, one.off, one.lowered, one.pending) == (800, 0, 2, 0)
    bench.tick(asked)
    assert sorted(told(bench.tick())) == [(0, Action.LIFT, OWN), (1, Action.LIFT, OWN)]
    assert sorted(bench.tick().given_back) == [(0, End.RUNNING), (1, End.RUNNING)]
    assert bench.limit.tolist() == [OWN] * 4
    assert not bench.state.touched.any()
    assert not bench.state.before.any()


def test_a_machine_that_says_no_limit_is_never_throttled() -> None:
    bench = LimitBench()
    bench.limit[0] = 0
    asked = plan({0: LOW, 1: LOW}, 400)
    assert limited(bench.tick(asked)) == [1]
    bench.limit[2] = LOW - 50
    assert limited(bench.tick(plan({2: LOW}, 400, key=2), asked)) == [], "and one that draws no more has no need"


def test_the_lowest_of_all_plans_holds() -> None:
    bench = LimitBench(rules=Rules(min_off_s=0))
    off, low, lower = plan({0: 0}), plan({0: LOW}, key=2), plan({0: LOWER}, key=3)
    assert told(bench.tick(low)) == [(0, Action.LIMIT, LOW)]
    assert told(bench.tick(low, lower)) == [(0, Action.LIMIT, LOWER)]
    assert told(bench.tick(low, lower, off)) == [(0, Action.PAUSE, 0)]
    assert told(bench.tick(low, lower, off)) == []
    assert told(bench.tick(low, lower)) == [(0, Action.RESUME, 0)], "it runs again first"
    done = bench.tick(low, lower)
    assert (told(done), done.half_back, done.given_back) == ([], (0,), ())
    assert told(bench.tick(low)) == [(0, Action.LIFT, LOW)]
    assert told(bench.tick(low)) == []
    assert bench.state.before[0] == OWN, "what it had before is not what one of us made of it"
    assert told(bench.tick()) == [(0, Action.LIFT, OWN)]
    assert bench.tick().given_back == ((0, End.RUNNING),)


def test_what_was_off_for_one_plan_runs_again_at_the_limit_of_another() -> None:
    bench = LimitBench()
    off, low = plan({0: 0}, ends_at=NOW + 130), plan({0: LOW}, key=2)
    assert told(bench.tick(off, low)) == [(0, Action.PAUSE, 0)]
    assert told(bench.tick(off, low)) == []
    assert told(bench.tick(off, low)) == [(0, Action.RESUME, 0)]
    done = bench.tick(low)
    assert (told(done), done.progress[0].pending) == ([(0, Action.LIMIT, LOW)], 0)
    assert bench.tick(low).progress[0].lowered == 1
    assert told(bench.tick()) == [(0, Action.LIFT, OWN)]


def test_a_machine_that_forgets_its_limit_is_told_again() -> None:
    bench = LimitBench()
    asked = plan({0: LOW})
    bench.tick(asked)
    bench.limit[0] = OWN
    assert told(bench.tick(asked)) == [(0, Action.LIMIT, LOW)]
    bench.limit[0] = OWN
    assert [bench.tick().given_back for _ in range(4)] == [(), (), (), ((0, End.RUNNING),)], "seen so tick after tick"


def test_a_limit_that_comes_late_is_not_forgotten() -> None:
    bench = LimitBench()
    bench.deaf = {0}
    bench.tick(plan({0: LOW}, ends_at=NOW + 61))
    assert [bench.tick().given_back for _ in range(3)] == [(), (), ()]
    bench.limit[0], bench.deaf = LOW, set()
    assert told(bench.tick()) == [(0, Action.LIFT, OWN)]


def test_what_lifts_counts_into_the_ramp_by_the_difference() -> None:
    bench = LimitBench(count=4, rules=Rules(up_w=900, group_up_w=500, down_w=900))
    bench.group = np.array([0, 0, 1, 1])
    asked = plan(dict.fromkeys(range(4), LOW), ends_at=NOW + 200)
    assert [limited(bench.tick(asked)) for _ in range(3)] == [[0, 1], [2, 3], []]
    assert lifted(bench.tick()) == [3, 1], "one behind each breaker"
    assert lifted(bench.tick()) == [2, 0]


def test_a_slow_machine_may_be_lower_than_it_says() -> None:
    """Told 400 W a while ago it still says 600: what a lift adds is counted from 400."""
    bench = LimitBench()
    ticks(bench, 2, plan({0: LOW}))
    bench.tick(plan({0: LOWER}))
    bench.limit[0] = LOW
    (order,) = bench.tick().orders
    assert (order.action, order.moves_w) == (Action.LIFT, KW - LOWER)


def test_one_approval_counts_limits_by_the_difference() -> None:
    bench = LimitBench(count=8, rules=Rules(single_w=1200))
    told_ = bench.tick(plan(dict.fromkeys(range(6), LOW)))
    assert (limited(told_), told_.held_by_single) == ([0, 1, 2], (1,))
    other = plan({6: 0}, key=2)
    assert bench.tick(plan(dict.fromkeys(range(6), LOW)), other).held_by_single == (1, 2)


def test_one_approval_goes_on_with_what_is_left_of_it() -> None:
    bench = LimitBench(count=4, rules=Rules(single_w=1400, down_w=800))
    asked = plan(dict.fromkeys(range(3), LOW))
    assert [limited(bench.tick(asked)) for _ in range(3)] == [[0, 1], [2], []]
    off = plan({0: 0}, key=2)
    assert bench.tick(asked, off).held_by_single == (2,), "a pause counts the whole draw"
    bench = LimitBench(count=4, rules=Rules(single_w=1400))
    asked = plan({0: LOW})
    bench.tick(asked)
    assert paused(bench.tick(asked, off)) == [0]
    assert bench.tick(asked, off, plan({1: 0}, key=3)).held_by_single == (3,), "also of a machine with a limit"


def test_who_was_told_to_pause_and_runs_is_limited_when_that_is_over() -> None:
    """The order may still be on its way: a limit now would make nobody ever start it again."""
    bench = LimitBench()
    bench.deaf = {0}
    bench.tick(plan({0: 0}, ends_at=NOW + 61))
    bench.deaf = set()
    low = plan({0: LOW}, key=2)
    assert [limited(bench.tick(low)) for _ in range(3)] == [[], [], []]
    bench.on[0] = False  # it was slow
    assert told(bench.tick(low)) == [(0, Action.RESUME, 0)]
    assert limited(bench.tick(low)) == [0]


def test_least_times_concern_being_off_only() -> None:
    bench = LimitBench(rules=Rules(min_off_s=10_000, min_on_s=10_000))
    bench.state.resumed_at[:] = NOW
    assert limited(bench.tick(plan({0: LOW}))) == [0]
    assert lifted(bench.tick()) == [0]


def test_locked_out_is_the_peoples_and_hot_is_no_start() -> None:
    bench = LimitBench()
    bench.tick(plan({0: LOW, 1: LOW}))
    bench.locked[0], bench.hot[1] = True, True
    done = bench.tick()
    assert (done.given_back, lifted(done)) == (((0, End.LOCKED),), [1]), "it runs: it is not started"
    assert bench.state.before.tolist() == [0, OWN, 0, 0]


def test_nothing_is_told_under_the_kill_switch_or_without_a_reading() -> None:
    bench = LimitBench()
    asked = plan({0: LOW})
    assert bench.tick(asked, frozen=True).orders == ()
    bench.answers[0] = False
    assert bench.tick(asked).orders == ()
    bench.answers[0] = True
    bench.tick(asked)
    bench.answers[0] = False
    assert bench.tick().orders == ()


def test_who_went_off_by_itself_is_not_started_but_gets_its_limit_back() -> None:
    bench = LimitBench()
    bench.tick(plan({0: LOW}))
    bench.on[0] = False
    assert told(bench.tick()) == [(0, Action.LIFT, OWN)]
    assert bench.tick().given_back == ((0, End.RUNNING),)
    assert not bench.on[0]
    asked = plan({1: LOW})
    bench.tick(asked)
    bench.on[1] = False
    assert told(bench.tick(asked)) == [], "nor while the plan runs"


def test_a_machine_that_says_no_limit_any_more_is_lifted_blindly_and_stays_in_our_hands() -> None:
    bench = LimitBench()
    bench.tick(plan({0: LOW}))
    bench.limit[0], bench.deaf = 0, {0}
    assert told(bench.tick()) == [(0, Action.LIFT, OWN)]
    assert ticks(bench, 6).given_back == ()
    bench.limit[0] = OWN
    assert bench.tick().given_back == ((0, End.RUNNING),)


def test_what_refuses_is_given_up_and_the_next_one_takes_its_place() -> None:
    bench = LimitBench()
    bench.deaf = {0}
    asked = plan({0: LOW, 1: LOW}, 400)
    assert [limited(bench.tick(asked)) for _ in range(5)] == [[0], [0], [0], [1], []]


def test_a_smaller_target_lifts_the_last_ones() -> None:
    bench = LimitBench()
    bench.tick(plan(dict.fromkeys(range(4), LOW), 1600))
    assert sorted(lifted(bench.tick(plan(dict.fromkeys(range(4), LOW), 800)))) == [2, 3]


def test_plans_of_pauses_alone_are_as_they_were() -> None:
    bench = LimitBench()
    asked = plan({2: 0, 0: 0}, 2 * KW, ends_at=NOW + 130)
    assert paused(bench.tick(asked)) == [2, 0]
    assert sorted(resumed(ticks(bench, 2, asked))) == [0, 2]


# --- the checker, by itself ----------------------------------------------------------------------------------------
def state(count: int = 3) -> State:
    """Machine 0 is at a limit of ours, machine 1 off, machine 2 untouched."""
    made = State.new(count)
    made.touched[:2], made.at = True, NOW - 60
    made.before[0], made.limit[0], made.limiting[0] = OWN, LOW, True
    made.paused_at[1] = NOW - 600
    return made


def seen(said: Iterable[int] = (LOW, 0, OWN)) -> Seen:
    return Seen(
        np.full(3, NOW - 1), np.array([True, False, True]), np.array([False, True, False]), np.zeros(3, bool),
        np.zeros(3, bool), np.full(3, KW), np.zeros(3, np.int64), np.arange(3), np.array(list(said)),
    )  # fmt: skip


def check(order: Order, *plans: PlanNow, rules: Rules | None = None, said: Iterable[int] = (LOW, 0, OWN)) -> list[str]:
    decision = Decision((order,), (), (), (), (), (), state())
    found = broken(decision, NOW, seen(said), plans, state(), rules or Rules(), frozen=False)
    return [one.split(":")[0] for one in found]


def order(machine: int, action: Action, watts: int = 0, moves: int = KW, until: float = NOW + 30) -> Order:
    return Order(machine, action, 1, NOW, until, KW, moves, watts)


RUNS = plan({0: LOW, 2: LOW})


@pytest.mark.parametrize(
    ("told_", "plans", "found"),
    [
        (order(2, Action.LIMIT, LOW), (RUNS,), []),
        (order(2, Action.LIMIT, LOWER), (RUNS,), ["I1"]),
        (order(2, Action.LIMIT, LOW), (), ["I1", "I1"]),
        (order(2, Action.LIMIT, LOW), (replace(RUNS, ends_at=NOW + 10),), ["I2"]),
        (order(0, Action.LIMIT, LOW), (RUNS,), ["I3"]),
        (order(1, Action.LIMIT, LOW), (plan({1: LOW}),), ["I8"]),
        (order(2, Action.LIMIT, 0), (RUNS,), ["I1"]),
        (order(0, Action.LIFT, OWN), (), []),
        (order(0, Action.LIFT, OWN + 1), (), ["I5"]),
        (order(0, Action.LIFT, 700), (), ["I1"]),
        (order(0, Action.LIFT, 700), (plan({0: 700}),), []),
        (order(1, Action.LIFT, OWN), (), ["I5"]),
        (order(2, Action.LIFT, OWN), (), ["I5"]),
        (order(0, Action.RESUME), (), ["I5"]),
        (order(1, Action.RESUME), (), []),
        (order(0, Action.LIFT, OWN, moves=399), (), ["I4"]),
        (order(0, Action.LIFT, OWN, until=NOW), (), ["I2"]),
    ],
)
def test_the_checker_names_what_an_order_breaks(told_: Order, plans: tuple[PlanNow, ...], found: list[str]) -> None:
    assert check(told_, *plans) == found


def test_the_checker_counts_limits_into_ramps_and_into_one_persons_word() -> None:
    assert check(order(0, Action.LIFT, OWN), rules=Rules(up_w=399)) == ["I4"]
    assert check(order(0, Action.LIFT, OWN), rules=Rules(group_up_w=399)) == ["I4"]
    assert check(order(0, Action.LIFT, OWN), rules=Rules(up_w=400, group_up_w=400)) == []
    held = 400 + KW + 400  # lowered, off, and to be lowered
    assert check(order(2, Action.LIMIT, LOW), RUNS, rules=Rules(single_w=held)) == []
    assert check(order(2, Action.LIMIT, LOW), RUNS, rules=Rules(single_w=held - 1)) == ["I9"]
    assert check(order(2, Action.LIMIT, LOW), replace(RUNS, shared=True), rules=Rules(single_w=1)) == []


def test_what_is_not_in_our_hands_is_not_lifted() -> None:
    before = state()
    before.touched[0] = False
    decision = Decision((order(0, Action.LIFT, OWN),), (), (), (), (), (), before)
    assert broken(decision, NOW, seen(), (), before, Rules(), frozen=False) == ["I5: machine 0 was not limited by us"]


def test_a_machine_never_paused_has_no_time_of_its_pause() -> None:
    bench = LimitBench()
    bench.tick(plan({0: 0}, ends_at=NOW + 61))
    ticks(bench, 3)
    assert bench.state.paused_at[0] > NEVER
    bench.tick(plan({0: LOW}))
    assert bench.state.paused_at[0] == NEVER

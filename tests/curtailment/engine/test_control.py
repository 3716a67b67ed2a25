"""The control tick by tick: small sites in which each rule can be seen by itself."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from curtailment.engine.control import tick
from curtailment.engine.values import ALWAYS, Action, Decision, End, PlanNow, Rules, Seen, State

NOW = 1_800_000_000.0
KW = 1000


@dataclass
class Bench:
    """A few machines of 1 kW each that obey at once, unless said otherwise; the reading is always a second old."""

    count: int = 4
    rules: Rules = field(default_factory=Rules)
    now: float = NOW

    def __post_init__(self) -> None:
        self.on = np.ones(self.count, bool)
        self.answers = np.ones(self.count, bool)
        self.locked = np.zeros(self.count, bool)
        self.hot = np.zeros(self.count, bool)
        self.draw = np.full(self.count, KW)
        self.group = np.zeros(self.count, np.int64)
        self.rank = np.arange(self.count)
        self.deaf: set[int] = set()
        self.state = State.new(self.count)
        self.read_at = self.now - 1

    def seen(self) -> Seen:
        """What is read now."""
        return Seen(
            np.where(self.answers, self.read_at, self.now - 1000), self.on.copy(), ~self.on, self.locked.copy(),
            self.hot.copy(), self.draw.copy(), self.group.copy(), self.rank.copy(),
        )  # fmt: skip

    def tick(self, *plans: PlanNow, after: float = 60.0, frozen: bool = False) -> Decision:
        """One step later: read, decide, obey."""
        self.now += after
        self.read_at = self.now - 1
        decision = tick(self.now, self.seen(), plans, self.state, self.rules, frozen=frozen)
        self.state = decision.state
        for order in decision.orders:
            if order.machine not in self.deaf:
                self.on[order.machine] = order.action is Action.RESUME
        return decision


def plan(order: Iterable[int], watts: int, **changes: Any) -> PlanNow:
    """From the first tick on."""
    given = {"key": 1, "starts_at": NOW, "ends_at": ALWAYS, **changes}
    return PlanNow(order=np.array(list(order), np.int64), target_w=watts, **given)


def paused(decision: Decision) -> list[int]:
    return [order.machine for order in decision.orders if order.action is Action.PAUSE]


def resumed(decision: Decision) -> list[int]:
    return [order.machine for order in decision.orders if order.action is Action.RESUME]


def test_as_many_as_needed_go_off_in_their_order_and_come_back_the_other_way_round() -> None:
    bench = Bench(rules=Rules(up_w=KW))
    asked = plan([2, 0, 3, 1], 2500)
    assert paused(bench.tick(asked)) == [2, 0, 3]
    told = bench.tick(asked).progress[0]
    assert (told.off_w, told.off, told.pending, told.wanted_w) == (3000, 3, 0, 2500)
    bench.rank = np.array([1, 3, 0, 2])
    assert [resumed(bench.tick()) for _ in range(4)] == [[3], [0], [2], []]


def test_a_machine_that_was_off_before_is_never_touched() -> None:
    bench = Bench()
    bench.on[0] = False
    asked = plan(range(4), 2 * KW, ends_at=NOW + 150)
    assert paused(bench.tick(asked)) == [1, 2]
    bench.tick(asked)
    assert sorted(resumed(bench.tick(asked))) == [1, 2]
    assert not bench.on[0]


def test_what_does_not_obey_is_told_again_then_given_up_and_the_next_one_takes_its_place() -> None:
    bench = Bench()
    bench.deaf = {0}
    asked = plan(range(4), 2 * KW)
    assert paused(bench.tick(asked)) == [0, 1]
    assert [paused(bench.tick(asked)) for _ in range(4)] == [[0], [0], [2], []]
    assert bench.tick(asked).progress[0].refused == 1
    bench.deaf = set()
    later = [paused(bench.tick(asked)) for _ in range(6)]
    assert later == [[]] * 6, "the target is reached without it"


def test_an_order_that_may_still_be_on_its_way_is_not_sent_twice() -> None:
    bench = Bench()
    bench.deaf = {0}
    asked = plan(range(4), KW)
    assert paused(bench.tick(asked)) == [0]
    told = bench.tick(asked, after=10)
    assert (paused(told), told.progress[0].pending) == ([], 1)
    assert paused(bench.tick(asked, after=60)) == [0]


def test_what_was_read_before_an_order_says_nothing_of_it() -> None:
    bench = Bench()
    asked = plan(range(4), KW)
    bench.tick(asked)
    bench.now += 60  # nobody has read since
    told = tick(bench.now, bench.seen(), [asked], bench.state, bench.rules)
    assert (told.orders, told.progress[0].off, told.progress[0].pending) == ((), 0, 1)
    bench.now += 60
    told = tick(bench.now, bench.seen(), [asked], told.state, bench.rules)
    assert (told.progress[0].off, told.progress[0].pending, told.progress[0].unknown) == (0, 0, 1)
    assert [order.machine for order in told.orders] == [], "and without a reading nothing is done"


def test_machines_that_do_not_answer_are_left_alone_and_do_not_count() -> None:
    bench = Bench()
    asked = plan(range(4), 2 * KW)
    bench.answers[0] = False
    assert paused(bench.tick(asked)) == [1, 2]
    bench.answers[1] = False
    told = bench.tick(asked)
    assert (told.progress[0].off_w, told.progress[0].off, told.progress[0].unknown) == (KW, 1, 1)
    assert paused(bench.tick(asked)) == [3]


def test_a_machine_that_starts_by_itself_is_told_again() -> None:
    bench = Bench()
    asked = plan(range(4), KW)
    bench.tick(asked)
    bench.on[0] = True
    assert paused(bench.tick(asked)) == [0]


def test_ramps_hold_for_a_step_whenever_it_begins() -> None:
    bench = Bench(count=6, rules=Rules(down_w=2 * KW, up_w=2 * KW))
    asked = plan(range(6), 6 * KW, ends_at=NOW + 500)
    assert [paused(bench.tick(asked, after=20)) for _ in range(4)] == [[0, 1], [], [], [2, 3]]
    bench.tick(asked)
    bench.now = NOW + 500
    assert [resumed(bench.tick(asked, after=20)) for _ in range(4)] == [[5, 4], [], [], [3, 2]]


def test_each_breaker_has_a_limit_of_its_own() -> None:
    bench = Bench(count=4, rules=Rules(up_w=3 * KW, group_up_w=KW))
    bench.group = np.array([0, 0, 0, 1])
    asked = plan(range(4), 4 * KW, ends_at=NOW + 100)
    bench.tick(asked)
    assert [resumed(bench.tick(asked, after=after)) for after in (60, 20, 60)] == [[3, 2], [], [1]]


def test_a_machine_no_step_has_room_for_is_named() -> None:
    bench = Bench(rules=Rules(up_w=1500, down_w=1500))
    bench.draw[1] = 2000
    asked = plan(range(2), 3 * KW, ends_at=NOW + 150)
    assert paused(bench.tick(asked)) == [0]
    assert paused(bench.tick(asked, after=20)) == [], "it needs a step of its own"
    assert paused(bench.tick(asked)) == [1]
    done = bench.tick()
    assert (resumed(done), done.too_big) == ([0], (1,))


def test_one_approval_holds_off_so_much_in_all_plans_together() -> None:
    bench = Bench(count=8, rules=Rules(single_w=3 * KW))
    first, second = plan(range(4), 2 * KW), plan([4, 5, 6, 7], 2 * KW, key=2)
    told = bench.tick(first, second)
    assert (paused(told), told.held_by_single) == ([0, 1, 4], (2,))
    assert paused(bench.tick(first, replace(second, shared=True))) == [5]
    assert paused(bench.tick(replace(first, target_w=4 * KW), replace(second, shared=True))) == [2]


def test_when_a_plan_ends_another_that_wants_its_machines_keeps_them() -> None:
    bench = Bench()
    one, other = plan(range(4), 3 * KW, ends_at=NOW + 130), plan(range(4), 2 * KW, key=2)
    assert paused(bench.tick(one, other)) == [0, 1, 2]
    told = bench.tick(one, other)
    assert [p.off_w for p in told.progress] == [3 * KW, 3 * KW]
    assert resumed(bench.tick(one, other)) == [2], "what the other does not need comes back"
    assert bench.state.by.tolist()[:2] == [2, 2]
    assert [resumed(bench.tick(other)) for _ in range(3)] == [[], [], []]


def test_a_smaller_target_gives_the_last_ones_back() -> None:
    bench = Bench()
    bench.tick(plan(range(4), 4 * KW))
    assert resumed(bench.tick(plan(range(4), 1500))) == [3, 2]


def test_least_times_off_and_on_are_kept_unless_it_is_urgent() -> None:
    bench = Bench(rules=Rules(min_off_s=180, min_on_s=240))
    asked = plan(range(4), KW, ends_at=NOW + 100)
    bench.tick(asked)
    assert [resumed(bench.tick(asked)) for _ in range(3)] == [[], [], [0]]
    again = plan(range(1), KW, key=2)
    told = [paused(bench.tick(again)) for _ in range(5)]
    assert told == [[], [], [], [0], []]
    bench = Bench(rules=Rules(min_on_s=10_000))
    bench.tick(asked)
    bench.now = NOW + 200
    bench.tick()
    bench.tick()
    assert paused(bench.tick(replace(again, urgent=True))) == [0]


def test_who_is_locked_out_or_too_hot_is_not_started() -> None:
    bench = Bench()
    asked = plan(range(4), 4 * KW, ends_at=NOW + 100)
    bench.tick(asked)
    bench.locked[0], bench.hot[1] = True, True
    told = bench.tick(asked)
    assert (sorted(resumed(told)), told.given_back, told.waiting_hot) == ([2, 3], ((0, End.LOCKED),), (1,))
    bench.hot[1] = False
    assert resumed(bench.tick()) == [1]
    assert not bench.on[0]


def test_the_kill_switch_stops_orders_and_nothing_else() -> None:
    bench = Bench()
    asked = plan(range(4), 2 * KW, ends_at=NOW + 200)
    assert bench.tick(asked, frozen=True).orders == ()
    assert paused(bench.tick(asked)) == [0, 1]
    bench.now = NOW + 300
    assert bench.tick(asked, frozen=True).orders == ()
    assert sorted(resumed(bench.tick(asked))) == [0, 1]


def test_an_order_ends_with_its_plan() -> None:
    bench = Bench()
    (order,) = bench.tick(plan([0], KW, ends_at=NOW + 70)).orders
    assert (order.not_before, order.expires_at) == (NOW + 60, NOW + 70)


def test_a_clock_set_back_delays_nothing() -> None:
    bench = Bench(rules=Rules(up_w=2 * KW))
    asked = plan(range(4), 4 * KW)
    bench.tick(asked)
    assert resumed(bench.tick()) != []
    bench.now -= 3600
    assert resumed(bench.tick()) == [], "how long the step has lasted nobody knows"
    assert len(resumed(bench.tick())) == 2


def test_seen_running_once_is_not_enough_for_who_was_told_to_pause() -> None:
    bench = Bench()
    bench.deaf = {0}
    bench.tick(plan(range(4), KW, ends_at=NOW + 61))
    told = [bench.tick() for _ in range(4)]
    assert [one.given_back for one in told] == [(), (), (), ((0, End.RUNNING),)]
    bench = Bench()
    bench.deaf = {0}
    bench.tick(plan(range(4), KW, ends_at=NOW + 61))
    assert [bench.tick().given_back for _ in range(3)] == [(), (), ()]
    bench.answers[0] = False
    assert bench.tick().given_back == ()
    bench.answers[0], bench.deaf = True, set()
    assert [bench.tick().given_back for _ in range(3)] == [(), (), ()], "it is counted anew"
    bench.on[0] = False  # what was said before was late
    assert resumed(bench.tick()) == [0]


def test_a_machine_just_told_to_run_is_not_told_to_pause_while_that_may_still_be_sent() -> None:
    bench = Bench()
    bench.tick(plan(range(4), KW, ends_at=NOW + 61))
    assert resumed(bench.tick()) == [0]
    again = plan(range(1), KW, key=2)
    assert paused(bench.tick(again, after=20)) == []
    assert paused(bench.tick(again, after=20)) == [0]


def test_restarts_are_tried_for_ever_with_longer_waits() -> None:
    bench = Bench()
    bench.tick(plan([0], KW, ends_at=NOW + 61))
    bench.deaf = {0}
    told = [bool(resumed(bench.tick())) for _ in range(40)]
    assert told[:3] == [True, True, True]
    assert sum(told) >= 9
    assert any(told[-6:])


@pytest.mark.parametrize("count", [0, 1])
def test_a_site_without_machines_or_plans(count: int) -> None:
    assert Bench(count=count).tick().orders == ()


def test_a_reading_from_the_future_says_nothing() -> None:
    """The clock was set back since."""
    bench = Bench()
    bench.now += 60
    bench.read_at = bench.now + 30
    assert tick(bench.now, bench.seen(), [plan(range(4), KW)], bench.state, bench.rules).orders == ()


def test_nobody_is_told_to_run_twice_while_the_first_order_may_still_be_sent() -> None:
    bench = Bench()
    bench.tick(plan(range(4), KW, ends_at=NOW + 61))
    bench.deaf = {0}
    assert resumed(bench.tick()) == [0]
    assert resumed(bench.tick(after=20)) == []
    assert resumed(bench.tick(after=20)) == [0]

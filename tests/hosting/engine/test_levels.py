"""Limits of power on a device: what is taken, carried out, kept through kills and power cuts, and given back alone."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from hosting.engine.leasing import invariants
from hosting.engine.leasing.document import (
    FORM,
    FORMS,
    LEVELS_FORM,
    Doubt,
    LeaseRefused,
    Lowered,
    Safe,
    Sealed,
    Verb,
    in_form,
    roster_of,
    sign,
)
from hosting.engine.leasing.keeping import Decision, decide
from hosting.engine.leasing.memory import Low, Memory
from hosting.engine.leasing.work import Command, Sight
from tests.hosting.engine.test_leasing import MACHINES, NOW, PRIVATE, SERVER, said, sealed, taken, with_lease

OWN, LOW = 1100, 600


def levels(orders: Any = (), low: Any = (), asks: Any = ()) -> dict[str, Any]:
    return {"orders": [list(one) for one in orders], "low": [list(one) for one in low], "asks": list(asks)}


def limit(place: int = 0, watts: int = LOW, key: int = 7, verb: str = "limit") -> list[Any]:
    return [key, place, verb, SERVER, SERVER + 10_000, watts]


def lease(memory: Memory | None = None, at: float = NOW, **changes: Any) -> Memory:
    return with_lease(memory, at, **{"orders": [], **changes})


def sights(at: float, limits: dict[int, int | None] | None = None, off: tuple[int, ...] = ()) -> dict[str, Sight]:
    """All keep to their own limit but those that are named."""
    told: dict[int, int | None] = dict.fromkeys(range(4), OWN) | (limits or {})
    return {f"m{n}": Sight(at, n not in off, n in off, 1000, limit_w=told[n]) for n in range(4)}


def act(memory: Memory, seen: dict[str, Sight], now: float) -> Decision:
    """As production does: proved once more before anything is sent."""
    decision = decide(memory, seen, now=now)
    assert invariants.broken(decision.commands, memory, seen, now=now) == []
    return decision


def told(decision: Decision) -> list[tuple[str, Verb, int, int | None]]:
    return [(one.machine.id, one.verb, one.watts, one.order) for one in decision.commands]


def limited(safe: Safe = Safe.RUN, safe_s: int = 0, **changes: Any) -> Memory:
    """Machine 0 was told 600 W a moment ago and had 1,100."""
    roster = [replace(one, safe=safe, safe_s=safe_s) for one in MACHINES]
    return act(lease(roster=roster, levels=levels([limit()]), **changes), sights(NOW), NOW + 1).memory


# --- what is taken ----------------------------------------------------------------------------------------------------
def test_a_lease_with_levels_is_of_another_form_and_one_without_is_as_it_ever_was() -> None:
    one = sealed(levels=levels([limit()], [(1, LOW, OWN)], [2]))
    assert json.loads(one.text)["form"] == LEVELS_FORM
    found = taken(one)
    assert (found.orders[1].verb, found.orders[1].watts) == (Verb.LIMIT, LOW)
    assert (found.low, found.lowered, found.asks) == ({"m1": Lowered(LOW, OWN)}, {"m0", "m1"}, {"m2"})
    assert json.loads(sealed().text)["form"] == FORM
    assert sorted(json.loads(sealed().text)) == sorted(["form", "key", *said()])


def test_who_knows_no_levels_is_told_what_it_was_told_before_there_were_any() -> None:
    plain = said()
    content = {**plain, "levels": levels([limit()], [(1, LOW, OWN)], [0])}
    for forms in ((), (FORM,), ("hashinsight lease 9",)):
        assert sign(in_form(content, forms, frozen=False), PRIVATE) == sign(plain, PRIVATE)
    assert in_form(content, FORMS, frozen=False) == content
    frozen = in_form(content, FORMS, frozen=True)
    assert (frozen["orders"], frozen["levels"]) == ([], levels([], [(1, LOW, OWN)], [0]))


@pytest.mark.parametrize(
    "changes",
    [
        {"orders": [limit()]},
        {"orders": [limit()[:5]]},
        {"levels": levels([limit(watts=0)])},
        {"levels": levels([limit(verb="pause")])},
        {"levels": levels([limit()[:5]])},
        {"levels": levels(low=[(0, 0, OWN)])},
        {"levels": levels(low=[(0, LOW, 0)])},
        {"levels": levels(low=[(9, LOW, OWN)])},
        {"levels": levels(asks=[9])},
        {"levels": {"orders": []}},
        {"levels": levels(), "form": "hashinsight lease 3"},
    ],
)  # fmt: skip
def test_a_lease_of_neither_form_is_not_taken(changes: Any) -> None:
    with pytest.raises(LeaseRefused) as found:
        taken(sealed(**changes))
    assert found.value.doubt is Doubt.FORM


def test_one_form_is_never_taken_for_the_other() -> None:
    text, signature = sign(said(levels=levels([limit()])), PRIVATE)
    for wrong in (text.replace(LEVELS_FORM, FORM), text.replace(LEVELS_FORM, "hashinsight lease 0")):
        with pytest.raises(LeaseRefused) as found:
            taken(Sealed(wrong, signature, roster_of(MACHINES)))
        assert found.value.doubt in (Doubt.SIGNATURE, Doubt.FORM)


# --- with the server --------------------------------------------------------------------------------------------------
def test_a_machine_is_limited_and_what_it_had_is_kept() -> None:
    memory = lease(levels=levels([limit()]))
    first = act(memory, sights(NOW), NOW + 1)
    assert told(first) == [("m0", Verb.LIMIT, LOW, 7)]
    assert first.memory.low["m0"] == Low(OWN, LOW, NOW + 1, False, 1, NOW + 21)
    assert told(act(first.memory, sights(NOW + 2, {0: LOW}), NOW + 3)) == [], "once"
    lower = lease(first.memory, levels=levels([limit(watts=400, key=8)], [(0, LOW, 9_999)]), counter=6)
    second = act(lower, sights(NOW + 2, {0: LOW}), NOW + 3)
    assert told(second) == [("m0", Verb.LIMIT, 400, 8)]
    assert (second.memory.low["m0"].before_w, second.memory.low["m0"].limit_w) == (OWN, 400), "ours outranks the server"


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (sights(NOW, {0: None}), "it says no limit of its power"),
        (sights(NOW, {0: 0}), "it says no limit of its power"),
        (sights(NOW, {0: LOW}), "it keeps to no more already"),
        (sights(NOW, {0: LOW - 100}), "it keeps to no more already"),
        (sights(NOW, off=(0,)), "it does not run"),
    ],
)
def test_an_order_to_limit_that_does_not_fit_is_told_why(seen: Any, why: str) -> None:
    decision = act(lease(levels=levels([limit()])), seen, NOW + 1)
    assert (told(decision), decision.memory.low) == ([], {})
    assert (decision.memory.results[7].outcome, decision.memory.results[7].detail) == ("refused", why)


def test_a_limit_waits_for_a_reading_and_for_nothing_beyond_its_time() -> None:
    memory = lease(levels=levels([limit()]))
    assert act(memory, {}, NOW + 5).memory.results == {}
    unsure = {"m0": Sight(NOW, False, False, limit_w=OWN)}
    assert told(act(memory, unsure, NOW + 1)) == []
    late = act(memory, unsure, NOW + 10)
    assert (late.memory.results[7].outcome, late.memory.results[7].detail) == ("lapsed", "nobody knows what it does")


def test_who_was_told_to_pause_is_not_limited_and_who_was_told_to_run_is() -> None:
    paused = act(with_lease(off=[0]), sights(NOW), NOW + 1).memory
    asked = lease(paused, off=[], levels=levels([limit()]), counter=6)
    refused = act(asked, sights(NOW + 2), NOW + 3)
    assert (told(refused), refused.memory.results[7].detail) == ([], "it was told to pause")
    run = [[2, 0, "resume", SERVER, SERVER + 10_000]]
    resumed = act(lease(paused, off=[0], orders=run, counter=6), sights(NOW + 2, off=(0,)), NOW + 3).memory
    done = act(lease(resumed, off=[], levels=levels([limit()]), counter=7), sights(NOW + 4), NOW + 5)
    assert told(done) == [("m0", Verb.LIMIT, LOW, 7)]


def test_a_limit_is_given_back_by_order_and_over_when_it_is_seen_so() -> None:
    memory = lease(limited(), levels=levels([limit(watts=OWN, key=8, verb="lift")], [(0, LOW, OWN)]), counter=6)
    lifted = act(memory, sights(NOW + 2, {0: LOW}), NOW + 3)
    assert told(lifted) == [("m0", Verb.LIFT, OWN, 8)]
    kept = lifted.memory.low["m0"]
    assert (kept.before_w, kept.limit_w, kept.lifted) == (OWN, LOW, True), "until it is seen there"
    low = lease(lifted.memory, levels=levels(low=[(0, LOW, OWN)]), counter=7)
    assert "m0" in act(low, sights(NOW + 4), NOW + 5).memory.low, "the server still has it"
    assert act(lease(low, counter=8), sights(NOW + 4, {0: LOW}), NOW + 5).memory.low["m0"].lifted
    assert act(lease(low, counter=8), sights(NOW + 4, {0: OWN - 10}), NOW + 5).memory.low == {}, "firmwares round"


def test_a_lift_half_way_leaves_the_rest_to_be_given_back() -> None:
    half = lease(limited(), levels=levels([limit(watts=800, key=8, verb="lift")], [(0, 800, OWN)]), counter=6)
    decision = act(half, sights(NOW + 2, {0: LOW}), NOW + 3)
    assert told(decision) == [("m0", Verb.LIFT, 800, 8)]
    low = decision.memory.low["m0"]
    assert (low.limit_w, low.before_w, low.lifted) == (800, OWN, False)


@pytest.mark.parametrize(
    ("memory", "seen", "watts", "why"),
    [
        (lease(), sights(NOW, {0: LOW}), OWN, "it was not limited by us"),
        (limited(), sights(NOW + 2, {0: LOW}), OWN + 1, "it had less before"),
        (limited(), sights(NOW + 2), OWN, "it keeps to so much already"),
    ],
)
def test_a_lift_that_does_not_fit_is_told_why(memory: Memory, seen: Any, watts: int, why: str) -> None:
    asked = lease(memory, levels=levels([limit(watts=watts, key=8, verb="lift")]), counter=6)
    asked.lease = replace(asked.lease, lowered=frozenset({"m0"}))  # type: ignore[type-var]
    decision = act(asked, seen, NOW + 3)
    assert (told(decision), decision.memory.results[8].detail) == ([], why)


def test_a_lift_takes_of_the_ramp_what_it_adds_and_no_more() -> None:
    small = {"ramp": {"up_w": 399, "group_up_w": 2000, "down_w": 0}}
    lift = levels([limit(watts=OWN, key=8, verb="lift")], [(0, LOW, OWN)])
    waits = act(lease(limited(), levels=lift, counter=6, **small), sights(NOW + 2, {0: LOW}), NOW + 12)
    assert (told(waits), waits.memory.results[8].detail) == ([], "no room in the ramp")
    small["ramp"]["up_w"] = 400
    done = act(lease(limited(), levels=lift, counter=6, **small), sights(NOW + 2, {0: LOW}), NOW + 3)
    assert told(done) == [("m0", Verb.LIFT, OWN, 8)]
    assert done.memory.spent[-1].watts == 400, "of a machine that draws 1,000 W"


def test_a_slow_machine_counts_from_what_it_was_told() -> None:
    """It says 800 W of the minutes before, and may draw 600 W already."""
    lift = levels([limit(watts=OWN, key=8, verb="lift")], [(0, LOW, OWN)])
    memory = lease(limited(), levels=lift, counter=6)
    decision = act(memory, sights(NOW + 2, {0: 800}), NOW + 3)
    assert decision.memory.spent[-1].watts == 400
    small = lease(limited(), levels=lift, counter=6, ramp={"up_w": 399, "group_up_w": 2000, "down_w": 0})
    assert told(act(small, sights(NOW + 2, {0: 800}), NOW + 3)) == []
    (wrong,) = invariants.broken(decision.commands, small, sights(NOW + 2, {0: 800}), now=NOW + 3)
    assert wrong.startswith("I4: 400 W")


def test_what_the_server_holds_no_lower_is_given_back_by_the_device() -> None:
    orphan = lease(limited(), counter=6)
    first = act(orphan, sights(NOW + 2, {0: LOW}), NOW + 3)
    assert told(first) == [("m0", Verb.LIFT, OWN, None)]
    assert told(act(first.memory, sights(NOW + 4, {0: LOW}), NOW + 5)) == [], "the next try has its time"
    assert told(act(first.memory, sights(NOW + 24, {0: LOW}), NOW + 25)) == [("m0", Verb.LIFT, OWN, None)]
    assert act(first.memory, sights(NOW + 4), NOW + 5).memory.low == {}


def test_a_limit_that_comes_late_is_not_forgotten() -> None:
    """Told to be lower last: it has to be seen at its own limit reading after reading."""
    memory = lease(limited(), counter=6)
    assert act(memory, sights(NOW), NOW + 1.5).memory.low["m0"].calm == 0, "what it said before says nothing of it"
    for n in range(2):
        memory = act(memory, sights(NOW + 2 + n), NOW + 2.5 + n).memory
    assert memory.low["m0"].calm == 2
    assert act(memory, sights(NOW + 3), NOW + 4).memory.low["m0"].calm == 2, "each once"
    assert act(memory, sights(NOW + 5), NOW + 6).memory.low == {}
    late = act(memory, sights(NOW + 5, {0: LOW}), NOW + 6)
    assert told(late) == [("m0", Verb.LIFT, OWN, None)]


def test_a_device_that_lost_its_file_is_told_what_machines_had() -> None:
    memory = lease(levels=levels(low=[(0, LOW, OWN)]))
    assert memory.low == {"m0": Low(OWN, LOW)}
    over = act(memory, sights(NOW + 60, {0: LOW}), NOW + 61)
    assert told(over) == [("m0", Verb.LIFT, OWN, None)]


def test_a_machine_the_lease_names_no_more_is_let_alone() -> None:
    assert lease(limited(), roster=MACHINES[1:], counter=6).low == {}


# --- alone ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("safe", "again"), [(Safe.HOLD, []), (Safe.CURTAIL, [("m0", Verb.LIMIT, LOW, None)])])
def test_alone_a_machine_keeps_to_its_limit_as_its_contract_says(safe: Safe, again: list[Any]) -> None:
    memory = limited(safe, 600)
    assert told(act(memory, sights(NOW + 300, {0: LOW}), NOW + 301)) == []
    assert told(act(memory, sights(NOW + 300), NOW + 301)) == again, "it forgot what it was told"
    over = act(memory, sights(NOW + 660, {0: LOW}), NOW + 661)
    assert told(over) == [("m0", Verb.LIFT, OWN, None)]


def test_alone_who_was_told_to_go_back_is_not_told_otherwise() -> None:
    roster = [replace(one, safe=Safe.CURTAIL, safe_s=600) for one in MACHINES]
    lift = levels([limit(watts=OWN, key=8, verb="lift")], [(0, LOW, OWN)])
    memory = act(
        lease(limited(Safe.CURTAIL, 600), roster=roster, levels=lift, counter=6), sights(NOW + 2, {0: LOW}), NOW + 3
    ).memory
    lost = act(memory, sights(NOW + 300, {0: LOW}), NOW + 301)
    assert told(lost) == [], "its safe state is to be lower"
    assert act(memory, sights(NOW + 300), NOW + 301).memory.low == {}
    assert told(act(memory, sights(NOW + 660, {0: LOW}), NOW + 661)) == [("m0", Verb.LIFT, OWN, None)]


def test_what_is_off_runs_again_first_and_is_lifted_then() -> None:
    pause = {"orders": [[2, 0, "pause", SERVER, SERVER + 10_000]], "off": [0]}
    asked = lease(limited(), levels=levels(low=[(0, LOW, OWN)]), counter=6, **pause)
    both = act(asked, sights(NOW + 2, {0: LOW}), NOW + 3).memory
    assert (set(both.ours), set(both.low), both.in_hand) == ({"m0"}, {"m0"}, {"m0"})
    resting = sights(NOW + 60, {0: LOW}, off=(0,))
    hot = {name: replace(one, chip_c=90.0) for name, one in resting.items()}
    assert told(act(both, hot, NOW + 61)) == [], "nor is it lifted while it waits"
    first = act(both, resting, NOW + 61)
    assert told(first) == [("m0", Verb.RESUME, 0, None)]
    done = act(first.memory, sights(NOW + 62, {0: LOW}), NOW + 63)
    assert (done.memory.ours, told(done)) == ({}, [("m0", Verb.LIFT, OWN, None)])


def test_who_says_no_limit_any_more_is_lifted_blindly_and_stays_ours() -> None:
    memory, now = limited(), NOW + 61.0
    tries = []
    for _ in range(60):
        decision = act(memory, sights(now - 0.5, {0: None}), now)
        tries += [now for _one in decision.commands]
        memory, now = decision.memory, now + 5
    assert len(tries) >= 4
    assert max(after - before for before, after in pairwise(tries)) <= 5 * 20 + 5
    assert act(memory, sights(now - 0.5), now).memory.low == {}


def test_alone_limits_come_back_by_rank_within_the_ramp() -> None:
    asked = levels([limit(place, key=10 + place) for place in range(4)])
    memory = act(lease(levels=asked, ramp={"up_w": 900, "group_up_w": 900, "down_w": 0}), sights(NOW), NOW + 1).memory
    low = dict.fromkeys(range(4), LOW)
    first = act(memory, sights(NOW + 60, low), NOW + 61)
    assert [one[0] for one in told(first)] == ["m3", "m2"]
    later = act(first.memory, sights(NOW + 82, {0: LOW, 1: LOW}), NOW + 83)
    assert [one[0] for one in told(later)] == ["m1", "m0"]


def test_alone_a_limit_is_put_back_within_the_ramp() -> None:
    memory = limited(Safe.CURTAIL, 600, ramp={"up_w": 900, "group_up_w": 900, "down_w": 399})
    assert told(act(memory, sights(NOW + 61), NOW + 62)) == []


def test_under_the_kill_switch_no_limit_is_touched_also_after_the_lease() -> None:
    frozen = lease(limited(), levels=levels(low=[(0, LOW, OWN)]), frozen=True, counter=6)
    for now in (NOW + 10, NOW + 1000):
        assert told(act(frozen, sights(now - 1, {0: LOW}), now)) == []
    frozen.thawed = frozen.counter
    assert told(act(frozen, sights(NOW + 1000, {0: LOW}), NOW + 1001)) == [("m0", Verb.LIFT, OWN, None)]


# --- the independent check --------------------------------------------------------------------------------------------
def test_the_independent_check_finds_what_must_not_be() -> None:
    before, over, seen = limited(), NOW + 61, sights(NOW + 60, {0: LOW})
    good = decide(before, seen, now=over).commands
    assert invariants.broken(good, before, seen, now=over) == []

    def found(one: Command, memory: Memory = before, what: Any = seen, now: float = over) -> str:
        return "; ".join(invariants.broken([one], memory, what, now=now))

    assert "had 1100 W before" in found(replace(good[0], watts=OWN + 1))
    assert "had 1100 W before" in found(replace(good[0], watts=OWN - 1)), "alone it is all or nothing"
    assert "not limited by us" in found(replace(good[0], machine=MACHINES[1]))
    assert "I1" in found(replace(good[0], verb=Verb.LIMIT, watts=LOW))
    assert "I1" in found(good[0], lease(before, levels=levels(low=[(0, LOW, OWN)]), counter=6), seen, NOW + 10)
    assert "I4" in found(good[0], limited(ramp={"up_w": 399, "group_up_w": 2000, "down_w": 0}))
    assert "I4" in found(good[0], limited(ramp={"up_w": 2000, "group_up_w": 399, "down_w": 0}))
    held = limited(Safe.HOLD, 600)
    assert held.lease is not None
    assert "too early" in found(replace(good[0], machine=held.lease.machines["m0"]), held)
    both = act(with_lease(before, off=[0], counter=6), sights(NOW + 2), NOW + 3).memory
    assert "off for us" in found(good[0], both, now=NOW + 70, what=sights(NOW + 65, {0: LOW}, off=(0,)))
    asked = lease(levels=levels([limit()]))
    order = decide(asked, sights(NOW), now=NOW + 1).commands[0]
    assert invariants.broken([order], asked, sights(NOW), now=NOW + 1) == []
    assert "I1" in found(replace(order, watts=LOW - 1), asked, sights(NOW), NOW + 1)
    assert "I8" in found(order, asked, sights(NOW, {0: None}), NOW + 1)
    assert "I8" in found(order, asked, sights(NOW, off=(0,)), NOW + 1)
    assert "I3" in found(order, asked, sights(NOW, {0: LOW}), NOW + 1)
    asked.low["m0"] = Low(LOW - 100, 400)
    assert "had 500 W before" in found(order, asked, sights(NOW), NOW + 1)

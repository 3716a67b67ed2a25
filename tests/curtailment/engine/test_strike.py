"""The hysteresis of strike prices, held against its own definition over generated series with every defect."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curtailment.engine.strike import (
    Adders,
    Levels,
    Patience,
    Point,
    State,
    Window,
    doubtful,
    judged,
    run,
    step,
    times_off,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
NO = Adders()
D = Decimal


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def windows(prices: Sequence[float | None], minutes: int = 15) -> list[Window]:
    """One after another, judged at their end; None is a gap."""
    return [
        Window(at(n * minutes), at((n + 1) * minutes), D(str(price)), at((n + 1) * minutes))
        for n, price in enumerate(prices)
        if price is not None
    ]


def states(
    rows: Sequence[Window], levels: Levels, patience: Patience, doubts: Sequence[bool] | None = None
) -> list[State]:
    pairs = zip(rows, doubts or [False] * len(rows), strict=True)
    return list(run(State(), pairs, adders=NO, levels=lambda _window: levels, patience=patience))


def offs(prices: Sequence[float | None], levels: Levels, patience: Patience) -> str:
    return "".join("x" if one.off else "." for one in states(windows(prices), levels, patience))


LOW = Levels(strike=D(10), resume=D(8))


@pytest.mark.parametrize("minutes", [5, 15, 30, 60])
def test_off_after_three_windows_and_on_after_two(minutes: int) -> None:
    rows = windows([11, 11, 9, 11, 11, 11, 9, 7, 9, 7, 7, 11], minutes)
    found = states(rows, LOW, Patience(3, 2))
    assert "".join("x" if one.off else "." for one in found) == ".....xxxxx.."
    (off,) = times_off(found)
    assert (off.start, off.end) == (rows[5].end, rows[10].end)


def test_a_high_price_counts_at_once() -> None:
    assert offs([9, 51, 9, 7, 7], Levels(D(10), D(8), D(50)), Patience(3, 2)) == ".xxx."
    assert offs([9, 50, 9], Levels(D(10), D(8), D(50)), Patience(3, 2)) == "..."


def test_a_gap_breaks_the_row() -> None:
    assert offs([11, 11, None, 11, 11, 11], LOW, Patience(3, 2)) == "....x"
    assert offs([11, 7, None, 7, 7], LOW, Patience(1, 2)) == "xxx."


def test_a_doubtful_window_breaks_it_too_and_changes_nothing() -> None:
    found = states(windows([11, 11, 90, 11, 11, 11]), LOW, Patience(3, 2), [False, False, True, False, False, False])
    assert [one.off for one in found] == [False] * 5 + [True]
    assert found[2].cost == 11


def test_a_price_below_zero_never_switches_off() -> None:
    dear = Adders(network=D(20))
    found = list(
        run(State(), [(one, False) for one in windows([-1, -1, 0])], adders=dear, levels=lambda _w: LOW,
            patience=Patience(1, 1))
    )  # fmt: skip
    assert [one.off for one in found] == [False, False, True]


def test_unknown_levels_say_nothing() -> None:
    found = step(State(above=2), windows([50])[0], cost=D(50), levels=None, patience=Patience(3, 3))
    assert (found.off, found.above) == (False, 0)


def test_adders() -> None:
    assert Adders(network=D("0.012"), ancillary=D("0.003"), losses=D(5)).cost(D("0.10")) == D("0.120")
    assert Adders(losses=D(5)).cost(D("-0.10")) == D("-0.105")


# --- what was known when --------------------------------------------------------------------------------------------
def point(n: int, price: float, known: float, minutes: int = 15) -> Point:
    return Point(at(n * minutes), at((n + 1) * minutes), D(str(price)), at(known))


def test_a_value_of_tomorrow_is_judged_when_it_begins_and_as_known_then() -> None:
    points = [point(4, 1, -600), point(4, 2, 50), point(4, 3, 61)]
    assert judged(points, at=at(59)) == []
    assert judged(points, at=at(100)) == [Window(at(60), at(75), D(2), at(60))]


def test_a_restated_value_changes_nothing_that_was_judged() -> None:
    points = [point(0, 1, 15), point(0, 99, 40)]
    assert judged(points, at=at(100)) == [Window(at(0), at(15), D(1), at(15))]


def test_a_late_window_is_left_out() -> None:
    rows = judged([point(0, 11, 15), point(2, 11, 45), point(1, 11, 50), point(3, 11, 60)], at=at(100))
    assert [one.start for one in rows] == [at(0), at(30), at(15), at(45)]
    assert [one.off for one in states(rows, LOW, Patience(3, 1))] == [False] * 4


POINTS = st.lists(
    st.tuples(
        st.integers(0, 40), st.sampled_from([-50, 0, 7, 8, 9, 10, 11, 12, 60]),
        st.sampled_from([-600, -5, 0, 15, 15, 15, 20, 45, 90, 600]),
    ),
    max_size=60,
)  # fmt: skip
PATIENCE = st.builds(Patience, st.integers(1, 4), st.integers(1, 4))
HIGH = st.sampled_from([None, D(50)])


@settings(max_examples=300, deadline=None)
@given(POINTS, PATIENCE, HIGH, st.lists(st.integers(0, 1300), max_size=12))
def test_a_restart_at_any_time_changes_nothing(
    raw: list[tuple[int, int, int]], patience: Patience, high: Decimal | None, stops: list[int]
) -> None:
    points = [point(n, price, n * 15 + delay) for n, price, delay in raw]
    levels, end = Levels(D(10), D(8), high), at(1300)

    def go_on(state: State, until: datetime) -> State:
        """As production does it: what it has kept is the state alone."""
        known = [one for one in points if one.known_at <= until]
        rows = [one for one in judged(known, at=until) if state.judged_to is None or one.start >= state.judged_to]
        pairs = [(one, False) for one in rows]
        return [state, *run(state, pairs, adders=NO, levels=lambda _window: levels, patience=patience)][-1]

    whole = go_on(State(), end)
    state = State()
    for moment in sorted({at(minutes) for minutes in stops} | {end}):
        state = go_on(state, moment)
    assert state == whole


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([None, -50, 0, 7, 8, 9, 10, 11, 12, 60]), max_size=80), PATIENCE, HIGH,
)  # fmt: skip
def test_it_never_changes_without_the_windows_that_say_so(
    prices: list[float | None], patience: Patience, high: Decimal | None
) -> None:
    rows = windows(prices)
    levels = Levels(D(10), D(8), high)
    found = states(rows, levels, patience)

    def in_a_row(last: int, count: int) -> list[Window]:
        some = rows[max(0, last - count + 1) : last + 1]
        return some if len(some) == count and all(a.end == b.start for a, b in pairwise(some)) else []

    for n, (before, after) in enumerate(pairwise([State(), *found])):
        dear = in_a_row(n, patience.off)
        cheap = in_a_row(n, patience.on)
        by_row = bool(dear) and all(one.value > 10 for one in dear)
        if after.off and not before.off:
            assert by_row or (high is not None and rows[n].value > high)
        elif before.off and not after.off:
            assert cheap
            assert all(one.value < 8 for one in cheap)
    changes = [n for n, (a, b) in enumerate(pairwise([State(), *found])) if a.off != b.off]
    for one, two in pairwise(changes):
        least = patience.on if found[one].off else (1 if high is not None else patience.off)
        assert two - one >= least


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-300, 4000), min_size=1, max_size=60), st.integers(1, 8), st.integers(1, 30))
def test_doubts_by_the_recent_median(prices: list[int], least: int, hours: int) -> None:
    rows = windows([float(one) for one in prices], 60)
    found = doubtful(rows, span=timedelta(hours=hours), times=D(5), least=least)
    for n, row in enumerate(rows):
        recent = [abs(one.value) for one in rows[:n] if one.start >= row.start - timedelta(hours=hours)]
        too_much = len(recent) < least or row.value > 5 * median(recent)
        assert found[n] == (row.value > 0 and too_much)

"""Indicators: the published vector, 5,617 real closes against pandas and numpy, and series cut and continued."""

import json
import math
import random
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.engine.indicators import (
    BUY,
    NEUTRAL,
    SELL,
    SIGNAL_RULE,
    IndicatorState,
    Row,
    indicators,
    run,
    step,
)
from tests.marketdata.engine.sample import days, needs_btc

WILDER = [
    44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931, 46.0328, 45.6140,
    46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122,
]  # fmt: skip
NUMBERS = (
    "rsi", "ema_12", "ema_26", "macd", "macd_signal", "macd_histogram", "bb_upper", "bb_middle", "bb_lower",
)  # fmt: skip
FIRST = {"rsi": 14, "ema_12": 11, "ema_26": 25, "macd": 25, "macd_signal": 33, "macd_histogram": 33, "bb_upper": 19,
         "bb_middle": 19, "bb_lower": 19, "signal": 34}  # fmt: skip
CLOSES = st.lists(st.floats(min_value=1e-8, max_value=1e9), min_size=0, max_size=80)


def wave(length: int) -> list[float]:
    rng = random.Random(5)
    return [1000 * math.exp(0.4 * math.sin(n / 17) + rng.gauss(0, 0.03)) for n in range(length)]


def second_opinion(closes: list[float]) -> pd.DataFrame:
    """All indicators at once by pandas and numpy: recursions by ``ewm``, windows as a matrix."""

    def smoothed(values: pd.Series, length: int, alpha: float) -> pd.Series:
        values = values.dropna()
        seeded = values.iloc[length - 1 :].copy()
        seeded.iloc[0] = values.iloc[:length].mean()
        return seeded.ewm(alpha=alpha, adjust=False).mean()

    series = pd.Series(closes)
    table = pd.DataFrame(index=series.index)
    change = series.diff()
    gain, loss = (smoothed(sign * change.where(sign * change > 0, 0 * change), 14, 1 / 14) for sign in (1, -1))
    table["rsi"] = (100 * gain / (gain + loss)).where(gain + loss > 0, 50.0)
    table["ema_12"], table["ema_26"] = smoothed(series, 12, 2 / 13), smoothed(series, 26, 2 / 27)
    table["macd"] = table["ema_12"] - table["ema_26"]
    table["macd_signal"] = smoothed(table["macd"], 9, 0.2)
    table["macd_histogram"] = table["macd"] - table["macd_signal"]
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(closes), 20)
    middle = pd.Series(windows.mean(axis=1), index=range(19, len(closes)))
    width = 2 * pd.Series(windows.std(axis=1, ddof=0), index=middle.index)
    table["bb_middle"], table["bb_upper"], table["bb_lower"] = middle, middle + width, middle - width
    return table


def second_signals(table: pd.DataFrame, closes: list[float]) -> list[str | None]:
    """Rule 1 over whole columns."""
    price, histogram = np.asarray(closes), table["macd_histogram"].to_numpy()
    before = np.concatenate([[np.nan], histogram[:-1]])
    up = (table["rsi"] < 30).to_numpy().astype(int) + ((before <= 0) & (histogram > 0)) + (price < table["bb_lower"])
    down = (table["rsi"] > 70).to_numpy().astype(int) + ((before >= 0) & (histogram < 0)) + (price > table["bb_upper"])
    votes = (up - down).to_numpy()
    return [
        None if missing else BUY if vote >= 2 else SELL if vote <= -2 else NEUTRAL
        for vote, missing in zip(votes, np.isnan(before) | table["rsi"].isna().to_numpy(), strict=True)
    ]


def test_the_classic_series_of_wilder() -> None:
    rows = indicators(WILDER)
    assert [row.rsi for row in rows[:14]] == [None] * 14
    assert [round(row.rsi or 0, 2) for row in rows[14:]] == [70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93]


def test_each_value_is_missing_until_its_indicator_is_warm() -> None:
    rows = indicators(wave(60))
    for name, first in FIRST.items():
        assert [getattr(row, name) is None for row in rows] == [place < first for place in range(60)], name


def test_averages_begin_with_a_plain_mean() -> None:
    closes = [float(n) for n in range(1, 41)]
    rows = indicators(closes)
    assert (rows[11].ema_12, rows[25].ema_26) == (6.5, 13.5)
    assert rows[12].ema_12 == pytest.approx(6.5 + (13 - 6.5) * 2 / 13)
    assert rows[25].macd == pytest.approx(7.0)  # a straight line: 5.5 behind and 12.5 behind
    assert rows[33].macd_signal == pytest.approx(7.0)
    assert rows[33].macd_histogram == pytest.approx(0.0, abs=1e-12)
    assert rows[19].bb_middle == 10.5
    assert rows[19].bb_upper == pytest.approx(10.5 + 2 * math.sqrt((20**2 - 1) / 12))  # over 20, not 19


def test_prices_that_only_rise_only_fall_or_stand_still() -> None:
    up, down, flat = (indicators([100.0 + slope * n for n in range(40)]) for slope in (1, -1, 0))
    assert (up[20].rsi, down[20].rsi, flat[20].rsi) == (100.0, 0.0, 50.0)
    last = flat[39]
    assert (last.bb_upper, last.bb_middle, last.bb_lower, last.macd, last.macd_histogram) == (100, 100, 100, 0, 0)
    assert last.signal == NEUTRAL


def test_the_rule_of_the_signal() -> None:
    """Two of the three votes decide; one alone does not."""
    assert SIGNAL_RULE == 1
    level = wave(60)
    crash = indicators([*level, level[-1] * 0.5])[-1]
    upside_down = [1e6 / close for close in level]
    jump = indicators([*upside_down, upside_down[-1] * 2])[-1]
    assert crash.rsi is not None
    assert crash.bb_lower is not None
    assert (crash.rsi < 30, crash.close < crash.bb_lower, crash.signal) == (True, True, BUY)
    assert jump.signal == SELL
    # Dear by two votes, but the histogram crosses upwards in the same moment.
    rebound = indicators([*level, level[-1] * 3])[-1]
    assert rebound.rsi is not None
    assert (rebound.rsi > 70, rebound.signal) == (True, NEUTRAL)
    assert {row.signal for row in indicators([100.0 + n % 2 for n in range(60)])[34:]} == {NEUTRAL}


@pytest.mark.parametrize(
    "bad", [math.nan, math.inf, -math.inf, 0, 0.0, -1.0, 1e16, Decimal("NaN"), Decimal(-1), Decimal("1E-400")]
)
def test_a_close_that_is_no_price_is_refused_by_its_position(bad: object) -> None:
    with pytest.raises(ValueError, match="the close at position 3 is not a price"):
        indicators([1.0, 2.0, 3.0, bad, 4.0])  # type: ignore[list-item]


@pytest.mark.parametrize("bad", [None, "1", True, [1.0]])
def test_a_close_that_is_no_number_is_refused_by_its_position(bad: object) -> None:
    state, _ = run(IndicatorState(), [1.0, 2.0])
    with pytest.raises(ValueError, match=f"the close at position 2 is no number but {type(bad).__name__}"):
        step(state, bad)  # type: ignore[arg-type]


def test_a_decimal_close_counts_as_its_float() -> None:
    assert indicators([Decimal("87291.86")]) == indicators([87291.86]) == [Row(87291.86)]


def through_json(state: IndicatorState) -> IndicatorState:
    return IndicatorState.from_dict(json.loads(json.dumps(state.to_dict())))


@settings(max_examples=60)
@given(CLOSES, CLOSES)
def test_a_series_continued_from_its_stored_state_is_the_same_series(past: list[float], more: list[float]) -> None:
    state, rows = run(IndicatorState(), past)
    assert through_json(state) == state
    _, later = run(through_json(state), more)
    assert rows + later == indicators(past + more)


def test_a_state_has_no_number_in_it_that_json_could_bend() -> None:
    state, _ = run(IndicatorState(), wave(50))
    stored = state.to_dict()

    def kinds(value: object) -> set[type]:
        if isinstance(value, dict):
            return set().union(*(kinds(one) for one in value.values()))
        return set().union(*(kinds(one) for one in value)) if isinstance(value, list) else {type(value)}

    assert kinds(stored) == {int, str}
    assert stored["histogram"] == repr(state.histogram)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": 2}, "version 2 cannot be read"), ({"version": None}, "version None cannot be read"),
        ({"window": ["1.0"]}, "after 50 closes holds 1 of them"), ({"window": ["nan"] * 20}, "holds nan"),
        ({"gain": None}, "incomplete"), ({"gain": {"count": 1}}, "incomplete"), ({"window": None}, "incomplete"),
        ({"histogram": "x"}, "could not convert"), ({"count": "x"}, "invalid literal"),
    ],
)  # fmt: skip
def test_a_state_that_was_not_written_by_us_is_refused(change: dict[str, object], why: str) -> None:
    state, _ = run(IndicatorState(), wave(50))
    with pytest.raises(ValueError, match=why):
        IndicatorState.from_dict({**state.to_dict(), **change})
    with pytest.raises(ValueError, match="version None cannot be read"):
        IndicatorState.from_dict({})


def differences(rows: list[Row], closes: list[float]) -> list[object]:
    """What the second opinion sees differently, beyond 1e-9 of the price."""
    table = second_opinion(closes)
    found: list[object] = []
    for name in NUMBERS:
        ours = np.array([math.nan if getattr(row, name) is None else getattr(row, name) for row in rows])
        scale = 100.0 if name == "rsi" else np.asarray(closes)
        wrong = ~((np.abs(ours - table[name].to_numpy()) <= 1e-9 * scale) | (np.isnan(ours) & table[name].isna()))
        found += [(name, place) for place in np.flatnonzero(wrong)]
    signals = second_signals(table, closes)
    return found + [place for place, row in enumerate(rows) if row.signal != signals[place]]


def test_the_second_opinion_sees_a_planted_difference() -> None:
    closes = wave(80)
    rows = indicators(closes)
    assert differences(rows, closes) == []
    for name in NUMBERS:
        planted = [*rows]
        planted[50] = Row(**{**{n: getattr(rows[50], n) for n in Row.__slots__}, name: getattr(rows[50], name) + 1e-3})
        assert differences(planted, closes) == [(name, 50)]


class TestRealDays:
    """5,617 daily closes."""

    pytestmark = needs_btc

    def test_they_equal_an_independent_reckoning(self) -> None:
        closes = [float(day.price) for day in days()]
        rows = indicators(closes)
        assert len(rows) == 5617
        assert differences(rows, closes) == []
        assert {row.signal for row in rows} == {None, BUY, SELL, NEUTRAL}

    def test_cut_anywhere_they_continue_bit_by_bit(self) -> None:
        closes = [float(day.price) for day in days()]
        whole = indicators(closes)
        rng = random.Random(20_260_501)
        cuts = [0, 1, 13, 14, 19, 20, 25, 26, 33, 34, *(rng.randrange(len(closes)) for _ in range(10))]
        for cut in cuts:
            state, before = run(IndicatorState(), closes[:cut])
            end = min(len(closes), cut + 400)
            _, after = run(through_json(state), closes[cut:end])
            assert before + after == whole[:end], cut

"""The bench's walk forward sees nothing of what comes later."""

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from intelligence.engine.chain_pace import ChainDay
from intelligence.engine.price import Close
from tests.bench import forecast
from tests.intelligence.engine.chains import BEGAN, chain

LAST = 410  # the place of the last day on which forecasts are issued


def given(monkeypatch: pytest.MonkeyPatch, rows: Sequence[ChainDay], closes: Sequence[Close]) -> forecast.Found:
    monkeypatch.setattr(forecast, "_chain", lambda: tuple(rows))
    monkeypatch.setattr(forecast, "_closes", lambda: tuple(closes))
    forecast._trail.cache_clear()
    return forecast._walk(forecast.Task(LAST - 2, LAST, daily=True), len(rows) - 1)


def test_forecasts_do_not_depend_on_what_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(1)
    rows = chain(430, lambda day: 1 + 0.2 * math.sin(day / 9)).days
    closes = [Close(BEGAN.date() + timedelta(days=day), 100 * math.exp(rng.gauss(0, 0.1))) for day in range(431)]
    found = given(monkeypatch, rows, closes)
    later_rows = [replace(row, height=row.height + 999, difficulty=row.difficulty * 3) for row in rows[LAST + 1 :]]
    later_closes = [replace(close, usd=close.usd * 5) for close in closes[LAST + 1 :]]
    other = given(monkeypatch, [*rows[: LAST + 1], *later_rows], [*closes[: LAST + 1], *later_closes])
    assert len(found.difficulty) == len(found.price) == 21
    assert len(found.peer) == 3
    for kind in ("difficulty", "price", "peer"):
        one, two = (
            [(o.horizon, o.value, o.lower, o.upper, o.naive) for o in getattr(run, kind)] for run in (found, other)
        )
        assert one == two, kind
        actual = [[o.actual for o in getattr(run, kind)] for run in (found, other)]
        assert actual[0] != actual[1], kind


def test_what_came_is_what_the_forecast_was_for(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = chain(430, lambda day: 1 + 0.2 * math.sin(day / 9)).days
    closes = [Close(BEGAN.date() + timedelta(days=day), 100.0 + day + day % 3) for day in range(431)]
    found = given(monkeypatch, rows, closes)
    assert [o.actual for o in found.price[:7]] == [closes[LAST - 2 + horizon].usd for horizon in range(1, 8)]
    assert [o.naive for o in found.price[:7]] == pytest.approx([closes[LAST - 2].usd] * 7)
    assert [o.actual for o in found.difficulty[-7:]] == [rows[LAST + horizon].difficulty for horizon in range(1, 8)]
    assert [o.actual for o in found.peer] == [rows[place + 7].difficulty for place in range(LAST - 2, LAST + 1)]

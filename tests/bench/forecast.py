"""Forecasts made day by day over 2022 to 2025 from what was known then: difficulty against ARIMA(5,1,0), price bounds.

Each day's forecast sees the rows up to that day and no other. The difficulty's headline is the mean absolute error of
the logarithm seven days ahead, the limit that of ARIMA(5,1,0) on the log difficulty of the last 90 days, fitted anew
every day in the same run. The price's model is fitted anew each week (``--daily``: each day), and its bounds must hold
in 93 to 97 % of the cases at each horizon; a mean error above the naive forecast's is labelled "no skill".

    ./dev bench forecast [--from 2022-01-01] [--to 2025-12-31] [--daily]

reads ``btc/btc_daily.csv.gz`` under HASHINSIGHT_SAMPLE_DATA. Heights there come from the supply and stay behind the
chain's; by how much is learned from the periods that were over on the day.
"""

import argparse
import json
import math
import os
import sys
import time as clock
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import hashinsight  # noqa: F401  (keeps numpy to one thread, so before anything that loads it)
from intelligence.engine.chain_pace import ChainDay
from intelligence.engine.difficulty import DifficultyForecast, forecast_difficulty, learned_trail
from intelligence.engine.price import HISTORY_DAYS, Close, fit_price, forecast_price
from intelligence.engine.scoring import NO_SKILL, Outcome, Score, score
from intelligence.engine.series import HORIZONS

ROOT = Path(__file__).resolve().parents[2]
RATIO = 0.40
COVERAGE = (0.93, 0.97)
COVERAGE_FROM = 365
DAYS_SEEN = 200
DAYS_FOR_THE_TRAIL = 400
PEER_DAYS = 90
CHUNK = 7


@dataclass(frozen=True)
class Task:
    """Some consecutive days on which forecasts are issued, by their place in the file."""

    first: int
    last: int
    daily: bool


@dataclass
class Found:
    """What came of them: outcomes by kind, the peer's, and what broke the rule."""

    difficulty: list[Outcome]
    peer: list[Outcome]
    price: list[Outcome]
    jumps: int = 0
    flagged: int = 0


def main() -> int:
    """Walk forward, print and write ``forecast.json``."""
    options = _options()
    started = clock.perf_counter()
    try:
        places = {day.at.date() - timedelta(days=1): place for place, day in enumerate(_chain())}
    except FileNotFoundError as error:
        sys.stderr.write(f"NO SAMPLE DATA: {error.filename}: set HASHINSIGHT_SAMPLE_DATA\n")
        return 2
    last = min(options.to, max(places))
    days = [place for day, place in sorted(places.items()) if options.since <= day < last]
    tasks = [Task(days[n], days[min(n + CHUNK, len(days)) - 1], options.daily) for n in range(0, len(days), CHUNK)]
    total = Found([], [], [])
    with ProcessPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        for found in pool.map(_walk, tasks, [places[last]] * len(tasks)):
            total.difficulty += found.difficulty
            total.peer += found.peer
            total.price += found.price
            total.jumps += found.jumps
            total.flagged += found.flagged
    sys.stdout.write(f"{len(days)} days, {options.since} to {last}, {clock.perf_counter() - started:.0f} s\n")
    return _report(total)


def _options() -> Any:
    parser = argparse.ArgumentParser(prog="./dev bench forecast")
    parser.add_argument("--from", dest="since", type=date.fromisoformat, default=date(2022, 1, 1))
    parser.add_argument("--to", type=date.fromisoformat, default=date(2025, 12, 31))
    parser.add_argument("--daily", action="store_true", help="fit the price's model anew every day, not every week")
    return parser.parse_args()


@cache
def _chain() -> tuple[ChainDay, ...]:
    from tests.marketdata.engine.sample import days

    return tuple(ChainDay(_end(day.on), day.height, float(day.difficulty)) for day in days())


@cache
def _closes() -> tuple[Close, ...]:
    from tests.marketdata.engine.sample import days

    return tuple(Close(day.on, float(day.price)) for day in days())


def _end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)


@cache
def _trail(period_began: int) -> int:
    """As known on the day whose rows end at this place: the first one of a period, so that a period asks once."""
    return learned_trail(_chain()[max(0, period_began + 1 - DAYS_FOR_THE_TRAIL) : period_began + 1])


def _walk(task: Task, last: int) -> Found:
    """The forecasts of some days; what came is looked up afterwards, up to the place ``last``."""
    chain, closes = _chain(), _closes()
    found = Found([], [], [])
    fitted = None
    for place in range(task.first, task.last + 1):
        began = place
        while began and chain[began - 1].difficulty == chain[place].difficulty:
            began -= 1
        ours = forecast_difficulty(chain[place + 1 - DAYS_SEEN : place + 1], trail_blocks=_trail(began))
        found.jumps += jumps(ours)
        peer = _peer(place) if place + HORIZONS <= last else None
        seen = closes[max(0, place + 1 - HISTORY_DAYS) : place + 1]
        if fitted is None or task.daily:
            fitted = fit_price(seen)
        price = forecast_price(seen, fitted=fitted)
        found.flagged += bool(price.flags)
        for point, value in zip(ours.points, price.points, strict=True):
            then = place + point.horizon
            if then <= last:
                found.difficulty.append(_outcome(point, chain[then].difficulty))
                found.price.append(_outcome(value, closes[then].usd))
        if peer is not None:
            actual = chain[place + HORIZONS].difficulty
            found.peer.append(Outcome(HORIZONS, peer, 0.0, math.inf, chain[place].difficulty, actual))
    return found


def _outcome(point: Any, actual: float) -> Outcome:
    return Outcome(point.horizon, point.value, point.lower, point.upper, point.naive, actual)


def _peer(place: int) -> float:
    """ARIMA(5,1,0) as statsmodels fits it by default."""
    from statsmodels.tsa.arima.model import ARIMA

    logs = [math.log(day.difficulty) for day in _chain()[place + 1 - PEER_DAYS : place + 1]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return math.exp(float(ARIMA(logs, order=(5, 1, 0)).fit().forecast(HORIZONS)[-1]))


def jumps(forecast: DifficultyForecast) -> int:
    """Points whose difficulty differs from that of the last retarget before them."""
    wrong, level, since = 0, forecast.difficulty, forecast.issued_at
    for point in forecast.points:
        inside = [retarget.difficulty for retarget in forecast.retargets if since < retarget.at <= point.at]
        level = inside[-1] if inside else level
        wrong += point.value != level
        since = point.at
    return wrong


def _report(found: Found) -> int:
    ours, price = score(found.difficulty, log=True), score(found.price)
    (peer,) = score(found.peer, log=True)
    ratio = ours[-1].mae / peer.mae
    say = sys.stdout.write
    say(f"\ndifficulty, 7 days: MAE {ours[-1].mae:.5f} (log), ARIMA(5,1,0) {peer.mae:.5f}, no change"
        f" {ours[-1].naive_mae:.5f}; ratio {ratio:.3f}, limit {RATIO:.2f}\n"
        f"difficulty that jumps between retargets: {found.jumps}\n\n"
        "horizon  difficulty MAE (log)  held  |  price MAE (USD)       naive   ratio     held\n")  # fmt: skip
    for one, two in zip(ours, price, strict=True):
        label = f"  {two.label}" if two.label == NO_SKILL else ""
        say(f"{one.horizon:>7}  {one.mae:>20.5f}  {_percent(one):.1%}  |  {two.mae:>15.2f}  {two.naive_mae:>10.2f}"
            f"  {two.mae / two.naive_mae:>6.4f}  {_percent(two):>6.1%}{label}\n")  # fmt: skip
    say(f"price forecasts with a flag: {found.flagged}\n")
    if price[0].forecasts < COVERAGE_FROM:
        say(f"coverage is not judged below {COVERAGE_FROM} days: weeks overlap, and so few say little\n")
    _write(ratio, ours[-1], peer, found.jumps, price)
    enough = price[0].forecasts >= COVERAGE_FROM
    broken = [
        f"coverage at {one.horizon} days" for one in price if enough and not COVERAGE[0] <= _percent(one) <= COVERAGE[1]
    ]
    broken += ["the ratio"] * (ratio > RATIO) + ["jumps"] * (found.jumps > 0)
    broken += [f"the label at {one.horizon} days" for one in price if one.mae > one.naive_mae and one.label != NO_SKILL]
    say(f"outside its limit: {', '.join(broken)}\n" if broken else "all within their limits\n")
    return 1 if broken else 0


def _percent(one: Score) -> float:
    return one.coverage or 0.0


def _write(ratio: float, ours: Score, peer: Score, wrong: int, price: list[Score]) -> None:
    rows: list[dict[str, Any]] = [
        {"name": "difficulty MAE, 7 days", "value": ours.mae, "unit": "log", "limit": peer.mae, "ratio": ratio},
        {"name": "difficulty jumps between retargets", "value": wrong, "unit": "points", "limit": 0, "ratio": wrong},
    ]
    for one in price:
        held = _percent(one)
        rows.append({"name": f"price coverage, {one.horizon} days", "value": held, "unit": "share", "limit": 0.95,
                     "ratio": held / 0.95})  # fmt: skip
    for one in price:
        rows.append({"name": f"price MAE, {one.horizon} days", "value": one.mae, "unit": "USD", "limit": one.naive_mae,
                     "ratio": one.mae / one.naive_mae, "label": one.label})  # fmt: skip
    folder = Path(os.environ.get("HASHINSIGHT_BENCH_DIR", ROOT / "var" / "bench"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "forecast.json").write_text(json.dumps({"bench": "forecast", "results": rows}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())

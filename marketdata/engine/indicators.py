"""RSI, EMA, MACD and Bollinger bands on daily closes, one close at a time.

Each value is a float and None while its indicator is warming up. A row depends on the closes alone and on their order:
``indicators`` is nothing but ``step`` repeated, so a series continued from a stored state equals, bit for bit, the same
series reckoned anew. Seeding, with n the length:

* **RSI** (Wilder, 14): the first averages are plain means of the first 14 gains and losses; then
  ``(average * 13 + change) / 14``. No loss at all gives 100, no change at all 50. First value: the 15th close.
* **EMA** (12, 26, 9): ``2 / (n + 1)``, begun with the mean of its first n values. First value: the nth.
* **MACD**: EMA 12 less EMA 26, each begun with its own first closes (TA-Lib lets the short one begin as late as the
  long one, so its first weeks differ). Signal: EMA 9 of the MACD. First signal: the 34th close.
* **Bollinger** (20, 2): mean of the last 20 closes, bands two *population* standard deviations away. Reckoned from the
  twenty closes every time: a running sum would drift.

**Signal rule 1.** Three votes of +1, 0 or -1: RSI below 30 (+) or above 70 (-); the MACD histogram crosses zero upwards
(+) or downwards (-) since the close before; the close is below the lower band (+) or above the upper one (-). Two votes
more one way than the other decide: BUY, SELL, otherwise NEUTRAL. None while any of the three is warming up. It is a
description of the past, not advice; a change of the rule gets a new number.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

RSI_LENGTH = 14
EMA_SHORT, EMA_LONG, MACD_SIGNAL = 12, 26, 9
BOLLINGER_LENGTH, BOLLINGER_WIDTH = 20, 2.0
SIGNAL_RULE = 1
RSI_LOW, RSI_HIGH = 30.0, 70.0
VOTES_NEEDED = 2
BUY, SELL, NEUTRAL = "BUY", "SELL", "NEUTRAL"
STATE_VERSION = 1
HIGHEST_CLOSE = 1e15  # beyond it a close is a mistake, and its square would not be a number any more


@dataclass(frozen=True, slots=True)
class Row:
    """The indicators after one close; None is warming up."""

    close: float
    rsi: float | None = None
    ema_12: float | None = None
    ema_26: float | None = None
    macd: float | None = None
    macd_signal: float | None = None
    macd_histogram: float | None = None
    bb_upper: float | None = None
    bb_middle: float | None = None
    bb_lower: float | None = None
    signal: str | None = None


@dataclass(frozen=True, slots=True)
class Average:
    """An average that begins as a plain mean: the sum while ``count`` is below its length, then the average itself."""

    count: int = 0
    value: float = 0.0

    def wilder(self, new: float, length: int) -> "Average":
        """With Wilder's smoothing once the mean of the first ``length`` is there."""
        return self._seeded(new, length) or Average(self.count, (self.value * (length - 1) + new) / length)

    def exponential(self, new: float, length: int) -> "Average":
        """With a weight of ``2 / (length + 1)`` once the mean of the first ``length`` is there."""
        weight = 2.0 / (length + 1)
        return self._seeded(new, length) or Average(self.count, new * weight + self.value * (1.0 - weight))

    def _seeded(self, new: float, length: int) -> "Average | None":
        if self.count >= length:
            return None
        total = self.value + new
        return Average(self.count + 1, total / length if self.count + 1 == length else total)

    def ready(self, length: int) -> float | None:
        """The average; None while it is a sum."""
        return self.value if self.count >= length else None


@dataclass(frozen=True, slots=True)
class IndicatorState:
    """All that the next row needs: closes seen, the last of them, the averages, and the window of the bands."""

    count: int = 0
    gain: Average = Average()
    loss: Average = Average()
    short: Average = Average()
    long: Average = Average()
    macd: Average = Average()
    histogram: float | None = None
    window: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For a JSON column: floats as text, because a database's numbers need not keep a float's last bit."""
        found: dict[str, Any] = {"version": STATE_VERSION}
        for field in fields(self):
            found[field.name] = _written(getattr(self, field.name))
        return found

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "IndicatorState":
        """What ``to_dict`` wrote. Raises ValueError for anything else."""
        if stored.get("version") != STATE_VERSION:
            raise ValueError(f"an indicator state of version {stored.get('version')!r} cannot be read")
        try:
            averages = {name: _average(stored[name]) for name in ("gain", "loss", "short", "long", "macd")}
            histogram = None if stored["histogram"] is None else _finite(stored["histogram"])
            window = tuple(_finite(close) for close in stored["window"])
            state = cls(count=int(stored["count"]), histogram=histogram, window=window, **averages)
        except (KeyError, TypeError) as error:
            raise ValueError(f"an indicator state is incomplete: {error}") from error
        if len(window) != min(state.count, BOLLINGER_LENGTH):
            raise ValueError(f"an indicator state after {state.count} closes holds {len(window)} of them")
        return state


def step(state: IndicatorState, close: float | Decimal) -> tuple[IndicatorState, Row]:
    """The state and the row after one more close. Raises ValueError, naming its position, for a close that is none."""
    price = _close(close, state.count)
    gain, loss = state.gain, state.loss
    if state.window:
        change = price - state.window[-1]
        gain = gain.wilder(max(change, 0.0), RSI_LENGTH)
        loss = loss.wilder(max(-change, 0.0), RSI_LENGTH)
    short, long = state.short.exponential(price, EMA_SHORT), state.long.exponential(price, EMA_LONG)
    ema_12, ema_26 = short.ready(EMA_SHORT), long.ready(EMA_LONG)
    macd, average = None, state.macd
    if ema_12 is not None and ema_26 is not None:
        macd = ema_12 - ema_26
        average = average.exponential(macd, MACD_SIGNAL)
    macd_signal = average.ready(MACD_SIGNAL)
    histogram = None if macd is None or macd_signal is None else macd - macd_signal
    window = (*state.window, price)[-BOLLINGER_LENGTH:]
    rsi, bands = _rsi(gain.ready(RSI_LENGTH), loss.ready(RSI_LENGTH)), _bands(window)
    row = Row(
        price, rsi, ema_12, ema_26, macd, macd_signal, histogram, *bands,
        signal=_signal(price, rsi, state.histogram, histogram, bands),
    )  # fmt: skip
    return IndicatorState(state.count + 1, gain, loss, short, long, average, histogram, window), row


def run(state: IndicatorState, closes: Iterable[float | Decimal]) -> tuple[IndicatorState, list[Row]]:
    """Several steps: the state after them and a row for each close."""
    rows = []
    for close in closes:
        state, row = step(state, close)
        rows.append(row)
    return state, rows


def indicators(closes: Sequence[float | Decimal]) -> list[Row]:
    """A row for each of all the closes of a series, the oldest first."""
    return run(IndicatorState(), closes)[1]


def _close(close: object, position: int) -> float:
    if isinstance(close, bool) or not isinstance(close, int | float | Decimal):
        raise ValueError(f"the close at position {position} is no number but {type(close).__name__}")
    if not math.isfinite(close) or close <= 0 or close > HIGHEST_CLOSE or float(close) == 0.0:
        raise ValueError(f"the close at position {position} is not a price: {close}")
    return float(close)


def _rsi(gain: float | None, loss: float | None) -> float | None:
    if gain is None or loss is None:
        return None
    if loss == 0.0:
        return 50.0 if gain == 0.0 else 100.0
    return 100.0 - 100.0 / (1.0 + gain / loss)


def _bands(window: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Upper band, middle and lower band."""
    if len(window) < BOLLINGER_LENGTH:
        return None, None, None
    middle = math.fsum(window) / BOLLINGER_LENGTH
    variance = math.fsum((close - middle) * (close - middle) for close in window) / BOLLINGER_LENGTH
    distance = BOLLINGER_WIDTH * math.sqrt(variance)
    return middle + distance, middle, middle - distance


def _signal(
    close: float,
    rsi: float | None,
    before: float | None,
    histogram: float | None,
    bands: tuple[float | None, float | None, float | None],
) -> str | None:
    """Rule 1, as the module's text has it."""
    upper, _, lower = bands
    if rsi is None or before is None or histogram is None or upper is None or lower is None:
        return None
    votes = (rsi < RSI_LOW) - (rsi > RSI_HIGH)
    votes += (before <= 0.0 < histogram) - (before >= 0.0 > histogram)
    votes += (close < lower) - (close > upper)
    if votes >= VOTES_NEEDED:
        return BUY
    return SELL if votes <= -VOTES_NEEDED else NEUTRAL


def _written(value: Any) -> Any:
    if isinstance(value, Average):
        return {"count": value.count, "value": repr(value.value)}
    if isinstance(value, tuple):
        return [repr(close) for close in value]
    return repr(value) if isinstance(value, float) else value


def _average(stored: Mapping[str, Any]) -> Average:
    return Average(int(stored["count"]), _finite(stored["value"]))


def _finite(text: object) -> float:
    found = float(str(text))
    if not math.isfinite(found):
        raise ValueError(f"an indicator state holds {text}")
    return found

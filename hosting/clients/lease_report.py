"""What a device tells the server with each question for its lease: what came of orders, and what its machines said."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hosting.clients.own import limit_of
from hosting.engine.leasing.memory import Low, Result
from hosting.engine.leasing.work import Sight
from hosting.engine.machines.reading import MiningState, Reading

RUNS = (MiningState.MINING, MiningState.STARTING)
RESTS = (MiningState.PAUSED, MiningState.IDLE)


@dataclass(slots=True)
class Heard:
    """The newest reading of a machine, as it is told the server."""

    sight: Sight
    state: MiningState | None
    dialect: str
    told: bool = False


def heard_of(reading: Reading, at: float) -> Heard:
    """A reading of the moment ``at`` of the boot clock."""
    watts = None if reading.power_w is None else round(reading.power_w)
    sight = Sight(
        at, reading.state in RUNS, reading.state in RESTS, watts, reading.chip_temp_max_c, reading.inlet_temp_c,
        limit_of(reading),
    )  # fmt: skip
    return Heard(sight, reading.state, reading.dialect)


def results_told(results: Iterable[Result], now: float) -> list[dict[str, Any]]:
    """What came of orders."""
    return [
        {
            "order": one.order, "outcome": one.outcome,
            "sent_ago_s": None if one.sent_at is None else max(0.0, now - one.sent_at),
            "before_w": one.before_w, "after_w": one.after_w, "detail": one.detail,
        }
        for one in results
    ]  # fmt: skip


def sights_told(
    rows: Sequence[tuple[str, Heard]], now: float, *, low: Mapping[str, Low] | None
) -> dict[str, Any] | None:
    """Readings in columns; with ``low`` also limits, and what machines had before ours. None for no rows."""
    if not rows:
        return None
    columns: dict[str, list[Any]] = {
        "machines": [name for name, _one in rows],
        "age_s": [max(0.0, now - one.sight.at) for _name, one in rows],
        "state": [None if one.state is None else one.state.value for _name, one in rows],
        "power_w": [one.sight.power_w for _name, one in rows],
        "chip_c": [one.sight.chip_c for _name, one in rows],
        "inlet_c": [one.sight.inlet_c for _name, one in rows],
    }
    if low is not None:
        columns["limit_w"] = [one.sight.limit_w for _name, one in rows]
        columns["had_w"] = [low[name].before_w if name in low else None for name, _one in rows]
    return columns

"""Why machines are off or throttled, or run at a loss: spans of steps with numbers that can be reckoned again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import fsum

from intelligence.engine.optimiser.answer import Counts, Reason, ShadowPrices
from intelligence.engine.optimiser.diagnose import whose_cap
from intelligence.engine.optimiser.problem import FULL, OFF, MachineClass, Problem

WORTH_NAMING = 1e-9  # currency per kW


@dataclass(frozen=True, slots=True)
class _Cell:
    """A mode of a class in one step: how many machines, what they would need, and what decided."""

    machines: int
    price: float
    break_even: float
    kind: str
    shadow: float


def reasons_of(problem: Problem, counts: Counts, shadow: ShadowPrices) -> tuple[Reason, ...]:
    """By class, mode and time; machines at full power that earn money need none."""
    price = [problem.cost_per_kwh(step) for step in range(problem.steps)]
    pressing = [_pressing(problem, shadow, step) for step in range(problem.steps)]
    zones = dict(shadow.zones)
    found: list[Reason] = []
    for one, rows in zip(problem.classes, counts, strict=True):
        zone, held = zones.get(one.zone), frozenset(one.held)
        for place, row in enumerate(rows):
            if any(row):
                even = _break_even(problem, one, place)
                cells = [
                    _cell(problem, one, place, row[step], price[step], even[step],
                          ("held", 0.0) if step in held else pressing[step], zone[step] if zone else 0.0)
                    for step in range(problem.steps)
                ]  # fmt: skip
                found += _spans(problem, one, place, cells)
    return tuple(found)


def _break_even(problem: Problem, one: MachineClass, place: int) -> list[float]:
    """Per kWh and step: of a throttled mode that of what full power adds, else that of the best mode (or this one)."""
    off = one.modes[OFF]
    if place not in (OFF, FULL):
        pairs = [(one.modes[FULL], one.modes[place])]
    elif place == FULL:
        pairs = [(one.modes[FULL], off)]
    else:
        pairs = [(mode, off) for mode in one.modes[1:]]
    per_kw = [
        1000 * (more.hashrate_ths - less.hashrate_ths) / (more.power_w - less.power_w) if more.power_w != less.power_w
        else 0.0
        for more, less in pairs
    ]  # fmt: skip
    return [max(per_kw) * value for value in problem.revenue]


def _pressing(problem: Problem, shadow: ShadowPrices, step: int) -> tuple[str, float]:
    """The limit that costs most per kW in a step, beside the zones."""
    cap = whose_cap(problem, step)
    of_cap = shadow.limit[step] + fsum(values[step] for _, values in shadow.commitments)
    following = step + 1 if step + 1 < problem.steps else None
    ramp = shadow.ramp_up[step] + shadow.ramp_down[step]
    if following is not None:
        ramp += shadow.ramp_up[following] + shadow.ramp_down[following]
    net = shadow.load[step]
    in_cap = "commitment" if cap.startswith("commitment") else "limit"
    peak = net - of_cap - _net_ramp(shadow, step)
    return max(((in_cap, of_cap), ("ramp", ramp), ("peak", peak)), key=lambda pair: pair[1])


def _net_ramp(shadow: ShadowPrices, step: int) -> float:
    later = step + 1
    after = shadow.ramp_up[later] - shadow.ramp_down[later] if later < len(shadow.load) else 0.0
    return shadow.ramp_up[step] - shadow.ramp_down[step] - after


def _cell(
    problem: Problem, one: MachineClass, place: int, machines: int, price: float, even: float,
    pressing: tuple[str, float], zone: float,
) -> _Cell | None:  # fmt: skip
    """None where nothing needs a reason."""
    if place == FULL:
        return None if price <= even or not machines else _Cell(machines, price, even, *_held(one, machines, pressing))
    if not machines:
        return None
    if place != OFF and place == one.protected_mode and machines <= one.protected:
        return _Cell(machines, price, even, "protected", 0.0)
    if price > even:
        return _Cell(machines, price, even, "energy", 0.0)
    kind, worth = ("zone", zone) if zone > pressing[1] else pressing
    if worth > WORTH_NAMING:
        return _Cell(machines, price, even, kind, worth)
    return _Cell(machines, price, even, _time(one) if place == OFF else "profit", 0.0)


def _held(one: MachineClass, machines: int, pressing: tuple[str, float]) -> tuple[str, float]:
    """Why machines run although energy costs more than they earn."""
    if machines <= one.protected and one.protected_mode == FULL:
        return "protected", 0.0
    if pressing[0] == "held" or (pressing[0] == "ramp" and pressing[1] > WORTH_NAMING):
        return pressing
    return _time(one), 0.0


def _time(one: MachineClass) -> str:
    if one.start_cost:
        return "switching"
    return "minimum time" if one.min_on > 1 or one.min_off > 1 else "whole machines"


def _spans(problem: Problem, one: MachineClass, place: int, cells: list[_Cell | None]) -> Iterator[Reason]:
    """Steps that follow each other with as many machines for the same cause become one."""
    begin = 0
    for step in range(1, len(cells) + 1):
        first = cells[begin]
        here = cells[step] if step < len(cells) else None
        if first and here and (first.machines, first.kind) == (here.machines, here.kind):
            continue
        if first:
            span = [cell for cell in cells[begin:step] if cell]
            until = problem.starts[step - 1] + timedelta(minutes=problem.step_minutes)
            yield Reason(
                one.name, one.modes[place].name, first.machines, problem.starts[begin], until,
                _mean([cell.price for cell in span]), _mean([cell.break_even for cell in span]), first.kind,
                _mean([cell.shadow for cell in span]),
            )  # fmt: skip
        begin = step


def _mean(values: list[float]) -> float:
    return fsum(values) / len(values)

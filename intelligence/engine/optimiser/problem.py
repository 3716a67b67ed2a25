"""What is known of a day: steps, prices, machines by class, and what must be kept. Everything is checked on entry.

Power is watts of a machine at the meter (cooling included), load is kW of the machines, prices are currency per kWh,
revenue is currency per TH/s and hour. Machines of a class are alike in every respect, also in what they do when the
day begins.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

STEP_MINUTES = (15, 30, 60)
LONG_AGO = 10_000  # steps: whoever has done something for so long is free to change
OFF, FULL = 0, 1  # places of modes


class ProblemRefused(ValueError):
    """The input makes no sense; the text says where."""


class PriceMissing(ProblemRefused):
    """A step has no price, and no safe state was named for that."""


class Infeasible(ValueError):
    """No plan keeps everything that was asked for; ``problems`` names what stands against what."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problems))


class SafeState(StrEnum):
    """What machines do while a price is missing, as the contract says."""

    HOLD = "hold"
    RUN = "run"
    CURTAIL = "curtail"


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to run. The first mode of a class is *off* (it may draw standby power), the second the full one."""

    name: str
    power_w: int
    hashrate_ths: float


@dataclass(frozen=True, slots=True)
class MachineClass:
    """Machines that are alike. ``protected`` of them stay on in their mode, whatever the price.

    ``start_mode`` is what they do before the first step, ``steps_in_state`` since how many steps they have been on (or
    off). ``min_on`` and ``min_off`` count steps; ``start_cost`` is paid for each machine that goes from off to on.
    ``safe_state`` says what these do when a price is missing (None: as the problem says), for ``safe_steps`` from the
    first such step on; then they run. In the steps ``held`` all of them are on, in whichever mode.
    """

    name: str
    count: int
    modes: tuple[Mode, ...]
    protected: int = 0
    zone: str = ""
    start_mode: int = FULL
    steps_in_state: int = LONG_AGO
    min_on: int = 1
    min_off: int = 1
    start_cost: float = 0.0
    safe_state: SafeState | None = None
    safe_steps: int = LONG_AGO
    held: tuple[int, ...] = ()

    @property
    def protected_mode(self) -> int:
        """The mode in which the protected ones stay."""
        return self.start_mode or FULL


@dataclass(frozen=True, slots=True)
class Zone:
    """A breaker: the machines of a zone draw at most so many kW in each step."""

    name: str
    limit_kw: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Commitment:
    """A programme: in these steps at most ``at_most_kw``, or at least ``below_kw`` under the baseline of each step."""

    name: str
    steps: tuple[int, ...]
    at_most_kw: float | None = None
    below_kw: float | None = None
    baseline_kw: tuple[float, ...] = ()

    def cap_kw(self, place: int) -> float:
        """The most the site may draw in the step ``steps[place]``."""
        if self.at_most_kw is not None:
            return self.at_most_kw
        return self.baseline_kw[place] - (self.below_kw or 0.0)


@dataclass(frozen=True, slots=True)
class DemandCharge:
    """``per_kw`` for each kW of the highest mean over one of ``intervals`` (places of steps), above what is sunk."""

    per_kw: float
    intervals: tuple[tuple[int, ...], ...]
    sunk_kw: float = 0.0


@dataclass(frozen=True, slots=True)
class Problem:
    """A local day of a site. ``adders`` are what a kWh costs beside its price; None as a ramp means there is none."""

    starts: tuple[datetime, ...]
    step_minutes: int
    price: tuple[float | None, ...]
    revenue: tuple[float, ...]
    classes: tuple[MachineClass, ...]
    adders: tuple[float, ...] = ()
    limit_kw: tuple[float, ...] = ()
    zones: tuple[Zone, ...] = ()
    ramp_up_kw: float | None = None
    ramp_down_kw: float | None = None
    commitments: tuple[Commitment, ...] = ()
    demand: DemandCharge | None = None
    safe_state: SafeState | None = None
    hours: float = field(init=False)

    def __post_init__(self) -> None:
        _check_steps(self)
        object.__setattr__(self, "hours", self.step_minutes / 60)
        object.__setattr__(self, "adders", self.adders or (0.0,) * self.steps)
        _check_series(self)
        names = [one.name for one in self.classes]
        if not names or len(set(names)) != len(names):
            raise ProblemRefused("there must be classes, and each needs a name of its own")
        for one in self.classes:
            _check_class(one, {zone.name for zone in self.zones})
            _check_held(one, self.steps)
        _check_coupling(self)

    @property
    def steps(self) -> int:
        """How many there are."""
        return len(self.starts)

    @property
    def missing(self) -> tuple[int, ...]:
        """Places of the steps without a price."""
        return tuple(at for at, one in enumerate(self.price) if one is None or not math.isfinite(one))

    def cost_per_kwh(self, step: int) -> float:
        """Price and adders; only where there is a price."""
        price = self.price[step]
        if price is None or not math.isfinite(price):
            raise PriceMissing(f"the step at {self.starts[step].isoformat()} has no price")
        return price + self.adders[step]


def local_day(on: date, time_zone: str, step_minutes: int) -> tuple[datetime, ...]:
    """The starts of the steps of a local day in UTC: 23, 24 or 25 hours of them."""
    zone = ZoneInfo(time_zone)
    first = datetime.combine(on, time(), zone).astimezone(UTC)
    last = datetime.combine(on + timedelta(days=1), time(), zone).astimezone(UTC)
    step = timedelta(minutes=step_minutes)
    return tuple(first + step * place for place in range(int((last - first) / step)))


def independent(problem: Problem) -> bool:
    """Whether nothing couples the steps."""
    ramps = problem.ramp_up_kw is not None or problem.ramp_down_kw is not None
    demand = problem.demand is not None and problem.demand.per_kw > 0
    return (
        not ramps
        and not demand
        and all(one.min_on == one.min_off == 1 and not one.start_cost for one in problem.classes)
    )


def only(problem: Problem, step: int) -> Problem:
    """A step of a problem whose steps are independent, as a day of its own."""

    def cut(values: tuple[float, ...]) -> tuple[float, ...]:
        return values[step : step + 1]

    caps = [one.cap_kw(one.steps.index(step)) for one in problem.commitments if step in one.steps]
    return replace(
        problem, starts=problem.starts[step : step + 1], price=problem.price[step : step + 1], demand=None,
        classes=tuple(replace(one, held=(0,) if step in one.held else ()) for one in problem.classes),
        revenue=cut(problem.revenue), adders=cut(problem.adders), limit_kw=cut(problem.limit_kw),
        zones=tuple(replace(zone, limit_kw=cut(zone.limit_kw)) for zone in problem.zones),
        commitments=tuple(Commitment(str(place), (0,), at_most_kw=cap) for place, cap in enumerate(caps)),
    )  # fmt: skip


def _check_steps(problem: Problem) -> None:
    if problem.step_minutes not in STEP_MINUTES:
        raise ProblemRefused(f"a step has 15, 30 or 60 minutes, not {problem.step_minutes}")
    if not problem.starts:
        raise ProblemRefused("there are no steps")
    step = timedelta(minutes=problem.step_minutes)
    for one, two in pairwise(problem.starts):
        if two - one != step:
            raise ProblemRefused(f"the series has a hole or a fold after {one.isoformat()}")
    if any(one.utcoffset() != timedelta(0) for one in problem.starts):
        raise ProblemRefused("steps are instants in UTC")
    if problem.steps * problem.step_minutes > 25 * 60:
        raise ProblemRefused("a local day has at most 25 hours")


def _check_series(problem: Problem) -> None:
    series = {"the price": problem.price, "the revenue": problem.revenue, "the adders": problem.adders}
    series |= {"the site's limit": problem.limit_kw} if problem.limit_kw else {}
    series |= {f"the limit of {zone.name}": zone.limit_kw for zone in problem.zones}
    for name, values in series.items():
        if len(values) != problem.steps:
            raise ProblemRefused(f"{name} has {len(values)} steps, the day has {problem.steps}")
        if name != "the price":
            _finite(name, values)
    if problem.missing and problem.safe_state is None:
        at = problem.starts[problem.missing[0]].isoformat()
        raise PriceMissing(f"{len(problem.missing)} steps have no price, the first at {at}")


def _finite(name: str, values: Sequence[float | None], least: float | None = None) -> None:
    for value in values:
        if value is None or not math.isfinite(value) or (least is not None and value < least):
            raise ProblemRefused(
                f"{name} must be a number{'' if least is None else f' of at least {least:g}'}: {value}"
            )


def _check_class(one: MachineClass, zones: set[str]) -> None:
    for text, value, least in (
        ("machines", one.count, 0), ("protected machines", one.protected, 0),
        ("steps in its state", one.steps_in_state, 0), ("steps of minimum on time", one.min_on, 1),
        ("steps of minimum off time", one.min_off, 1),
    ):  # fmt: skip
        if not isinstance(value, int) or value < least:
            raise ProblemRefused(f"class {one.name}: the {text} must be a whole number of at least {least}: {value}")
    if one.protected > one.count:
        raise ProblemRefused(f"class {one.name}: {one.protected} machines are protected, there are {one.count}")
    if len(one.modes) < 2 or not 0 <= one.start_mode < len(one.modes):
        raise ProblemRefused(f"class {one.name}: there must be an off mode, another, and the one it starts in")
    if one.modes[OFF].hashrate_ths != 0:
        raise ProblemRefused(f"class {one.name}: the first mode is off, so it has no hashrate")
    for mode in one.modes:
        if not isinstance(mode.power_w, int) or mode.power_w < one.modes[OFF].power_w:
            raise ProblemRefused(f"class {one.name}: power is whole watts, at least those of off: {mode.power_w}")
        _finite(f"the hashrate of {one.name}", (mode.hashrate_ths, mode.power_w), 0)
    _finite(f"the cost of a start of {one.name}", (one.start_cost,), 0)
    if one.zone and one.zone not in zones:
        raise ProblemRefused(f"class {one.name} is in zone {one.zone}, which has no limit")
    if one.protected and one.start_mode == OFF and one.steps_in_state < one.min_off:
        text = f"class {one.name}: {one.protected} protected machines must run, but have just been switched off"
        raise Infeasible([text])


def _check_held(one: MachineClass, steps: int) -> None:
    if not one.held:
        return
    _places(f"class {one.name}", one.held, steps)
    if one.start_mode == OFF and one.steps_in_state + min(one.held) < one.min_off:
        raise Infeasible([f"class {one.name}: machines must run in step {min(one.held)}, but have just been stopped"])


def _check_coupling(problem: Problem) -> None:
    for name, ramp in (("up", problem.ramp_up_kw), ("down", problem.ramp_down_kw)):
        if ramp is not None:
            _finite(f"the ramp {name}", (ramp,), 0)
    if len({zone.name for zone in problem.zones}) != len(problem.zones):
        raise ProblemRefused("each zone needs a name of its own")
    for one in problem.commitments:
        if (one.at_most_kw is None) == (one.below_kw is None):
            raise ProblemRefused(f"commitment {one.name}: either at most so many kW or so many below the baseline")
        if one.below_kw is not None and len(one.baseline_kw) != len(one.steps):
            raise ProblemRefused(f"commitment {one.name}: the baseline needs a value for each of its steps")
        _places(f"commitment {one.name}", one.steps, problem.steps)
        _finite(f"commitment {one.name}", [one.cap_kw(place) for place in range(len(one.steps))])
    if problem.demand is not None:
        _finite("the demand charge", (problem.demand.per_kw, problem.demand.sunk_kw), 0)
        for interval in problem.demand.intervals:
            _places("the demand charge", interval, problem.steps)


def _places(name: str, places: Sequence[int], steps: int) -> None:
    if not places or len(set(places)) != len(places) or not all(0 <= place < steps for place in places):
        raise ProblemRefused(f"{name}: its steps must be places of the day, each once: {tuple(places)}")

"""Who stands where: a seed, a number of machines and a network make the same fleet every time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from random import Random

from hosting.engine.simulation.faults import Fault, FaultPlan, always_bad
from hosting.engine.simulation.kinds import MAKES, Kind, of_make
from hosting.engine.simulation.machine import Machine

LOOPBACK = IPv4Network("127.0.0.0/8")
DEFAULT_NETWORK = IPv4Network("127.77.0.0/16")
DEFAULT_MAKES: Mapping[str, float] = {"antminer": 45, "whatsminer": 30, "luxos": 20, "avalon": 5}


class FleetRefused(ValueError):
    """A fleet that cannot be; the text says why."""


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """All that a fleet follows from."""

    miners: int
    seed: int = 1
    network: IPv4Network = DEFAULT_NETWORK
    makes: Mapping[str, float] = field(default_factory=lambda: DEFAULT_MAKES)
    faults: FaultPlan = field(default_factory=FaultPlan)


class Fleet:
    """Machines by address."""

    __slots__ = ("_first", "_small", "machines", "plan")

    def __init__(self, plan: FleetPlan) -> None:
        _check(plan)
        self.plan = plan
        self._first = int(plan.network.network_address)
        self._small = plan.network.prefixlen > 24
        bad = always_bad(plan.faults, miners=plan.miners, seed=plan.seed)
        kinds = _deal(plan)
        self.machines = [
            Machine(kind, index=index, seed=plan.seed, plan=plan.faults, always=bad.get(index, Fault.NONE))
            for index, kind in enumerate(kinds)
        ]

    def address(self, index: int) -> str:
        """The address of a machine: hosts 1 to 254 of one /24 after the other."""
        offset = index + 1 if self._small else index // 254 * 256 + index % 254 + 1
        return str(IPv4Address(self._first + offset))

    def at(self, address: str) -> Machine | None:
        """The machine that stands at an address."""
        first, second, third, fourth = address.split(".")
        offset = (int(first) << 24 | int(second) << 16 | int(third) << 8 | int(fourth)) - self._first
        if self._small:
            index = offset - 1
        elif 0 < offset % 256 < 255:
            index = offset // 256 * 254 + offset % 256 - 1
        else:
            return None
        return self.machines[index] if 0 <= index < len(self.machines) else None

    def addresses(self) -> list[str]:
        """All addresses, in the order of the machines."""
        return [self.address(index) for index in range(len(self.machines))]


def capacity(network: IPv4Network) -> int:
    """How many machines a network has room for."""
    return network.num_addresses // 256 * 254 if network.prefixlen <= 24 else max(network.num_addresses - 2, 0)


def read_makes(text: str) -> dict[str, float]:
    """``antminer:3,luxos`` as weights."""
    makes: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, weight = part.partition(":")
        if name not in MAKES:
            raise FleetRefused(f"{name}: no such make; there are {', '.join(MAKES)}")
        try:
            makes[name] = float(weight or 1)
        except ValueError:
            makes[name] = 0.0
        if not 0 < makes[name] < 1e6:
            raise FleetRefused(f"{part}: a weight is a number above 0")
    if not makes:
        raise FleetRefused("no make was named")
    return makes


def _check(plan: FleetPlan) -> None:
    if not plan.network.subnet_of(LOOPBACK):
        raise FleetRefused(f"{plan.network} is not inside 127.0.0.0/8: simulated machines stay on this computer")
    room = capacity(plan.network)
    if not 1 <= plan.miners <= room:
        raise FleetRefused(f"{plan.network} has room for 1 to {room} machines, not for {plan.miners}")


def _deal(plan: FleetPlan) -> list[Kind]:
    """One kind per machine, by weight, mixed by the seed."""
    total = sum(plan.makes.values())
    kinds: list[Kind] = []
    reached = 0.0
    for make, weight in plan.makes.items():
        reached += weight
        models = of_make(make)
        while len(kinds) < round(plan.miners * reached / total):
            kinds.append(models[len(kinds) % len(models)])
    Random(f"kinds {plan.seed}").shuffle(kinds)  # noqa: S311 - repeatable on purpose
    return kinds

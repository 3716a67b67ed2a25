"""What the sensors of a machine say at one moment, before a firmware spells it."""

from dataclasses import dataclass

from hosting.engine.simulation import noise
from hosting.engine.simulation.faults import Fault
from hosting.engine.simulation.machine import Machine, Phase

HASHES_PER_DIFFICULTY = 4294967296.0
_NOW, _MINUTE, _FIVE, _QUARTER, _BOARD, _CHIP, _FAN, _POWER, _BEST = range(101, 110)


@dataclass(slots=True)
class Board:
    """One hash board."""

    ths: float
    chip_c: float
    inlet_c: float
    alive: bool


@dataclass(slots=True)
class Reading:
    """One look at one machine; hashrates in TH/s."""

    hashing: bool
    ths_5s: float
    ths_1m: float
    ths_5m: float
    ths_15m: float
    ths_average: float
    rated_ths: float
    work_th: float
    boards: list[Board]
    power_w: int
    air_c: float
    fans_rpm: list[int]
    fan_percent: int
    uptime_s: int
    elapsed_s: int
    accepted: int
    rejected: int
    hardware_errors: int
    best_share: int

    @property
    def chip_c(self) -> float:
        """The hottest chip."""
        return max(board.chip_c for board in self.boards)


def read(machine: Machine, now: float) -> Reading:
    """Carry the machine to ``now`` and read it."""
    machine.advance(now)
    kind, seed, rated = machine.kind, machine.seed, machine.kind.rated_ths
    output = machine.level * machine.alive()
    ths_5s = _shaky(rated * output, 0.012, seed, _NOW, int(now // 5))
    elapsed = max(machine.at - machine.started_at, 0.0)
    shares = machine.work_th * 1e12 / (kind.difficulty * HASHES_PER_DIFFICULTY)
    rejected = int(shares * noise.between(0.0004, 0.003, seed, _QUARTER))
    fans, percent = _fans(machine, int(now // 10))
    power = machine.power_for(machine.level) * (machine.alive() if output else 1.0)
    return Reading(
        hashing=machine.phase is Phase.HASHING,
        ths_5s=ths_5s,
        ths_1m=_shaky(rated * machine.average_1m, 0.005, seed, _MINUTE, int(now // 20)),
        ths_5m=_shaky(rated * machine.average_5m, 0.003, seed, _FIVE, int(now // 60)),
        ths_15m=_shaky(rated * machine.average_15m, 0.002, seed, _QUARTER, int(now // 180)),
        ths_average=machine.work_th / elapsed if elapsed > 0.0 else 0.0,
        rated_ths=rated,
        work_th=machine.work_th,
        boards=_boards(machine, ths_5s, int(now // 15)),
        power_w=round(_shaky(power, 0.002, seed, _POWER, int(now // 10))),
        air_c=machine.air_c(),
        fans_rpm=fans,
        fan_percent=percent,
        uptime_s=int(max(machine.at - machine.booted_at, 0.0)),
        elapsed_s=int(elapsed),
        accepted=int(shares) - rejected,
        rejected=rejected,
        hardware_errors=int(machine.work_th / rated * noise.between(0.001, 0.02, seed, _CHIP)),
        best_share=int(shares * kind.difficulty * noise.between(0.4, 4.0, seed, _BEST, int(shares).bit_length())),
    )


def _shaky(value: float, spread: float, seed: int, what: int, when: int) -> float:
    return value * (1.0 + spread * noise.bell(seed, what, when)) if value > 0.0 else 0.0


def _boards(machine: Machine, ths: float, when: int) -> list[Board]:
    lost = machine.lost_board()
    count, seed = machine.kind.boards, machine.seed
    weights = [0.0 if i == lost else 1.0 + 0.02 * noise.bell(seed, _BOARD, i) for i in range(count)]
    total = sum(weights) or 1.0
    air = machine.air_c()
    boards = []
    for position, weight in enumerate(weights):
        warmth = 1.0 + 0.03 * noise.bell(seed, _CHIP, position) + 0.004 * noise.bell(seed, _CHIP + 1000, when)
        chip = air + machine.rise_c * warmth if weight else air
        boards.append(Board(ths * weight / total, chip, air + (chip - air) * 0.45, bool(weight)))
    return boards


def _fans(machine: Machine, when: int) -> tuple[list[int], int]:
    kind = machine.kind
    wanted = min(max((machine.chip_c() - 40.0) / 40.0, 0.0), 1.0)
    if machine.fault is Fault.FAN:
        wanted = 1.0
    span = kind.fan_max_rpm - kind.fan_idle_rpm
    speeds = []
    for position in range(kind.fans):
        shake = 1.0 + 0.01 * noise.bell(machine.seed, _FAN + 10 * position, when)
        speeds.append(int((kind.fan_idle_rpm + span * wanted) * shake) // 30 * 30)
    if machine.fault is Fault.FAN:
        speeds[machine.seed % kind.fans] = 0
    return speeds, round(20 + 80 * wanted)

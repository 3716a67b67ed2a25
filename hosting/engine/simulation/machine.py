"""One machine: what it does between two looks at it.

Nothing runs in between: ``advance`` carries the state to a given second through everything that happened on the way, in
closed form, so that it does not matter how often somebody looked. Levels are shares of the rated hashrate.
"""

import math
from enum import IntEnum

from hosting.engine.simulation import noise
from hosting.engine.simulation.faults import NETWORK_FAULTS, NEVER, Fault, FaultPlan, next_incident
from hosting.engine.simulation.kinds import Kind

HEAT_LAG_S = 180.0
WINDOWS_S = (60.0, 300.0, 900.0)
LOOK_S = 30.0  # how often a firmware looks at its temperatures
COOL_S = 600.0
POWER_BEND = 1.25  # power grows faster than the hashrate
MOST = 1.15  # of the rated hashrate, whatever the power target says
LEAST = 0.3
_FULL, _EFFICIENCY, _UPTIME, _AIR, _BOOT, _START, _LOST = range(1, 8)


class Phase(IntEnum):
    """What a machine is at."""

    HASHING = 0
    ASLEEP = 1
    STARTING = 2  # the boards are brought up
    BOOTING = 3  # nobody answers
    TRIPPED = 4  # switched off by its own firmware because of heat


class Event(IntEnum):
    """What the next moment of note is."""

    NOTHING = 0
    LEVELLED = 1
    PHASE_OVER = 2
    ORDER_DUE = 3
    FAULT_BEGINS = 4
    FAULT_ENDS = 5
    LOOK = 6


class Machine:
    """State of one machine at ``at`` seconds; the rest follows from kind and seed."""

    __slots__ = (
        "at",
        "average_1m",
        "average_5m",
        "average_15m",
        "booted_at",
        "due_asleep",
        "due_at",
        "efficiency",
        "extra",
        "fault",
        "fault_begins",
        "fault_ends",
        "fault_next",
        "full",
        "goal",
        "incidents",
        "index",
        "kind",
        "level",
        "phase",
        "phase_ends",
        "plan",
        "power_target_w",
        "quiet_until",
        "rise_c",
        "seed",
        "share",
        "started_at",
        "starts",
        "work_th",
    )  # fmt: skip

    def __init__(self, kind: Kind, *, index: int, seed: int, plan: FaultPlan, always: Fault = Fault.NONE) -> None:
        self.kind, self.index, self.plan = kind, index, plan
        self.seed = noise.bits(seed, index)
        self.full = 1.0 + 0.012 * noise.bell(self.seed, _FULL)
        self.efficiency = 1.0 + 0.015 * noise.bell(self.seed, _EFFICIENCY)
        self.share = 1.0  # what the owner asked for
        self.power_target_w: float | None = None
        self.level = self.goal = self.average_1m = self.average_5m = self.average_15m = self.full
        self.rise_c = kind.heat_c * self.full
        self.at = 0.0
        self.booted_at = -noise.between(3600, 30 * 86400, self.seed, _UPTIME)
        self.started_at = min(self.booted_at + 60.0, 0.0)
        self.work_th = -self.started_at * kind.rated_ths * self.full
        self.phase, self.phase_ends = Phase.HASHING, NEVER
        self.due_at, self.due_asleep = NEVER, False
        self.quiet_until = -1.0
        self.starts = 0
        self.extra: dict[str, object] = {}
        self.incidents = 0
        self.fault, self.fault_begins, self.fault_ends, self.fault_next = always, 0.0, NEVER, Fault.NONE
        if not always:
            self._draw_incident(0.0)

    # What an owner can do

    def sleep(self, *, restart: bool = False, quiet_s: float = 0.0) -> None:
        """Stop hashing; the machine stays reachable, but for ``quiet_s`` in which its program starts anew."""
        if self.phase is Phase.BOOTING:
            self.share = 0.0
            return
        self.phase, self.phase_ends, self.goal = Phase.ASLEEP, NEVER, 0.0
        self._begin_anew(restart=restart, quiet_s=quiet_s)

    def wake(self, *, restart: bool = False, quiet_s: float = 0.0) -> None:
        """Hash again, after the time that bringing up the boards takes."""
        self.share = self.share or 1.0
        if self.phase in {Phase.ASLEEP, Phase.TRIPPED} or (restart and self.phase is not Phase.BOOTING):
            self._begin_start()
            self._begin_anew(restart=restart, quiet_s=quiet_s)

    def reboot(self) -> None:
        """Everything starts anew; an order to sleep is forgotten by no firmware."""
        asleep = self.phase is Phase.ASLEEP
        self.phase, self.level, self.goal = Phase.BOOTING, 0.0, 0.0
        self.starts += 1
        self.phase_ends = self.at + noise.between(*self.kind.timing.boot_s, self.seed, _BOOT, self.starts)
        self.share = 0.0 if asleep else self.share

    def set_share(self, share: float) -> None:
        """Hash at a share of what the machine can."""
        self.share = min(max(share, LEAST), MOST)
        self.power_target_w = None
        self._aim()

    def set_power(self, watts: float) -> None:
        """Hash at as much as this power gives."""
        self.set_share(self.level_for(watts) / self.full)
        self.power_target_w = watts

    def order(self, at: float, *, asleep: bool) -> None:
        """Sleep or wake at a moment to come."""
        self.due_at, self.due_asleep = max(at, self.at), asleep

    # What it uses

    def power_for(self, level: float) -> float:
        """Watts at a level."""
        idle = self.kind.idle_w
        return idle + (self.kind.rated_w * self.efficiency - idle) * math.pow(max(level, 0.0), POWER_BEND)

    def level_for(self, watts: float) -> float:
        """The level at which the machine draws these watts."""
        idle = self.kind.idle_w
        part = (watts - idle) / (self.kind.rated_w * self.efficiency - idle)
        return math.pow(max(part, 0.0), 1.0 / POWER_BEND)

    def air_c(self) -> float:
        """The air it breathes: warmer in the afternoon, warmer in some places."""
        day = 6.0 * math.sin(2.0 * math.pi * (self.at / 86400.0 - 0.375))
        return 24.0 + day + 1.5 * noise.bell(self.seed, _AIR)

    def chip_c(self) -> float:
        """The mean chip temperature."""
        return self.air_c() + self.rise_c

    def alive(self) -> float:
        """Share of its boards that hash."""
        return 1.0 - 1.0 / self.kind.boards if self.fault is Fault.BOARD else 1.0

    def lost_board(self) -> int | None:
        """The board that is gone."""
        return noise.bits(self.seed, _LOST) % self.kind.boards if self.fault is Fault.BOARD else None

    def network_fault(self) -> Fault:
        """How a connection made now would fail."""
        if self.phase is Phase.BOOTING:
            return Fault.DROP
        return self.fault if self.fault in NETWORK_FAULTS else Fault.NONE

    # How time passes

    def advance(self, now: float) -> None:
        """Carry the state to ``now`` through everything that happens before it."""
        while now > self.at:
            moment, event = self._next()
            if moment > now:
                self._flow(now)
                return
            self._flow(moment)
            self._happen(event)

    def _next(self) -> tuple[float, Event]:
        moment, event = self.phase_ends, Event.PHASE_OVER
        if self.due_at < moment:
            moment, event = self.due_at, Event.ORDER_DUE
        fault_at = self.fault_ends if self.fault else self.fault_begins
        if fault_at < moment:
            moment, event = fault_at, Event.FAULT_ENDS if self.fault else Event.FAULT_BEGINS
        slope = self._slope()
        if slope:
            levelled = self.at + (self.goal - self.level) / slope
            if levelled < moment:
                moment, event = levelled, Event.LEVELLED
        if self.fault is Fault.OVERHEAT and self.phase is Phase.HASHING:
            look = (math.floor(self.at / LOOK_S + 1e-9) + 1.0) * LOOK_S
            if look < moment:
                moment, event = look, Event.LOOK
        return moment, event

    def _slope(self) -> float:
        if self.level == self.goal:
            return 0.0
        if self.level < self.goal:
            return 1.0 / self.kind.timing.ramp_s
        return -1.0 / (self.kind.timing.stop_s if self.phase is not Phase.HASHING else 60.0)

    def _flow(self, until: float) -> None:
        passed = until - self.at
        if passed <= 0.0:
            return
        slope = self._slope()
        alive = self.alive()
        output, change = self.level * alive, slope * alive
        self.work_th += self.kind.rated_ths * passed * (output + change * passed / 2.0)
        heat = self.kind.heat_c * (1.3 if self.fault is Fault.FAN else 1.0)
        warm_air = 45.0 if self.fault is Fault.OVERHEAT else 0.0
        self.rise_c = _lag(self.rise_c, heat * output + warm_air, heat * change, HEAT_LAG_S, passed)
        self.average_1m = _lag(self.average_1m, output, change, WINDOWS_S[0] / 2, passed)
        self.average_5m = _lag(self.average_5m, output, change, WINDOWS_S[1] / 2, passed)
        self.average_15m = _lag(self.average_15m, output, change, WINDOWS_S[2] / 2, passed)
        self.level += slope * passed
        self.at = until

    def _happen(self, event: Event) -> None:
        if event is Event.LEVELLED:
            self.level = self.goal
        elif event is Event.PHASE_OVER:
            self._end_phase()
        elif event is Event.ORDER_DUE:
            self.due_at = NEVER
            if self.due_asleep:
                self.sleep()
            else:
                self.wake()
        elif event is Event.FAULT_BEGINS:
            self._begin_fault()
        elif event is Event.FAULT_ENDS:
            self.fault = Fault.NONE
            self._draw_incident(self.at)
        elif event is Event.LOOK and self.chip_c() > self.kind.trip_c:
            self.phase, self.phase_ends = Phase.TRIPPED, self.at + COOL_S
            self.level = self.goal = 0.0

    def _end_phase(self) -> None:
        if self.phase is Phase.BOOTING:
            self.booted_at = self.at
            self._begin_anew(restart=True, quiet_s=0.0)
            if self.share == 0.0:
                self.phase, self.phase_ends = Phase.ASLEEP, NEVER
            else:
                self._begin_start()
        elif self.phase is Phase.TRIPPED:
            self._begin_start()
        else:
            self.phase, self.phase_ends = Phase.HASHING, NEVER
            self._aim()

    def _begin_start(self) -> None:
        self.phase, self.goal = Phase.STARTING, 0.0
        self.starts += 1
        self.phase_ends = self.at + noise.between(*self.kind.timing.start_s, self.seed, _START, self.starts)

    def _begin_anew(self, *, restart: bool, quiet_s: float) -> None:
        """The mining program starts anew and counts from nothing."""
        if restart:
            self.work_th, self.started_at, self.quiet_until = 0.0, self.at, self.at + quiet_s
            self.average_1m = self.average_5m = self.average_15m = 0.0

    def _aim(self) -> None:
        if self.phase is Phase.HASHING:
            self.goal = min(self.full * self.share, MOST)

    def _begin_fault(self) -> None:
        if self.fault_next is Fault.REBOOT:
            self.reboot()
            self._draw_incident(self.at)
        else:
            self.fault = self.fault_next

    def _draw_incident(self, after: float) -> None:
        incident = next_incident(self.plan, seed=self.seed, number=self.incidents, after=after)
        self.incidents += 1
        if incident is None:
            self.fault_begins = self.fault_ends = NEVER
        else:
            self.fault_next, self.fault_begins, self.fault_ends = incident.fault, incident.begins, incident.ends


def _lag(value: float, towards: float, change: float, lag_s: float, passed: float) -> float:
    """First-order lag behind something that moves in a straight line, exactly."""
    fading = math.exp(-passed / lag_s)
    behind = change * lag_s
    return towards + change * passed - behind + (value - towards + behind) * fading

"""Machines under virtual time that obey late or never; what they really do, and what they say of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curtailment.engine.values import NEVER, Action, Order

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Setting:
    """What a run is made of. Shares are of 1, times in seconds or ticks as named."""

    seed: int
    machines: int = 6000
    groups: int = 12
    lost: float = 0.02
    crash: float = 0.03
    outages: int = 2
    frozen_readings: int = 60
    reboots: int = 10
    broken: int = 5
    locked: int = 20
    clock_step_s: float = 0.0
    withdrawn: bool = False
    second_plan: bool = False
    doubled: bool = False
    kill_switch: bool = False
    hot: int = 40
    slow: float = 0.15
    whole_site: bool = False
    plan_ticks: int = 30


def setting_of(seed: int, machines: int = 6000) -> Setting:
    """Every seed has another mixture of what goes wrong."""
    dice = np.random.default_rng(seed)
    return Setting(
        seed=seed, machines=machines, groups=int(dice.integers(4, 25)), crash=float(dice.choice([0.02, 0.15])),
        clock_step_s=float(dice.choice([0, 0, -1800, -90, 45, 600])), withdrawn=bool(dice.random() < 0.2),
        second_plan=bool(dice.random() < 0.4), doubled=bool(dice.random() < 0.3),
        kill_switch=bool(dice.random() < 0.2), plan_ticks=int(dice.integers(18, 45)),
    )  # fmt: skip


class Farm:
    """The machines themselves. ``on``: it draws power; an order obeyed late is a pending change."""

    def __init__(self, setting: Setting) -> None:
        dice = self.dice = np.random.default_rng(setting.seed + 10_000)
        n = self.n = setting.machines
        self.setting = setting
        self.draw_w = dice.choice([3250, 3400, 3500, 1323, 5360], n).astype(np.int64)
        self.efficiency = dice.permutation(n)  # rank: 0 is switched off first
        self.group = dice.integers(0, setting.groups, n)
        self.on = dice.random(n) > 0.02
        self.was_on = self.on.copy()
        self.broken = np.zeros(n, bool)
        self.locked = np.zeros(n, bool)
        self.hot_until = np.full(n, NEVER)
        self.read_at = np.full(n, NEVER)  # by the control's own clock at that time
        self.read_on = np.zeros(n, bool)
        self.stuck_until = np.full(n, NEVER)  # its readings do not come through
        self.cut_until = np.full(n, NEVER)  # neither readings nor orders do
        # What a slow machine says is how it was a while ago.
        self.lag_s = np.where(dice.random(n) < setting.slow, dice.uniform(20, 110, n), 0.0)
        self.turned_at = np.full(n, NEVER)
        self.excused_until = np.full(n, NEVER)
        self.losses = np.zeros(n, np.int64)
        self.coming: list[tuple[float, int, bool, float]] = []
        self.starts: list[tuple[float, float, int]] = []  # ordered, really started, machine
        self.heard: list[tuple[float, Order]] = []
        self.rises: list[tuple[float, int, int]] = []  # ordered, watts, machine

    def obey(self, order: Order, sent: float) -> None:
        """The order is on its way, or lost."""
        if order.action is Action.RESUME:
            assert not self.locked[order.machine], "I6: a machine in maintenance was told to start"
            assert self.hot_until[order.machine] <= sent, "I7: a machine too hot was told to start"
        lost = self.cut_until[order.machine] > sent or self.dice.random() < self.setting.lost
        if lost or self.broken[order.machine]:
            self.losses[order.machine] += 1
            return
        self.heard.append((sent, order))
        if order.action is Action.RESUME:
            self.rises.append((sent, int(self.draw_w[order.machine]), order.machine))
        self.coming.append(
            (sent + float(self.dice.uniform(0.2, 25)), order.machine, order.action is Action.RESUME, sent)
        )

    def pass_time(self, until: float) -> None:
        """What was on its way happens."""
        due = sorted(one for one in self.coming if one[0] <= until)
        self.coming = [one for one in self.coming if one[0] > until]
        for moment, machine, on, sent in due:
            if self.broken[machine] or self.on[machine] == on:
                continue
            self.turn(machine, moment, on=on)
            if on:
                self.starts.append((sent, moment, machine))

    def turn(self, machine: int, moment: float, *, on: bool) -> None:
        """It really goes on or off."""
        self.on[machine] = on
        self.turned_at[machine] = moment

    def said(self) -> Integers | None:
        """The limit each machine said it keeps to; here none does."""
        return None

    def held_w(self) -> Integers:
        """By how much each machine draws less than it can."""
        return np.where(self.on, 0, self.draw_w)

    def to_return_w(self) -> Integers:
        """What orders have to bring back of each machine."""
        return self.held_w()

    def lower(self) -> Mask:
        """Machines that draw less than they did."""
        return self.was_on & ~self.on

    def reboot(self, machine: int, moment: float) -> None:
        """Power fails and comes back: the machine starts by itself, which nobody ordered."""
        self.turn(machine, moment, on=True)

    def read(self, moment: float, own: float) -> None:
        """A poll: whoever is reachable says what it does."""
        heard = (self.cut_until <= moment) & (self.stuck_until <= moment) & ~self.broken
        self.read_at[heard] = own
        late = self.turned_at > moment - self.lag_s
        self.read_on[heard] = (self.on ^ late)[heard]

"""The same farm with machines that can be throttled: limits that get lost, come late, are rounded, or forgotten.

A machine has a limit of its own, to which it falls back when it starts anew. Plans pause some machines and limit
others, or two plans want different levels of the same ones.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from curtailment.engine.control import tick
from curtailment.engine.values import Action, Decision, Order, PlanNow, Rules, Seen, State
from tests.curtailment.engine.farm import STEP, Run
from tests.curtailment.engine.machines import Farm, Integers, Mask, Setting

ROUNDS_W = 40  # a firmware of profiles takes the next one below


class LimitFarm(Farm):
    """Most machines say their limit and take another one."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        dice = self.limit_dice = np.random.default_rng(setting.seed + 77_000)
        self.own_w = (self.draw_w * dice.uniform(1.0, 1.1, self.n)).astype(np.int64)
        self.limit_w = self.own_w.copy()
        self.tells = dice.random(self.n) < 0.85
        self.rounds = dice.random(self.n) < 0.5
        self.said_w = np.zeros(self.n, np.int64)
        self.was: dict[int, list[tuple[float, int]]] = defaultdict(list)  # what a limit was until when
        self.settling: list[tuple[float, int, int]] = []

    def obey(self, order: Order, sent: float) -> None:
        """A limit is on its way, or lost; what it adds to the load is what the machine really draws less now."""
        if order.action not in (Action.LIMIT, Action.LIFT):
            super().obey(order, sent)
            return
        machine = order.machine
        assert not self.locked[machine], "I6: a machine in maintenance was told a limit"
        assert self.tells[machine], "a machine that takes no limit was told one"
        assert order.limit_w <= self.own_w[machine], "I5: a machine was told more than it had"
        if self.cut_until[machine] > sent or self.dice.random() < self.setting.lost or self.broken[machine]:
            self.losses[machine] += 1
            return
        self.heard.append((sent, order))
        self.settling.append((sent + float(self.dice.uniform(0.2, 25)), machine, order.limit_w))
        if order.action is Action.LIFT and self.on[machine]:
            draw = int(self.draw_w[machine])
            rise = max(0, min(draw, order.limit_w) - min(draw, int(self.limit_w[machine])))
            self.rises.append((sent, rise, machine))

    def pass_time(self, until: float) -> None:
        """What was on its way happens."""
        super().pass_time(until)
        due = sorted(one for one in self.settling if one[0] <= until)
        self.settling = [one for one in self.settling if one[0] > until]
        for moment, machine, watts in due:
            if not self.broken[machine]:
                own = int(self.own_w[machine])
                self._set(machine, moment, watts - watts % ROUNDS_W if self.rounds[machine] and watts < own else watts)

    def _set(self, machine: int, moment: float, watts: int) -> None:
        self.was[machine].append((moment, int(self.limit_w[machine])))
        self.limit_w[machine] = watts

    def reboot(self, machine: int, moment: float) -> None:
        """It begins anew with what is configured."""
        super().reboot(machine, moment)
        self._set(machine, moment, int(self.own_w[machine]))

    def read(self, moment: float, own: float) -> None:
        """A slow machine says the limit of a while ago."""
        super().read(moment, own)
        heard = self.read_at == own
        self.said_w[heard] = self.limit_w[heard]
        for machine, changes in self.was.items():
            if heard[machine]:
                then = moment - self.lag_s[machine]
                self.said_w[machine] = next((watts for at, watts in changes if at > then), self.limit_w[machine])
        self.said_w[~self.tells] = 0

    def said(self) -> Integers:
        """As it was read last."""
        return self.said_w.copy()

    def held_w(self) -> Integers:
        """Off with all it can draw, limited with what it was told to draw less: that it rounds is its own affair."""
        told = np.where((self.limit_w < self.own_w) & self.rounds, self.limit_w + ROUNDS_W - 1, self.limit_w)
        return self.draw_w - np.where(self.on, np.minimum(self.draw_w, told), 0)

    def to_return_w(self) -> Integers:
        """Whoever is off and limited is started with all it can draw, and lifted then."""
        return self.held_w() + np.where(self.on, 0, self.draw_w - np.minimum(self.draw_w, self.limit_w))

    def lower(self) -> Mask:
        """Off, or below the limit it had."""
        return super().lower() | (self.limit_w < self.own_w * 0.99)


@dataclass
class LimitRun(Run):
    """Plans with levels: some machines off and some throttled, all throttled, or two plans that disagree."""

    machines: ClassVar[type[Farm]] = LimitFarm
    slack_ticks: ClassVar[int] = 6  # two orders, each seen late by whoever is slow

    def __post_init__(self) -> None:
        super().__post_init__()
        farm = self.farm
        assert isinstance(farm, LimitFarm)
        kind = self.setting.seed % 4
        first = self.plans[0]
        draw = farm.draw_w[first.order]
        low = (draw * farm.limit_dice.choice([0.5, 0.6, 0.75], len(draw))).astype(np.int64)
        throttled = farm.tells[first.order] & (farm.limit_dice.random(len(draw)) < (1.0 if kind == 1 else 0.5))
        levels = np.where(throttled, low, 0)
        share = 1.0 if self.setting.whole_site else 0.7
        if kind != 3:  # else the first plan only pauses, and another one limits the same machines
            target = int((draw - levels).sum() * share)
            self.first = replace(first, level_w=levels, target_w=min(first.target_w, target))
            self.plans = [self.first if plan.key == 1 else plan for plan in self.plans]
            self.plans = [
                replace(plan, level_w=levels, target_w=self.first.target_w) if plan.key == 3 else plan
                for plan in self.plans
            ]
        if kind >= 2:
            own = np.where(farm.tells[first.order], (low * 1.2).astype(np.int64), draw)
            begin = first.starts_at + float(farm.limit_dice.integers(-2, 10)) * STEP
            end = self.end + float(farm.limit_dice.integers(-12, 10)) * STEP
            mine = first.order[own < draw]
            gain = int((draw - own).sum())
            self.plans.append(
                PlanNow(4, begin, end, mine, int(gain * 0.5), shared=first.shared, urgent=first.urgent,
                        level_w=own[own < draw])
            )  # fmt: skip
            self.end = max(self.end, end)
        self.reach_w = self.first.target_w if first.shared else min(self.first.target_w, self.rules.single_w)


def unlimited_memory(
    now: float, seen: Seen, plans: list[PlanNow], state: State, rules: Rules, *, frozen: bool = False
) -> Decision:
    """The control that forgets what limits machines had: whoever runs again counts as given back."""
    decision = tick(now, seen, plans, state, rules, frozen=frozen)
    after = decision.state
    free = after.limited & ~after.paused & seen.on
    if not any(plan.starts_at <= now < plan.ends_at for plan in plans):
        after.touched[free], after.before[free], after.limit[free] = False, 0, 0
        kept = tuple(order for order in decision.orders if order.action is not Action.LIFT)
        return replace(decision, orders=kept)
    return decision

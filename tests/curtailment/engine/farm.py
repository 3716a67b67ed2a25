"""A site under virtual time: machines that obey late or never, links that break, a control that dies anywhere.

What the machines really do is kept apart (``machines``) from what the control believes; ``Judge`` compares the two.
Nothing of the engine is used to judge.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from curtailment.engine.control import tick
from curtailment.engine.invariants import broken
from curtailment.engine.values import ALWAYS, NEVER, Action, Decision, Order, PlanNow, Rules, Seen, State
from tests.curtailment.engine.machines import Farm, Floats, Setting

STEP = 60.0
BEAT = 20.0  # a control that died comes back at any of these
START = 1_800_000_000.0


@dataclass
class Judge:
    """What a run came to."""

    problems: list[str] = field(default_factory=list)
    off_ticks: int | None = None  # after the planned end of the ramp, until 95 % of the target were off
    late: int = 0  # machines not back two ticks after the ramp although nothing had happened to them
    left_off: int = 0
    restarts: int = 0
    orders: int = 0


Control = Callable[..., Decision]


@dataclass
class Run:
    """One run: the farm, the plans, the control with what it has kept, and the clock's fault."""

    setting: Setting
    control: Control = tick
    rules: Rules = field(default_factory=Rules)
    machines: ClassVar[type[Farm]] = Farm
    slack_ticks: ClassVar[int] = 2

    def __post_init__(self) -> None:
        farm = self.farm = self.machines(self.setting)
        n, dice = farm.n, farm.dice
        total = int(farm.draw_w.sum())
        largest = int(farm.draw_w.max())
        self.rules = replace(
            self.rules, step_s=STEP, down_w=total // 10, up_w=total // 15,
            group_up_w=max(2 * largest, 3 * total // 15 // self.setting.groups), single_w=total * 3 // 10,
        )  # fmt: skip
        share = 1.0 if self.setting.whole_site else float(dice.uniform(0.1, 0.4))
        order = np.argsort(farm.efficiency)
        reserve = order if self.setting.whole_site else order[: int(n * min(1.0, share * 1.4 + 0.02))]
        begin = START + 3 * STEP
        end = begin + self.setting.plan_ticks * STEP
        target = total if self.setting.whole_site else int(total * share)
        self.plans = [
            PlanNow(1, begin, end, reserve, target, shared=self.setting.whole_site, urgent=self.setting.whole_site)
        ]
        self.first, self.most_off = self.plans[0], 0
        self.reach_w = min(target, self.rules.single_w) if not self.setting.whole_site else target
        self.end = end
        if self.setting.second_plan:
            late = end + 6 * STEP
            self.plans.append(PlanNow(2, begin + 8 * STEP, late, reserve, int(target * 0.6)))
            self.end = late
        if self.setting.doubled:  # the same dispatch came twice under two names
            self.plans.append(replace(self.plans[0], key=3))
        self.ended_at = ALWAYS
        self.open_until: dict[int, float] = {}
        self.withdrawn_at = begin + self.setting.plan_ticks // 2 * STEP if self.setting.withdrawn else ALWAYS
        self.kept = State.new(n)
        self.offset = 0.0
        self.judge = Judge()
        self.rest_until = NEVER
        self.dead = self.frozen = False
        self.idle = 0  # beats of the first plan without a control that is alive and allowed to act
        self.deadline: float | None = None
        self.spent_s = 0.0
        self.last: float | None = None

    def whole(self) -> Judge:
        """Run it until everybody should be back, then judge."""
        farm = self.farm
        ramp = int(np.ceil(self.plans[0].target_w / self.rules.up_w)) + 1
        late = max(0.0, -self.setting.clock_step_s)
        ticks = int((self.end + late - START) / STEP) + 2 * ramp + 45
        moments = self._accidents(int((self.end - START) / STEP))
        beats_a_step = int(STEP / BEAT)
        for beat in range(ticks * beats_a_step):
            now = START + beat * BEAT
            if beat % beats_a_step == 0:
                for accident in moments.get(beat // beats_a_step, ()):
                    accident(now)
            farm.pass_time(now)
            self._steer(now)
            self._measure(now)
        farm.pass_time(START + (ticks + 2) * STEP)
        self._verdict()
        return self.judge

    def _measure(self, now: float) -> None:
        """How late the target is reached and everybody is back, counted from the ramp as planned."""
        farm, plan, judge = self.farm, self.first, self.judge
        off = int(farm.held_w()[farm.was_on].sum())
        if plan.starts_at <= now + self.offset and (self.dead or self.frozen):
            self.idle += 1
        if judge.off_ticks is None and now + self.offset < plan.ends_at and off >= 0.95 * self.reach_w:
            ramp = 1 if plan.urgent else int(np.ceil(0.95 * self.reach_w / self.rules.down_w))
            judge.off_ticks = int((now + self.offset - plan.starts_at - self.idle * BEAT) / STEP) - ramp
        self.most_off = max(self.most_off, int(farm.to_return_w()[farm.was_on].sum()))
        if now < self.ended_at:
            return
        if self.deadline is None:
            ramp = int(np.ceil(1.05 * self.most_off / self.rules.up_w)) + 1
            self.deadline = self.ended_at + (ramp + self.slack_ticks) * STEP
        self.deadline, self.spent_s = self.deadline + self.spent_s, 0.0
        if self.dead or self.frozen:  # time without a control that may act is nobody's lateness
            self.deadline += BEAT
            farm.excused_until[farm.excused_until + 4 * STEP >= now] += BEAT
        if now >= self.deadline > 0:
            left = farm.lower() & ~farm.broken & ~farm.locked
            left &= (farm.excused_until + 4 * STEP < now) & (farm.losses < 2)
            judge.late = int(left.sum())
            self.deadline = ALWAYS

    # --- the control, which may die at four places --------------------------------------------------------------
    def _steer(self, now: float) -> None:
        self.dead = now < self.rest_until
        if self.dead or (self.last is not None and now < self.last + STEP):
            return
        own = now + self.offset
        if now >= self.withdrawn_at:
            self.plans = [plan for plan in self.plans if plan.key == 2]
            self.withdrawn_at = ALWAYS
        self.plans = [plan for plan in self.plans if own < plan.ends_at]  # what has ended does not begin again
        if not self.plans:
            self.ended_at = min(self.ended_at, now)
        self.farm.read(now - 1, own - 1)
        frozen = self.frozen = self.setting.kill_switch and 20 <= (now - START) / STEP < 26
        farm = self.farm
        seen = Seen(
            farm.read_at.copy(), farm.read_on.copy(), (farm.read_at > NEVER) & ~farm.read_on, farm.locked.copy(),
            farm.hot_until > now, farm.draw_w, farm.group, farm.efficiency, farm.said(),
        )  # fmt: skip
        dies = int(farm.dice.integers(1, 5)) if farm.dice.random() < self.setting.crash else 0
        decision = self.control(own, seen, self.plans, self.kept, self.rules, frozen=frozen)
        self.last = now
        self._check(decision, seen, now, frozen)
        if dies:
            self.rest_until = now + float(farm.dice.integers(1, 10)) * BEAT
            self.last = None
        if dies == 1:  # before anything was kept
            return
        self.kept = decision.state
        self.open_until.update((order.machine, now + order.expires_at - own) for order in decision.orders)
        sent = list(decision.orders)
        if dies == 2:
            sent = []
        elif dies == 3:
            sent = sent[: len(sent) // 2]
        unsent = {one.action for one in decision.orders[len(sent) :]}
        if now >= self.ended_at and unsent & {Action.RESUME, Action.LIFT}:
            self.spent_s += STEP  # of the ramp, for orders that never left: nobody who comes later may know that
        for order in sent:
            assert order.expires_at >= own, "an order was sent after its time"
            farm.obey(order, now)
        self.judge.orders += len(sent)

    def _check(self, decision: Decision, seen: Seen, now: float, frozen: bool) -> None:
        """Each order by itself, against what a person would read in TRUST's list."""
        say, own = self.judge.problems.append, now + self.offset
        self.judge.problems += broken(decision, own, seen, self.plans, self.kept, self.rules, frozen=frozen)
        if frozen and decision.orders:
            say("I10: ordered under the kill switch")
        fresh = (own - seen.at < 120) & (seen.at <= own)
        running = {plan.key: plan for plan in self.plans if plan.starts_at <= own < plan.ends_at}
        pausing: dict[int, int] = defaultdict(int)
        for order in decision.orders:
            m = order.machine
            if self.open_until.get(m, NEVER) > now:
                say(f"I1: machine {m} was ordered again while the order before could still be sent")
            if not fresh[m]:
                say(f"I8: machine {m} was ordered to {order.action} without a fresh reading")
            if seen.locked[m]:
                say(f"I6: machine {m} is in maintenance and was ordered to {order.action}")
            if not order.expires_at > own:
                say("I2: an order that has expired already")
            if order.action is Action.RESUME and seen.hot[m]:
                say(f"I7: machine {m} is too hot")
            if order.action in (Action.PAUSE, Action.LIMIT):
                if order.plan not in running:
                    say("a machine was paused for a plan that does not run")
                pausing[order.plan] += int(self.farm.draw_w[m]) - order.limit_w
        alone = [key for key in pausing if not running[key].shared]
        down = (Action.PAUSE, Action.LIMIT)
        off = {o.machine for _sent, o in self.farm.heard if o.action in down and o.plan in alone} if alone else set()
        watts = self.farm.held_w()
        held = sum(int(watts[m]) for m in off if not (self.farm.broken[m] or self.farm.locked[m]))
        if alone and max(held, sum(pausing[key] for key in alone)) > self.rules.single_w:
            say("I9: more than one person may approve")

    # --- what goes wrong -------------------------------------------------------------------------------------------
    def _accidents(self, until: int) -> dict[int, list[Callable[[float], None]]]:
        farm, setting, dice = self.farm, self.setting, self.farm.dice
        quiet_after = until + 8  # so that what is not back then was left off
        found: dict[int, list[Callable[[float], None]]] = defaultdict(list)

        def some(count: int) -> NDArray[np.int64]:
            return dice.integers(0, farm.n, count)

        for _ in range(setting.outages):
            group, length = int(dice.integers(0, setting.groups)), float(dice.integers(2, 9)) * STEP
            found[int(dice.integers(2, quiet_after - 8))].append(
                lambda now, group=group, length=length: self._hold(farm.cut_until, farm.group == group, now + length)
            )
        for machine in some(setting.frozen_readings).tolist():
            found[int(dice.integers(2, quiet_after - 8))].append(
                lambda now, machine=machine: self._hold(farm.stuck_until, machine, now + 6 * STEP)
            )
        for machine in some(setting.reboots).tolist():
            found[int(dice.integers(5, quiet_after))].append(lambda now, machine=machine: self._reboot(machine))
        for machine in some(setting.broken).tolist():
            found[int(dice.integers(5, quiet_after))].append(lambda now, machine=machine: self._breaks(machine))
        for machine in some(setting.locked).tolist():
            found[int(dice.integers(2, quiet_after))].append(
                lambda now, machine=machine: farm.locked.__setitem__(machine, True)
            )
        for machine in some(setting.hot).tolist():
            found[int(dice.integers(2, quiet_after))].append(
                lambda now, machine=machine: self._hold(farm.hot_until, machine, now + 4 * STEP)
            )
        if setting.clock_step_s:
            found[int(dice.integers(4, quiet_after))].append(lambda now: self._clock(setting.clock_step_s))
        return found

    def _hold(self, until: Floats, which: Any, moment: float) -> None:
        until[which] = moment
        self.farm.excused_until[which] = moment

    def _reboot(self, machine: int) -> None:
        if not self.farm.broken[machine] and not self.farm.locked[machine]:
            self.farm.reboot(machine, self.last or START)

    def _breaks(self, machine: int) -> None:
        self.farm.broken[machine] = True
        self.farm.on[machine] = False

    def _clock(self, step: float) -> None:
        self.offset += step

    # --- the verdict -----------------------------------------------------------------------------------------------
    def _verdict(self) -> None:
        farm, judge = self.farm, self.judge
        judge.restarts = len(farm.starts)
        left = farm.lower() & ~farm.broken & ~farm.locked
        judge.left_off = int(left.sum())
        if judge.left_off:
            judge.problems.append(f"I5: {judge.left_off} machines were left off")
        if judge.late:
            judge.problems.append(f"{judge.late} machines were back later than two ticks after the ramp")
        ordered = sorted((sent, rise, int(farm.group[machine])) for sent, rise, machine in farm.rises)
        self._ramp(ordered, self.rules.up_w, "the site")
        for group in range(self.setting.groups):
            self._ramp([one for one in ordered if one[2] == group], self.rules.group_up_w, f"breaker {group}")

    def _ramp(self, ordered: list[tuple[float, int, int]], limit: int, whose: str) -> None:
        """The most that was started within one step, wherever it begins."""
        begin, total = 0, 0
        for sent, draw, _group in ordered:
            total += draw
            while ordered[begin][0] <= sent - STEP:
                total -= ordered[begin][1]
                begin += 1
            if total > limit:
                self.judge.problems.append(f"I4: {whose} took {total} W in a step, {limit} are allowed")
                return


def fire_and_forget(
    now: float, seen: Seen, plans: list[PlanNow], state: State, rules: Rules, *, frozen: bool = False
) -> Decision:
    """The control: each machine is told once at the start and once at the end, and nobody looks again."""
    after = state.copy()
    orders = []
    for plan in plans[:1]:
        if plan.starts_at <= now < plan.ends_at and not after.touched.any():
            enough = int(np.searchsorted(np.cumsum(seen.draw_w[plan.order]), plan.target_w)) + 1
            for machine in plan.order[:enough].tolist():
                after.touched[machine] = True
                draw = int(seen.draw_w[machine])
                orders.append(Order(machine, Action.PAUSE, plan.key, now, now + 30, draw, draw))
    if after.touched.any() and not any(plan.starts_at <= now < plan.ends_at for plan in plans):
        for machine in np.flatnonzero(after.touched).tolist():
            draw = int(seen.draw_w[machine])
            orders.append(Order(machine, Action.RESUME, 1, now, now + 30, draw, draw))
        after.touched[:] = False
    return Decision(tuple(orders), (), (), (), (), (), after)

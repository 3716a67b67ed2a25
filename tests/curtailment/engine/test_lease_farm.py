"""M11: the server dies in the middle, and every machine ends in the safe state of its contract in time."""

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from curtailment.engine.values import PlanNow, Rules
from hosting.engine.leasing import keeping
from hosting.engine.leasing.document import Safe
from tests.curtailment.engine import lease_farm
from tests.curtailment.engine.lease_device import Device
from tests.curtailment.engine.lease_farm import BEAT, START, STEP, Judge, Server, Setting, Steel, setting_of

NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
FIRST = int(os.environ.get("HASHINSIGHT_SEED", "20261120"))
SEEDS = 300 if NIGHTLY else 12


class Run:
    """One run: a plan over most of the site, a server that dies while it runs, and time enough to be back."""

    limits = False  # whether machines are throttled as well

    def __init__(self, setting: Setting) -> None:
        self.setting, self.judge = setting, Judge()
        steel = self.steel = Steel(setting)
        dice = self.dice = np.random.default_rng(setting.seed)
        total, largest = int(steel.draw_w.sum()), int(steel.draw_w.max())
        self.rules = Rules(
            step_s=STEP, down_w=total // 4, up_w=max(total // 8, largest * (setting.devices + 1)),
            group_up_w=max(2 * largest, total // 10), retry_s=300.0,
        )  # fmt: skip
        order = np.argsort(steel.rank)[: int(steel.n * 0.8)]
        begin = START + 3 * STEP
        plan = PlanNow(1, begin, begin + setting.plan_s, order, int(steel.draw_w[order].sum() * 0.8), shared=True)
        other = np.flatnonzero(dice.random(steel.n) < 0.3)  # begins and ends in between, so that shares change
        second = PlanNow(
            2, begin + 9 * STEP, begin + 21 * STEP, other, int(steel.draw_w[other].sum() * 0.9), shared=True
        )
        self.server = Server(steel, self.planned([second, plan]), self.rules)
        parts = sorted(set(steel.part.tolist()) - {0})
        self.devices = [Device(part, steel, self.server, self.judge, np.random.default_rng((setting.seed, part)))
                        for part in parts]  # fmt: skip
        self.dies_at = begin + float(dice.uniform(0.05, 0.95)) * setting.plan_s if setting.server_dies else 1e12
        self.back_at = self.dies_at + float(dice.uniform(1, 25)) * STEP if setting.comes_back else 1e12
        self.switch = (begin + 600, begin + 900) if setting.kill_switch else (1e12, 1e12)
        self.off_w: dict[tuple[int, bool], int] = {}  # the most that was off since its lease ended: all, or who runs

    def planned(self, plans: list[PlanNow]) -> list[PlanNow]:
        """As they are; others may change them."""
        return plans

    def whole(self) -> Judge:
        """Until everybody should be back, then the verdict."""
        end = START + self.setting.plan_s + (30 + 60) * 60
        for beat in range(int((end - START) / BEAT)):
            now = START + beat * BEAT
            self.steel.pass_time(now)
            alive = not self.dies_at <= now < self.back_at
            if alive:
                frozen = self.switch[0] <= now < self.switch[1]
                self.server.step(now, frozen=frozen, problems=self.judge.problems)
            for device in self.devices:
                if self.dice.random() < 0.002:
                    device.cut_until = now + float(self.dice.integers(1, 12)) * STEP
                device.beat(now, server=alive)
            self.judge.most_off = max(self.judge.most_off, int((self.steel.was_on & ~self.steel.on).sum()))
            self.judge.most_low = max(self.judge.most_low, int(self.steel.low.sum()))
            for device in self.devices:
                self._look(device, now)
                if not alive and not device.memory.frozen:
                    self._in_time(device, now)
        self._verdict()
        return self.judge

    def _off(self, device: Device) -> Any:
        steel = self.steel
        return (steel.part == device.part) & steel.was_on & (~steel.on | steel.low)

    def _look(self, device: Device, now: float) -> None:
        """How much it has to bring back: what is off when its lease ends (the server may live on), or later."""
        for runs in (True, False):
            some = self._off(device) & self.steel.runs if runs else self._off(device)
            watts, key = int(self.steel.draw_w[some].sum()), (device.part, runs)
            self.off_w[key] = watts if now <= device.end else max(self.off_w.get(key, 0), watts)

    def _in_time(self, device: Device, now: float) -> None:
        """T: end of the lease, what the contract allows, the ramp, two steps; and what happened to it or its device."""
        steel, mine = self.steel, self.steel.part == device.part
        share = device.memory.lease.ramp.up_w if device.memory.lease is not None else 1
        ramps = {runs: self._ramp_steps(self.off_w[device.part, runs], mine, share) for runs in (True, False)}
        for machine in np.flatnonzero(self._off(device)).tolist():
            ramp = ramps[bool(steel.runs[machine])]
            if self.limits:  # it is started, seen running, and lifted then
                ramp = 2 * ramp + 3
            allowed = device.end + steel.safe_s[machine] + (ramp + 2) * STEP + device.away_s
            trouble = 4 * STEP * steel.losses[machine] + device.away_s + 30 * STEP * device.rebooted
            for until in (steel.hot_until[machine], steel.cut_until[machine]):
                allowed = max(allowed, until + (ramp + 2) * STEP)
            if now > allowed + trouble + 2 * BEAT and device.end > 0:
                self.judge.late += 1

    def _ramp_steps(self, off_w: int, mine: Any, share: int) -> int:
        """Of what was off: a step holds at least its share less one machine, and a breaker likewise."""
        steel, largest = self.steel, int(self.steel.draw_w.max())
        whole = -(-off_w // max(largest, share - largest))
        zones = [
            -(-min(off_w, int(steel.draw_w[mine & (steel.zone == zone)].sum()))
              // max(largest, self.rules.group_up_w - largest))
            for zone in np.unique(steel.zone[mine])
        ]  # fmt: skip
        return max([whole, *zones])

    def _verdict(self) -> None:
        steel, judge = self.steel, self.judge
        handled = steel.part != 0 if self.setting.server_dies and not self.setting.comes_back else steel.part >= 0
        for device in self.devices:  # under a kill switch that nobody lifts everything stays as it is
            handled &= (steel.part != device.part) | (not device.memory.frozen)
        judge.left_off = int((steel.was_on & ~steel.on & handled).sum())
        judge.left_low = int((steel.low & handled).sum())
        judge.problems += steel.wrong
        if judge.left_low:
            judge.problems.append(f"I5: {judge.left_low} machines were left lower")
        if judge.left_off:
            judge.problems.append(f"I5: {judge.left_off} machines were left off")
        if judge.late:
            judge.problems.append(f"{judge.late} times a machine was off later than its contract allows")
        if (steel.on & ~steel.was_on).any():
            judge.problems.append("machines run that never ran")
        self._ramp(steel.started, self.rules.up_w, "the site")
        for zone in np.unique(steel.zone).tolist():
            some = [one for one in steel.started if steel.zone[one[1]] == zone]
            self._ramp(some, self.rules.group_up_w, f"breaker {zone}")

    def _ramp(self, started: list[tuple[float, int, int]], limit: int, whose: str) -> None:
        begin = total = 0
        for sent, _machine, watts in started:
            total += watts
            while started[begin][0] <= sent - STEP:
                total -= started[begin][2]
                begin += 1
            if total > limit:
                self.judge.problems.append(f"I4: {whose} took {total} W in a step, {limit} are allowed")
                return


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_every_machine_ends_in_its_safe_state_in_time(seed: int) -> None:
    judge = Run(setting_of(seed)).whole()
    print(f"seed {seed}", judge)
    assert judge.problems == []
    assert judge.most_off > 0


def test_the_storm_has_everything_in_it() -> None:
    judges = [Run(replace(setting_of(FIRST + n), restarts=0.03, lies=0.4, comes_back=False)).whole() for n in range(3)]
    assert min(one.restarts for one in judges) >= 10
    assert min(one.refused for one in judges) >= 10
    assert sum(one.alone for one in judges) >= 30


def test_control_a_device_that_waits_for_its_server_leaves_machines_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_return", lambda work: None)
    setting = Setting(FIRST, comes_back=False, kill_switch=False)
    judge = Run(setting).whole()
    assert judge.left_off > 10
    assert judge.late > 10
    assert Safe.RUN in set(Run(setting).steel.safe)


def test_control_without_shares_the_ramp_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may use all of the ramp, as if nobody else could be late."""
    monkeypatch.setattr(lease_farm, "next_shares", lambda total, parts, floors: dict.fromkeys(parts, total))
    judges = [Run(setting_of(FIRST + n)).whole() for n in range(6)]
    assert sum(any("I4" in one for one in judge.problems) for judge in judges) >= 2

"""Machines that devices throttle: losses, kills, power cuts, a server that dies, and all have what they had before."""

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from curtailment.engine.values import PlanNow
from hosting.engine.leasing.memory import Memory, from_json
from hosting.engine.leasing.work import Work
from tests.curtailment.engine import lease_device
from tests.curtailment.engine.lease_farm import Judge, Setting, setting_of
from tests.curtailment.engine.test_lease_farm import FIRST, Run

NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
SEEDS = 300 if NIGHTLY else 6


def throttled(seed: int) -> Setting:
    """The mixtures of the farm, with machines that forget what they were told, and now and then an older device."""
    dice = np.random.default_rng(seed + 5_000)
    return replace(
        setting_of(seed), forgets=float(dice.choice([0.0, 0.02, 0.1])), old=bool(dice.random() < 0.2), devices=2
    )


class LimitRun(Run):
    """Most of what the plans lower is throttled; the second one wants some of the same machines at another level."""

    limits = True

    def planned(self, plans: list[PlanNow]) -> list[PlanNow]:
        """Three quarters of the machines keep to a limit, a quarter is off."""
        steel = self.steel
        dice = np.random.default_rng(self.setting.seed + 30_000)
        found = []
        for plan in plans:
            draw = steel.draw_w[plan.order]
            level = (draw * dice.choice([0.5, 0.6, 0.75], len(draw))).astype(np.int64)
            level[dice.random(len(draw)) < 0.25] = 0
            found.append(replace(plan, level_w=level, target_w=int((draw - level).sum() * 0.8)))
        return found


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_nobody_is_left_lower_told_too_much_or_limited_without_a_lease(seed: int) -> None:
    judge = LimitRun(throttled(seed)).whole()
    print(f"seed {seed}", judge)
    assert judge.problems == []
    assert judge.most_low > 5


def _left(setting: Setting, count: int = 2) -> list[Judge]:
    return [LimitRun(replace(setting, seed=FIRST + n)).whole() for n in range(count)]


def test_the_storm_has_everything_in_it() -> None:
    setting = replace(throttled(FIRST), restarts=0.03, lies=0.4, comes_back=False, server_dies=True, kill_switch=False,
                      forgets=0.3, old=False)  # fmt: skip
    judges = _left(setting, 3)
    assert [one.problems for one in judges] == [[]] * 3
    assert min(one.restarts for one in judges) >= 10
    assert min(one.refused for one in judges) >= 10
    assert min(one.most_low for one in judges) >= 15
    assert sum(one.alone for one in judges) >= 30
    assert sum(one.again for one in judges) >= 1, "a contract that keeps machines down"


CALM_WEATHER = Setting(FIRST, comes_back=False, kill_switch=False, restarts=0.03)


def test_control_a_device_that_forgets_at_a_restart_what_machines_had_leaves_them_lower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forgetting(*args: Any, **kwargs: Any) -> Memory:
        memory = from_json(*args, **kwargs)
        memory.low = {}
        return memory

    monkeypatch.setattr(lease_device, "from_json", forgetting)
    assert min(judge.left_low for judge in _left(CALM_WEATHER)) > 0


def test_control_a_device_that_takes_our_own_limit_for_what_a_machine_had_leaves_it_lower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Work.limit

    def rereading(self: Work, machine: Any, verb: Any, watts: int, order: Any, seen: Any, *, moves_w: int) -> None:
        if verb.value == "limit":
            self.memory.low.pop(machine.id, None)
        real(self, machine, verb, watts, order, seen, moves_w=moves_w)

    monkeypatch.setattr(Work, "limit", rereading)
    assert sum(judge.left_low for judge in _left(replace(CALM_WEATHER, restarts=0.0))) > 0  # the first of 7 in 10


def test_control_a_device_that_waits_for_its_server_leaves_machines_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hosting.engine.leasing.levels.give_back", lambda work: None)
    (judge,) = _left(CALM_WEATHER, 1)
    assert judge.left_low > 5
    assert judge.late > 5

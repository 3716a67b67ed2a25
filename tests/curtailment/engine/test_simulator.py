"""T11: thousands of machines, many seeds, everything that goes wrong at once: no invariant is ever broken.

The real control decides under virtual time; what the machines do, and the judgement, are the simulator's own.
``HASHINSIGHT_FARM_SEEDS=first:last`` runs other seeds, ``HASHINSIGHT_FARM_MACHINES`` another size.
"""

import os
from collections import Counter
from dataclasses import replace

import pytest

from curtailment.engine.values import Action
from tests.curtailment.engine.farm import Judge, Run, fire_and_forget
from tests.curtailment.engine.limits_farm import LimitRun, unlimited_memory
from tests.curtailment.engine.machines import Setting, setting_of

NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
FIRST, LAST = (int(part) for part in os.environ.get("HASHINSIGHT_FARM_SEEDS", f"0:{500 if NIGHTLY else 50}").split(":"))
MACHINES = int(os.environ.get("HASHINSIGHT_FARM_MACHINES", "6000"))


def runs(first: int, last: int) -> list[Judge]:
    """All seeds; says on failure which seeds broke what."""
    return [Run(setting_of(seed, MACHINES)).whole() for seed in range(first, last)]


def test_no_invariant_is_broken_whatever_goes_wrong() -> None:
    found = runs(FIRST, LAST)
    assert {FIRST + n: one.problems[:3] for n, one in enumerate(found) if one.problems} == {}
    assert sum(one.left_off for one in found) == 0
    late = Counter(one.off_ticks is None or one.off_ticks > 2 for one in found)
    assert late[True] <= 0.05 * len(found), [one.off_ticks for one in found]
    # A run in which little was switched shows little; a clock set back before a plan that is withdrawn leaves nothing.
    assert sum(one.orders > MACHINES // 10 for one in found) >= 0.99 * len(found)


@pytest.mark.parametrize("seed", range(3))
def test_a_whole_site_is_struck_with_one_person_awake(seed: int) -> None:
    """An emergency needs no second person, and no ramp down; everybody comes back by the ramp."""
    setting = replace(setting_of(seed, MACHINES), whole_site=True, second_plan=False, doubled=False, withdrawn=False)
    done = Run(setting).whole()
    assert done.problems == []
    assert done.off_ticks is not None
    assert done.off_ticks <= 2
    assert done.orders > 2 * 0.9 * MACHINES


def test_other_topologies() -> None:
    """One breaker for all, and one for every few machines."""
    for groups in (1, 400):
        assert Run(replace(setting_of(7, MACHINES), groups=groups)).whole().problems == []


def test_control_whoever_fires_and_forgets_leaves_machines_off_and_breaks_the_ramp() -> None:
    calm = Setting(0, crash=0, outages=0, frozen_readings=0, reboots=0, broken=0, locked=0, hot=0, slow=0.0)
    judged = [Run(replace(calm, seed=seed, machines=600), control=fire_and_forget).whole() for seed in range(20)]
    assert sum(one.left_off > 0 for one in judged) >= 18, "2 % of the orders are lost"
    assert all(any(problem.startswith("I4") for problem in one.problems) for one in judged)


LIMIT_SEEDS = int(os.environ.get("HASHINSIGHT_LIMIT_SEEDS", "30" if NIGHTLY else "12"))


def test_no_invariant_is_broken_where_machines_are_throttled() -> None:
    """Nobody is left limited, nobody is lifted above what it had, the ramps count what a limit adds."""
    runs_ = [LimitRun(setting_of(seed, MACHINES)) for seed in range(FIRST, FIRST + LIMIT_SEEDS)]
    found = [run.whole() for run in runs_]
    assert {FIRST + n: one.problems[:3] for n, one in enumerate(found) if one.problems} == {}
    late = Counter(one.off_ticks is None or one.off_ticks > 2 for one in found)
    assert late[True] <= max(1, 0.05 * len(found)), [one.off_ticks for one in found]
    told = Counter(order.action for run in runs_ for _sent, order in run.farm.heard)
    assert min(told[one] for one in Action) > MACHINES // 20 * LIMIT_SEEDS, told


def test_control_whoever_forgets_what_limits_machines_had_leaves_them_limited() -> None:
    judged = [LimitRun(setting_of(seed, 600), control=unlimited_memory).whole() for seed in range(8)]
    assert sum(one.left_off > 0 for one in judged) >= 6

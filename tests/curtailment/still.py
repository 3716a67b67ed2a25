"""A ground of which some machines stand still or are silent."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from accounts.models import User
from curtailment.domain import plans
from curtailment.domain.planning import Preview, preview
from curtailment.models import CurtailmentPlan
from hosting.enums import TelemetryState
from hosting.models import Miner, MinerLatest
from tests.curtailment.site import WATTS, Ground

KW = Decimal(WATTS) / 1000
STILL = "stand still, or give no answer"


def read(
    ground: Ground, miners: Iterable[Miner], state: TelemetryState, *, minutes: float = 1, answered: float | None = None
) -> None:
    """What was read of machines so many minutes ago; ``answered``: minutes since the last answer, where it is older."""
    mines, when = state == TelemetryState.MINING, ground.now - timedelta(minutes=minutes)
    heard = when if answered is None else ground.now - timedelta(minutes=answered)
    for one in miners:
        silent = state == TelemetryState.UNREACHABLE
        MinerLatest.objects.update_or_create(
            miner=one,
            defaults={
                "recorded_at": when, "received_at": when, "answered_at": heard, "state": state,
                "power_w": None if silent else WATTS if mines else 15,
                "hashrate_ths": None if silent else 100 if mines else 0,
            },
        )  # fmt: skip
        ground.farm.machines[str(one.pk)].on = mines
        ground.farm.machines[str(one.pk)].silent = silent


def half(ground: Ground, state: TelemetryState = TelemetryState.IDLE) -> list[Miner]:
    """Every other machine stands, the rest runs, read a minute ago."""
    still = ground.miners[1::2]
    read(ground, ground.miners[::2], TelemetryState.MINING)
    read(ground, still, state)
    return still


def plan_of(ground: Ground, by: User | None, machines: Decimal | int, **fields: Any) -> CurtailmentPlan:
    """A plan that waits."""
    given: dict[str, Any] = {
        "cause": "grid", "reason": "called", "goal": "by", "goal_kw": KW * machines, "selection": "efficiency",
        "starts_at": ground.now, "ends_at": ground.now + timedelta(minutes=30),
    }  # fmt: skip
    return plans.create_plan(site=ground.site, by=by, at=ground.now, **{**given, **fields})


def seen_of(ground: Ground, plan: CurtailmentPlan) -> Preview:
    """Its dry run."""
    return preview(plans.wish_of(plan), at=ground.now)


def load(ground: Ground) -> Decimal:
    """What the machines really draw."""
    return KW * sum(fake.on and not fake.silent for fake in ground.farm.machines.values())


def left_out(seen: Preview) -> int:
    """How many stand, by the dry run."""
    return dict(seen.excluded).get(STILL, 0)

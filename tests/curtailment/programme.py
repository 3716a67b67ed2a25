"""A programme over a ground, its signed messages, and standing approvals that let it act."""

import json
import os
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import User
from curtailment.domain import plans
from curtailment.domain.dispatch import dispatches, programmes
from curtailment.domain.dispatch.dispatches import Heard, receive
from curtailment.engine.dispatching import Call
from curtailment.enums import Cause, DispatchSource
from curtailment.models import (
    CurtailmentPlan,
    Dispatch,
    DispatchMessage,
    Programme,
    ProgrammeCommitment,
    StandingApproval,
)
from hashinsight.notify.engine import signing
from hosting.enums import TelemetryState
from hosting.models import MinerLatest, Site
from tests import factories
from tests.curtailment.site import WATTS, Ground

KW = Decimal(WATTS) / 1000


def make_programme(root: User, site: Site, *, kw: int = 14, name: str = "ERS", **fields: Any) -> Programme:
    """Committed at one site, at all hours, from this year on."""
    now = timezone.now()
    commitment = {one: fields.pop(one) for one in ("reserve_kw", "hours", "valid_from", "valid_to") if one in fields}
    made = programmes.create_programme(by=root, at=now, name=name, **{"ramp_seconds": 600, **fields})
    ProgrammeCommitment.objects.create(
        programme=made, site=site, kw=Decimal(kw), **{"valid_from": date(2026, 1, 1), **commitment}
    )
    return made


def let_act(site: Site, root: User, *, cause: str = Cause.DISPATCH, kw: int = 10_000) -> StandingApproval:
    """Two people have signed."""
    row = StandingApproval.objects.create(
        site=site, cause=cause, most_kw=kw, time_from=time(0), time_to=time(0), valid_from=date(2020, 1, 1),
        valid_until=date(2035, 1, 1),
    )  # fmt: skip
    now = timezone.now()
    plans.sign_standing(row, by=root, at=now)
    return plans.sign_standing(row, by=factories.UserFactory(is_staff=True), at=now)


def post(
    programme: Programme, body: dict[str, Any] | bytes, *, message_id: str | None = None, secret: str | None = None,
    at: Any = None, **headers: str,
) -> Any:  # fmt: skip
    """A signed message at the door."""
    cache.clear()
    raw = body if isinstance(body, bytes) else json.dumps(body, default=str).encode()
    moment = int((at or timezone.now()).timestamp())
    name = message_id or os.urandom(8).hex()
    signed = signing.headers([secret or programme.reveal_secret()], message_id=name, timestamp=moment, body=raw)
    return Client(raise_request_exception=False).post(
        f"/api/v1/dispatches/{programme.public_id}/", raw, content_type="application/json",
        headers={**signed, **headers},
    )  # fmt: skip


def hours(count: float) -> timedelta:
    """So many."""
    return timedelta(hours=count)


def all_read(ground: Ground) -> None:
    """Each machine is read to mine, just now: their load is known."""
    MinerLatest.objects.bulk_create(
        MinerLatest(
            miner=one, recorded_at=ground.now, received_at=ground.now, state=TelemetryState.MINING, power_w=WATTS
        )
        for one in ground.miners
    )


# --- dispatches over a ground whose clock is turned by hand -----------------------------------------------------
def call(ground: Ground, **fields: Any) -> Call:
    """Half an hour, from now on."""
    what = {"starts_at": ground.now, "ends_at": ground.now + timedelta(minutes=30), **fields}
    return Call(what.pop("dispatch_id", "D-1"), **what)


def hear(programme: Programme, ground: Ground, said: Call) -> DispatchMessage:
    """By whatever way."""
    return receive(programme, heard(said), at=ground.now)[0]


def heard(said: Call) -> Heard:
    """A message that says so."""
    return Heard(said, DispatchSource.WEBHOOK, repr(said))


def step(ground: Ground, count: int = 1) -> None:
    """Time goes by: dispatches first, then machines."""
    for _ in range(count):
        ground.now += timedelta(minutes=1)
        dispatches.follow(ground.now)
        ground.tick(0)


def the() -> Dispatch:
    """The only one."""
    return Dispatch.objects.get()


def plans_of(row: Dispatch) -> list[tuple[Any, ...]]:
    """Their states, powers and times in minutes of the start."""
    rows = CurtailmentPlan.objects.filter(source_key__startswith=row.key).order_by("pk")
    return [(plan.status, plan.goal_kw, plan.starts_at, plan.ends_at) for plan in rows]

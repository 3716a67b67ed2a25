"""What each machine of a site draws, and who stands still: by its newest reading, by its health, else as printed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from curtailment.enums import RUNNING, UNFINISHED, MachineResult
from curtailment.models import ControlledMachine, CurtailmentPlanMiner
from hosting.engine.health import patience_s
from hosting.enums import MinerHealth, MinerIntent, TelemetryState
from hosting.models import Miner, Site

READ_WITHIN = timedelta(minutes=10)  # an older figure of power says nothing of now
STILL = (TelemetryState.PAUSED, TelemetryState.IDLE, TelemetryState.FAULT)
SILENT = (MinerHealth.OFFLINE, MinerHealth.LOST)
ALONE = timedelta(days=1)  # not heard of for so long while all around it are: its health is not known any more
ENOUGH_READ = Decimal("0.9")  # of the power meant to run
DRAW_COLUMNS = (
    "health", "nameplate_w", "power_limit_w", "model__hashrate_ths", "model__power_w", "site__collection_interval_s",
    "latest__recorded_at", "latest__answered_at", "latest__state", "latest__power_w", "latest__hashrate_ths",
    "control__touched", "control__earlier_w", "control__sent_at", "control__plan__status",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draw:
    """Watts and TH/s of a machine when it runs; ``stands``: it does not, and not by our doing.

    ``is_known``: a reading of the last minutes says so, that it stands, or that it is as we keep it.
    """

    watts: int
    ths: float
    stands: bool
    is_known: bool


def meant_to_run(site: Site) -> QuerySet[Miner]:
    """Machines of a site that run, or would if we had not switched them off."""
    kept_off = Q(intent=MinerIntent.CURTAILED, control__touched=True)
    return Miner.objects.filter(Q(intent=MinerIntent.ACTIVE) | kept_off, site=site)


def draw_of(row: Mapping[str, Any], *, at: datetime) -> Draw:
    """Of a machine by its ``DRAW_COLUMNS``: as measured a moment ago, else as printed."""
    read_at = row["latest__recorded_at"]
    is_new = read_at is not None and at - READ_WITHIN <= read_at <= at
    fresh = is_new and row["latest__state"] == TelemetryState.MINING  # one that starts will draw more in a moment
    printed = row["power_limit_w"] or row["nameplate_w"] or row["model__power_w"] or 0
    watts = row["latest__power_w"] if fresh and row["latest__power_w"] else printed
    ths = row["latest__hashrate_ths"] if fresh else None
    stands = _stands(row, at)
    known = stands or (fresh and row["latest__power_w"] is not None) or (is_new and _in_hand(row))
    return Draw(int(watts), float(ths if ths is not None else row["model__hashrate_ths"] or 0), stands, known)


def _stands(row: Mapping[str, Any], at: datetime) -> bool:
    """Whether a machine that should run is known not to; nobody looked is not known.

    What we keep off or have just told to run is as good as running, and so is what was never read. What gives no answer
    and is still in our hands when its plan is over is dead.
    """
    read_at, told_at = row["latest__recorded_at"], row["control__sent_at"]
    if read_at is None:
        return False
    state = row["latest__state"]
    patience = max(READ_WITHIN, timedelta(seconds=patience_s(float(row["site__collection_interval_s"]))))
    is_new = at - patience <= read_at <= at
    if _in_hand(row):
        answered = row["latest__answered_at"]
        silent = state == TelemetryState.UNREACHABLE and (answered is None or answered < at - patience)
        return is_new and silent and row["control__plan__status"] not in RUNNING
    if told_at is not None and told_at >= read_at:
        return False  # what was read before our order says nothing of now
    if is_new and state != TelemetryState.UNREACHABLE:
        return state in STILL
    return row["health"] in SILENT or (row["health"] == MinerHealth.UNKNOWN and at - read_at > ALONE)


def _in_hand(row: Mapping[str, Any]) -> bool:
    return bool(row["control__touched"]) or row["control__earlier_w"] is not None


def unlimited(site: Site) -> dict[int, tuple[int, float]]:
    """Draw and hashrate that machines had before a limit which we hold them at now: of the plans that hold them."""
    kept = ControlledMachine.objects.filter(site=site, earlier_w__isnull=False)
    rows = CurtailmentPlanMiner.objects.filter(plan__status__in=UNFINISHED, miner__in=kept.values("miner"))
    found = rows.exclude(result=MachineResult.RESERVE).order_by("draw_w", "pk")
    return {pk: (draw, float(ths or 0)) for pk, draw, ths in found.values_list("miner_id", "draw_w", "hashrate_ths")}


def load_kw(site: Site, *, at: datetime) -> Decimal | None:
    """What the machines of a site draw by their readings, with what we keep off; None where too few were read.

    It is what plans reckon from, between *reduce to* and *reduce by*. What few machines do not say is taken as printed.
    """
    before = unlimited(site)
    known_w = whole_w = load_w = 0
    for row in meant_to_run(site).values("pk", *DRAW_COLUMNS):
        draw = draw_of(row, at=at)
        watts = before.get(row["pk"], (draw.watts, draw.ths))[0]
        whole_w += watts
        known_w += watts if draw.is_known else 0
        load_w += 0 if draw.stands else watts
    return Decimal(load_w) / 1000 if whole_w and known_w >= ENOUGH_READ * whole_w else None

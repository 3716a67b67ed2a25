"""What is kept of machines beside their rows of now: placements, the log, the facts told to others.

Only the verbs in ``hosting.domain`` call this, under the locks they hold.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hashinsight.common.context import current_request_id
from hashinsight.events.domain import Fact, publish_many
from hosting.enums import Operation
from hosting.models import Miner, MinerOperation, MinerOwnership, MinerPlacement

BATCH = 1000


def move_placements(miners: Sequence[Miner], spot: Any, at: datetime) -> None:
    """Note where machines stand from a moment on, at ``spot`` (site, zone, rack, slots by id)."""
    close_placements([miner.pk for miner in miners], at)
    slots = spot.slots or {}
    MinerPlacement.objects.bulk_create(
        [
            MinerPlacement(
                miner=miner, site=spot.site, zone=spot.zone, rack=spot.rack, slot=slots.get(miner.pk),
                valid_from=at, created_at=at,
            )
            for miner in miners
        ],
        batch_size=BATCH,
    )  # fmt: skip


def close_placements(ids: Sequence[int], at: datetime) -> None:
    """Note that machines stand there no longer."""
    latest = MinerPlacement.objects.filter(miner__in=ids, valid_to__isnull=True)
    latest.filter(valid_from__gte=at).delete()  # placed twice in one moment: the second counts
    latest.update(valid_to=at)


def log(miners: Sequence[Miner], operation: Operation, *, by: Any, at: datetime, details: str = "") -> None:
    """One line in the log of each machine."""
    MinerOperation.objects.bulk_create(
        [
            MinerOperation(
                miner=miner, operation=operation, performed_by=by if getattr(by, "pk", None) else None,
                details=details, request_id=current_request_id() or "", performed_at=at,
            )
            for miner in miners
        ],
        batch_size=BATCH,
    )  # fmt: skip


def tell(miners: Sequence[Miner], kind: str, by: Any) -> None:
    """One event for each machine, in one statement."""
    publish_many(
        kind,
        aggregate_type="miner",
        facts=[
            Fact(
                miner.public_id,
                {
                    "miner_id": str(miner.public_id),
                    "serial": miner.serial,
                    "intent": str(miner.intent),
                    "site_id": str(miner.site.public_id) if miner.site else None,
                },
                customer_id=miner.customer_id,
            )
            for miner in miners
        ],
        user_id=getattr(by, "pk", None),
    )


def histories_that_differ() -> list[Miner]:
    """Machines whose present place or owner is not what their histories say; empty when all is well."""
    placed = MinerPlacement.objects.filter(valid_to__isnull=True)
    owned = MinerOwnership.objects.filter(valid_to__isnull=True)
    now_placed = {row.miner_id: (row.site_id, row.zone_id, row.rack_id, row.slot) for row in placed.iterator()}
    now_owned = dict(owned.values_list("miner_id", "customer_id").iterator())
    return [
        miner
        for miner in Miner.objects.order_by("pk").iterator()
        if now_placed.get(miner.pk, (None,) * 4) != (miner.site_id, miner.zone_id, miner.rack_id, miner.slot)
        or now_owned.get(miner.pk) != miner.customer_id
    ]

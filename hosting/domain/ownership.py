"""What a change of owner touches beside the histories, in one place and in one order.

``fleet.assign_miners`` follows it in its own transaction, with the stamping lock, the sites and the machines in hand. A
change may be back-dated, and each part renews what it holds of these machines from then on by the ownerships as they
are now; so to follow twice changes no more. No two parts write the same table (a test looks): the order is that in
which rows are locked, and usage comes last because whoever reckons it finds all the rest in place.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from hosting.domain.miner_secrets import rebind
from hosting.domain.stamping import restamp_readings
from hosting.domain.usage_marks import mark_owners
from hosting.models import MinerOwnership, RepairOrder


@dataclass(frozen=True)
class Touched:
    """One part: its name, the tables it writes, and how it renews them."""

    name: str
    tables: frozenset[str]
    renew: Callable[[Sequence[int], datetime], None]


def hold_new_repairs() -> None:
    """Wait until nobody orders a repair, and keep it so until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('repair', 0))")


def hold_repairs(miner_ids: Sequence[int]) -> None:
    """Lock the orders of machines before sites and machines, as whoever finishes one does; and none is added."""
    hold_new_repairs()
    list(RepairOrder.objects.select_for_update(of=("self",)).filter(miner__in=miner_ids).order_by("pk"))


def follow_repairs(miner_ids: Sequence[int], since: datetime) -> None:
    """Repair orders belong to whoever owned the machine when they began: else a stranger would read them."""
    orders = RepairOrder.objects.filter(miner__in=miner_ids, created_at__gte=since)  # locked by hold_repairs
    owned = MinerOwnership.objects.filter(miner__in=miner_ids)
    periods: dict[int, list[MinerOwnership]] = {}
    for row in owned:
        periods.setdefault(row.miner_id, []).append(row)
    for order in orders.order_by("pk"):
        owner = next(
            (row.customer_id for row in periods.get(order.miner_id, ()) if _holds(row, order.created_at)), None
        )
        if owner != order.customer_id:
            order.customer_id = owner
            order.save(update_fields=["customer"])


def _holds(row: MinerOwnership, at: datetime) -> bool:
    return row.valid_from <= at and (row.valid_to is None or row.valid_to > at)


TOUCHED = (
    Touched(
        "readings",
        frozenset({"hosting_telemetry", "hosting_minerlatest", "hosting_telemetry_5min", "hosting_rollupdue"}),
        restamp_readings,
    ),
    Touched("repairs", frozenset({"hosting_repairorder"}), follow_repairs),
    Touched("logins", frozenset({"hosting_minersecret"}), rebind),
    Touched("usage", frozenset({"hosting_usagedue"}), mark_owners),
)


def follow_owners(miner_ids: Sequence[int], since: datetime) -> None:
    """Bring everything in line with the owners machines have from a moment on."""
    for part in TOUCHED:
        part.renew(miner_ids, since)

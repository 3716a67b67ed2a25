"""Repairs: the machine is locked out for as long as they last, and not billed where the order says so.

What that means for usage stands in ``hosting.engine.usage``; here the quarter-hours are marked that a repair changes.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from crm.domain.texts import printable
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_for_move
from hashinsight.events.domain import publish
from hosting.domain import fleet
from hosting.domain.ownership import hold_new_repairs
from hosting.domain.usage_marks import hold_places, mark_pause
from hosting.enums import REPAIR_MOVES, MinerIntent, RepairKind, RepairStatus
from hosting.models import Miner, RepairOrder, Ticket
from hosting.models.miner import QUARTER_HOUR_S


class RepairRefused(DomainError):
    """The repair cannot be ordered or finished like this."""

    code = "repair_refused"


@transaction.atomic
def order_repair(
    miner: Miner,
    *,
    reason: str,
    by: Any,
    at: datetime,
    kind: str = RepairKind.ON_SITE,
    ticket: Ticket | None = None,
    vendor: str = "",
    rma_number: str = "",
    pauses_billing: bool = True,
) -> RepairOrder:
    """Order a repair: from now on nobody starts the machine, and (if so) it is not billed from this quarter-hour on.

    Raises ValidationError, and RepairRefused for a retired machine, one already in repair, or a foreign ticket.
    """
    hold_new_repairs()
    hold_places([miner.pk], stood_since=fleet.quarter_hour(at))
    current = Miner.objects.select_for_update(of=("self",)).get(pk=miner.pk)
    if current.intent == MinerIntent.RETIRED:
        raise RepairRefused(_("%(miner)s is retired.") % {"miner": current})
    if ticket is not None and ticket.customer_id not in (None, current.customer_id):
        raise RepairRefused(_("The ticket belongs to somebody else."))
    order = RepairOrder(
        number=int(RepairOrder.objects.aggregate(last=Max("number"))["last"] or 0) + 1, miner=current,
        customer_id=current.customer_id, ticket=ticket, kind=kind, reason=printable(reason)[:300], vendor=vendor,
        rma_number=rma_number, pauses_billing=pauses_billing, created_at=at,
        paused_from=fleet.quarter_hour(at) if pauses_billing else None,
    )  # fmt: skip
    order.full_clean()
    order.save()
    if order.paused_from is not None:
        mark_pause(order.miner_id, ordered_at=order.paused_from, since=order.paused_from)
    if current.intent != MinerIntent.MAINTENANCE:
        fleet.set_intent([current], to=MinerIntent.MAINTENANCE, by=by, at=at, reason=str(order))
    _publish(order, "repair.ordered", by)
    return order


@transaction.atomic
def move_repair(order: RepairOrder, *, to: str, by: Any, at: datetime) -> RepairOrder:
    """Sent in, or being repaired. Raises MoveRefused."""
    if to not in (RepairStatus.SENT, RepairStatus.IN_REPAIR):
        raise ValueError(f"{to} ends a repair: finish_repair does that")
    locked = lock_for_move(order, field="status", to=to, moves=REPAIR_MOVES)
    locked.status = to
    locked.save(update_fields=["status"])
    _publish(locked, "repair.changed", by)
    return locked.reload()


@transaction.atomic
def finish_repair(order: RepairOrder, *, to: str, outcome: str, by: Any, at: datetime) -> RepairOrder:
    """The machine is back, will not come back, or needed no repair.

    Billing goes on with the next quarter-hour; of a cancelled order nothing was paused, and what was left out is
    charged after all. A machine that is back is *paused*: starting it is a decision of its own. Raises MoveRefused, and
    RepairRefused for an end before the beginning.
    """
    if to not in (RepairStatus.RETURNED, RepairStatus.WRITTEN_OFF, RepairStatus.CANCELLED):
        raise ValueError(f"{to} does not end a repair")
    locked = lock_for_move(order, field="status", to=to, moves=REPAIR_MOVES)
    if at < locked.created_at:
        raise RepairRefused(_("A repair cannot be over before it was ordered."))
    locked.status, locked.finished_at, locked.outcome = to, at, printable(outcome)[:300]
    if locked.paused_from is not None:
        locked.paused_to = locked.paused_from if to == RepairStatus.CANCELLED else _next_quarter(at)
    with audit_context(reason=printable(outcome)):
        locked.save()
    hold_places([locked.miner_id], stood_since=fleet.quarter_hour(locked.created_at))
    current = Miner.objects.select_for_update(of=("self",)).get(pk=locked.miner_id)
    if to == RepairStatus.WRITTEN_OFF:
        if current.intent != MinerIntent.RETIRED:
            fleet.retire_miners([current], by=by, at=at, reason=outcome or str(locked))
    elif current.intent == MinerIntent.MAINTENANCE:
        fleet.set_intent([current], to=MinerIntent.PAUSED, by=by, at=at, reason=str(locked))
    if locked.paused_from is not None and locked.paused_to is not None:
        mark_pause(locked.miner_id, ordered_at=locked.paused_from, since=locked.paused_to)
    _publish(locked, "repair.finished", by)
    return locked.reload()


def _next_quarter(at: datetime) -> datetime:
    start = fleet.quarter_hour(at)
    return start if start == at else start + timedelta(seconds=QUARTER_HOUR_S)


def _publish(order: RepairOrder, kind: str, by: Any) -> None:
    publish(
        kind,
        aggregate_type="repair_order",
        aggregate_id=order.public_id,
        customer_id=None,
        user_id=getattr(by, "pk", None),
        payload={
            "repair_id": str(order.public_id), "miner_id": str(order.miner.public_id), "status": str(order.status),
        },
    )  # fmt: skip

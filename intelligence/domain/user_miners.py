"""Machines a person reckons with: entering, changing, maintaining, deleting. Each leaves an event."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_row
from hashinsight.events.domain.outbox import publish
from hosting.models import MinerModel
from intelligence.domain.portfolio import forget
from intelligence.models import UserMiner

MOST_PER_USER = 500
EASTERNMOST = timezone(timedelta(hours=14))  # where a day begins first


class UserMinerRefused(DomainError):
    """These machines cannot be kept or maintained like this."""

    code = "user_miner_refused"


@transaction.atomic
def create_user_miner(*, user: Any, miner_model: MinerModel, by: Any, at: datetime, **fields: Any) -> UserMiner:
    """Enter machines; figures that are not said are those of the model. Raises ValidationError, UserMinerRefused."""
    # Locked, so that two at once cannot both be the last that fits.
    type(user).objects.select_for_update(of=("self",)).get(pk=user.pk)
    if UserMiner.objects.filter(user=user).count() >= MOST_PER_USER:
        raise UserMinerRefused(_("One person keeps %(count)s entries at most.") % {"count": MOST_PER_USER})
    standard: dict[str, Any] = {
        "actual_hashrate_ths": miner_model.hashrate_ths, "actual_power_w": miner_model.power_w,
        "actual_price_usd": miner_model.list_price_usd or 0,
    }  # fmt: skip
    figures = {**standard, **{name: value for name, value in fields.items() if value is not None}}
    row = UserMiner(user=user, miner_model=miner_model, model_name=miner_model.name, created_at=at, **figures)
    row.original_hashrate_ths = row.actual_hashrate_ths
    row.full_clean()
    with audit_context(actor=by):
        row.save()
    _tell("created", row)
    return row.reload()


@transaction.atomic
def change_user_miner(row: UserMiner, *, changes: Mapping[str, Any], by: Any) -> UserMiner:
    """Edit columns; the hashrate it was entered with stays. Raises ValidationError."""
    locked = lock_row(row)
    if "miner_model" in changes:
        changes = {**changes, "model_name": changes["miner_model"].name}
    for name, value in changes.items():
        setattr(locked, name, value)
    locked.full_clean()
    if changes:
        with audit_context(actor=by):
            locked.save(update_fields=sorted(changes))
        _tell("changed", locked)
    return locked.reload()


@transaction.atomic
def maintain_user_miner(row: UserMiner, *, on: date, by: Any, at: datetime) -> UserMiner:
    """They were maintained on a day: it is noted and counted. Raises UserMinerRefused: before the last, to come."""
    locked = lock_row(row)
    if on > at.astimezone(EASTERNMOST).date():
        raise UserMinerRefused(_("This day is still to come."))
    if locked.last_maintenance_on is not None and on < locked.last_maintenance_on:
        raise UserMinerRefused(
            _("They were maintained on %(day)s already, which is later.")
            % {"day": locked.last_maintenance_on.isoformat()}
        )
    locked.last_maintenance_on = on
    locked.maintenance_count += 1
    locked.full_clean()
    with audit_context(actor=by):
        locked.save(update_fields=["last_maintenance_on", "maintenance_count"])
    _tell("changed", locked)
    return locked.reload()


@transaction.atomic
def delete_user_miner(row: UserMiner, *, by: Any) -> None:
    """Forget them."""
    locked = lock_row(row)
    _tell("deleted", locked)
    with audit_context(actor=by):
        locked.delete()


def _tell(what: str, row: UserMiner) -> None:
    forget(row.user_id)
    publish(
        f"user_miner.{what}",
        aggregate_type="user_miner",
        aggregate_id=row.public_id,
        payload={"user_miner_id": str(row.public_id), "quantity": row.quantity, "status": str(row.status)},
        user_id=row.user_id,
    )

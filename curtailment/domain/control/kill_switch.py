"""The kill switch: nobody's machine is switched any more, at a site or anywhere, until somebody releases it."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.domain.texts import printable
from curtailment.domain.control import leases
from curtailment.domain.planning import PlanRefused
from curtailment.models import KillSwitch
from hashinsight.common.transitions import lock_row
from hashinsight.events.domain import publish
from hosting.models import Site


@transaction.atomic
def set_switch(*, site: Site | None, reason: str, by: Any, at: datetime) -> KillSwitch:
    """From the next order on nothing is sent. Raises ValidationError where it is set already."""
    row = KillSwitch(site=site, reason=printable(reason)[:300], set_by=by, set_at=at, created_at=at)
    row.full_clean()
    row.save()
    leases.freeze(site)
    _tell(row, "curtailment.frozen", by)
    return row


@transaction.atomic
def release_switch(row: KillSwitch, *, by: Any, at: datetime) -> KillSwitch:
    """The control goes on with what is wanted now. Raises PlanRefused where it is released already."""
    locked = lock_row(row)
    if locked.released_at is not None:
        raise PlanRefused(_("It is released already."))
    locked.released_at, locked.released_by = at, by
    locked.save(update_fields=["released_at", "released_by"])
    leases.thaw(locked.site)
    _tell(locked, "curtailment.released", by)
    return locked.reload()


def _tell(row: KillSwitch, kind: str, by: Any) -> None:
    site_id = str(row.site.public_id) if row.site is not None else None
    publish(
        kind,
        aggregate_type="kill_switch",
        aggregate_id=row.public_id,
        payload={"site_id": site_id, "reason": row.reason},
        user_id=getattr(by, "pk", None),
    )

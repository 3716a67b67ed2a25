"""Ending the hold after a restore: what waits is shown, and what may have been sent already is not sent again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Min
from django.utils.translation import gettext as _

from hashinsight.common import hold
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.models import Incarnation
from hashinsight.common.transitions import lock_row
from hashinsight.events.consumers import EVERYTHING, Consumer, Lane, consumers_of
from hashinsight.events.models import OutboxEvent
from hashinsight.jobs.domain.work import set_aside
from hashinsight.jobs.enums import WorkState
from hashinsight.jobs.models import DueWork

# What a sink is still to have counts as had: it may have been handed over after the moment the backup shows. A
# person can have it handed over again, chosen by time, from the page of replays.
_COUNT_AS_HAD = """
INSERT INTO events_inboxentry (event_id, consumer_group, processed_at)
SELECT o.event_id, %s, %s FROM events_outboxevent o
 WHERE o.created_at < %s AND o.status IN ('pending', 'held') AND (%s OR o.kind = ANY (%s))
    ON CONFLICT (event_id, consumer_group) DO NOTHING
"""


class NotHeld(DomainError):
    """There is nothing to release."""

    code = "not_held"


@dataclass(frozen=True)
class Waiting:
    """One line of what would happen: how many of a kind wait, since when, and whether from before the restore."""

    what: str
    count: int
    oldest_at: datetime | None
    is_old: bool


def waiting(life: Incarnation) -> list[Waiting]:
    """Everything outward that waits, by kind; old is what was asked for before this life began."""
    rows = (
        DueWork.objects.filter(state__in=[WorkState.PENDING, WorkState.CLAIMED])
        .exclude(kind__in=hold.inward_kinds())
        .order_by()
    )
    found: list[Waiting] = []
    for is_old, part in (
        (True, rows.filter(created_at__lt=life.began_at)),
        (False, rows.filter(created_at__gte=life.began_at)),
    ):
        for row in part.values("kind").annotate(count=Count("pk"), oldest=Min("created_at")).order_by("kind"):
            found.append(Waiting(row["kind"], row["count"], row["oldest"], is_old))
    for sink in consumers_of(Lane.SINK):
        events = _events_for(sink).filter(created_at__lt=life.began_at)
        counted = events.aggregate(count=Count("pk"), oldest=Min("created_at"))
        if counted["count"]:
            found.append(
                Waiting(_("events for %(group)s") % {"group": sink.group}, counted["count"], counted["oldest"], True)
            )
    return found


def _events_for(sink: Consumer) -> Any:
    events = OutboxEvent.objects.filter(status__in=["pending", "held"]).order_by()
    return events if sink.kinds == EVERYTHING else events.filter(kind__in=sink.kinds)


@transaction.atomic
def release_hold(
    life: Incarnation, *, by: Any, at: datetime, reason: str, send_old: Collection[str] = ()
) -> dict[str, int]:
    """Let the house act again; returns what was set aside. Raises NotHeld.

    Outward work from before this life is set aside as failed, so that a person looks at each and may try it again,
    except for the kinds in ``send_old``; events from before count as had by the sinks. All later things go their way.
    """
    locked = lock_row(life)
    if not locked.is_current or not locked.is_held:
        raise NotHeld(_("Nothing is held: this database may act already."))
    why = _("Set aside after a restore on %(at)s: it may have happened already.") % {
        "at": f"{locked.began_at:%Y-%m-%d %H:%M}"
    }
    with audit_context(actor=by, reason=reason):
        work = set_aside(kinds_kept=send_old, before=locked.began_at, why=why)
        events = sum(_count_as_had(sink, before=locked.began_at, at=at) for sink in consumers_of(Lane.SINK))
        locked.released_at, locked.released_by, locked.reason = at, str(by)[:254], reason[:200]
        locked.save(update_fields=["released_at", "released_by", "reason"])
    return {"work": work, "events": events}


def _count_as_had(sink: Consumer, *, before: datetime, at: datetime) -> int:
    everything = sink.kinds == EVERYTHING
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_AS_HAD, [sink.group, at, before, everything, sorted(sink.kinds)])
        return int(cursor.rowcount)

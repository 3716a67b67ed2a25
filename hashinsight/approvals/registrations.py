"""What approvals make known at start: events, the job that ends old requests, a tile."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hashinsight.approvals.domain.queries import waiting_by_kind
from hashinsight.common.tiles import Tile, register_tile
from hashinsight.events.registry import EventKind
from hashinsight.events.registry import register as register_kind
from hashinsight.jobs.registry import PeriodicJob, register_job

_REQUEST = {
    "approval_id": "string",
    "action": "string",
    "object": "string",
    "state": "string",
    "amount": "string?",
    "currency": "string?",
}
EVENT_KINDS = [
    EventKind("approval.requested", "Somebody asked for an act that a second person decides.", _REQUEST),
    EventKind("approval.decided", "A request was approved, rejected, withdrawn, or has expired.", _REQUEST),
]


def waiting() -> Mapping[str, Any]:
    """Requests that wait, by kind."""
    found = waiting_by_kind()
    total = sum(count for _title, count in found)
    return {
        "big": total,
        "noun": ngettext("request waits", "requests wait", total),
        "bad": False,
        "rows": [{"label": title, "count": count} for title, count in found],
        "url": f"{reverse('admin:approvals_approvalrequest_changelist')}?waiting=me",
        "empty": _("Nothing waits."),
    }


def register() -> None:
    """Called once from ``ready()``."""
    for kind in EVENT_KINDS:
        register_kind(kind)
    register_job(
        PeriodicJob(
            name="approvals.expire_requests",
            task="approvals.expire_requests",
            every=timedelta(hours=1),
            description=gettext_lazy("Ends requests for approval that nobody decided in time."),
            grace=timedelta(minutes=15),
        )
    )
    register_tile(
        Tile(
            "approvals.waiting",
            gettext_lazy("Waiting for approval"),
            "approvals.view_approvalrequest",
            "admin/house/tiles/number.html",
            waiting,
            25,
            1,
        )
    )

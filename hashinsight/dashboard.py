"""The start page: tiles of all apps with real numbers, and those of the machinery itself."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.tiles import Tile, register_tile, tiles_for
from hashinsight.jobs.domain.status import all_job_states
from hashinsight.jobs.enums import WorkState
from hashinsight.jobs.models import DueWork


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the tiles this person may see; named in ``UNFOLD["DASHBOARD_CALLBACK"]``."""
    context["tiles"] = [{"tile": tile, **tile.numbers()} for tile in tiles_for(request.user)]
    return context


def failed_work() -> Mapping[str, Any]:
    """What was given up, by kind."""
    failed = DueWork.objects.filter(state=WorkState.FAILED).values("kind").annotate(count=Count("pk")).order_by("kind")
    rows = [{"label": row["kind"], "count": row["count"]} for row in failed]
    count = sum(row["count"] for row in rows)
    return {
        "big": count,
        "bad": count > 0,
        "rows": rows,
        "url": f"{reverse('admin:jobs_duework_changelist')}?state__exact=failed",
        "empty": "" if count else _("Nothing failed."),
    }


def job_runs() -> Mapping[str, Any]:
    """Each job with its last run; late ones first, in red."""
    runs = reverse("admin:jobs_jobrun_changelist")
    return {
        "rows": [
            {
                "name": status.job.name,
                "description": status.job.description,
                "started_at": status.last.started_at if status.last else None,
                "heartbeat_at": status.last.heartbeat_at if status.last else None,
                "state": status.last.get_state_display() if status.last else "",
                "is_late": status.is_late,
                "is_failed": status.is_failed,
                "url": f"{runs}?job={status.job.name}",
            }
            for status in all_job_states(at=timezone.now())
        ]
    }


register_tile(
    Tile(
        "jobs.failed",
        gettext_lazy("Failed work"),
        "jobs.view_duework",
        "admin/house/tiles/number.html",
        failed_work,
        70,
        1,
    )
)
register_tile(
    Tile(
        "jobs.runs",
        gettext_lazy("Last runs of jobs"),
        "jobs.view_jobrun",
        "admin/house/tiles/jobs.html",
        job_runs,
        80,
        2,
    )
)

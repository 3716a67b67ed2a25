"""The start page: tiles of all apps with real numbers, and those of the machinery itself."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hashinsight.common.tiles import Tile, register_tile, tiles_for
from hashinsight.events.domain import queries as events
from hashinsight.jobs.admin.words import jobs_in_words
from hashinsight.jobs.domain.status import JobStatus, all_job_states
from hashinsight.jobs.enums import WorkState
from hashinsight.jobs.models import DueWork

SHOWN_JOBS = 6


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
        "noun": ngettext("job given up", "jobs given up", count),
        "bad": count > 0,
        "rows": rows,
        "url": f"{reverse('admin:jobs_duework_changelist')}?state__exact=failed",
        "empty": "" if count else _("Nothing failed."),
    }


LATE_SECONDS = 60  # an event that waits longer is worth a red figure


def event_lag() -> Mapping[str, Any]:
    """How long the oldest event waits for somebody, what waits, what was given up, whether a relay is there."""
    now = timezone.now()
    lag = events.lag(at=now)
    silent = events.lanes_without_relay(at=now)
    seconds = round(lag.oldest_unsent_seconds)
    rows = [
        {"label": _("waiting for the relay"), "count": _counted(lag.pending)},
        *({"label": _("held for %(group)s") % {"group": group}, "count": n} for group, n in lag.held.items()),
        {"label": _("dead letters"), "count": lag.dead_letters},
        *({"label": _("no relay at work (%(lane)s)") % {"lane": lane}, "count": "!"} for lane in silent),
    ]
    return {
        "big": seconds,
        "noun": ngettext("second behind", "seconds behind", seconds),
        "bad": bool(seconds > LATE_SECONDS or lag.dead_letters or silent),
        "rows": rows,
        "url": reverse(
            "admin:events_deadletter_changelist" if lag.dead_letters else "admin:events_outboxevent_changelist"
        ),
        "empty": "",
    }


def _counted(pending: int) -> str:
    return f"> {events.COUNTED - 1}" if pending >= events.COUNTED else str(pending)


def job_runs() -> Mapping[str, Any]:
    """Each job with its last run; ``shown`` are those in trouble, all of them, and those that began last."""
    states = all_job_states(at=timezone.now())
    troubled = [status for status in states if not status.is_well]
    well = sorted((status for status in states if status.is_well), key=_began, reverse=True)
    shown = [*troubled, *well[: max(0, SHOWN_JOBS - len(troubled))]]
    return {
        "rows": jobs_in_words(states), "shown": jobs_in_words(shown),
        "url": reverse("admin:jobs_jobrun_overview"),
    }  # fmt: skip


def _began(status: JobStatus) -> float:
    return status.last.started_at.timestamp() if status.last and status.last.started_at else 0.0


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
        "events.lag",
        gettext_lazy("Events"),
        "events.view_outboxevent",
        "admin/house/tiles/number.html",
        event_lag,
        75,
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
        4,
        stale_after=frozenset({"job"}),
    )
)

"""Due work of intelligence. Safe to run twice, safe to kill."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from hashinsight.common.errors import DomainError
from hosting.models import Site
from intelligence.domain.schedule_scoring import score_run
from intelligence.domain.scheduling import plan_day
from intelligence.models import ScheduleRun


def work_on_day(payload: Mapping[str, Any], finish: Callable[[], bool]) -> None:
    """Plan one local day of one site; a day that cannot be planned any more is left alone."""
    site = Site.objects.get(pk=payload["site_id"])
    by = get_user_model().objects.filter(pk=payload["user_id"]).first() if payload.get("user_id") else None
    try:
        plan_day(site, date.fromisoformat(payload["on"]), at=timezone.now(), by=by, and_then=finish)
    except DomainError:
        finish()


def work_on_score(payload: Mapping[str, Any], finish: Callable[[], bool]) -> None:
    """Complete one schedule whose day is over; one that was replaced or is gone meanwhile is left alone."""
    run = ScheduleRun.objects.filter(pk=payload["run_id"]).first()
    with transaction.atomic():
        if run is not None:
            try:
                with transaction.atomic():
                    score_run(run, at=timezone.now())
            except DomainError:
                pass
        finish()

"""Tasks of notifications: thin, safe to run twice."""

import logging
from typing import Any

from celery import shared_task
from django.utils import timezone

from hashinsight.jobs.models import JobRun
from hashinsight.jobs.periodic import run_periodic
from hashinsight.notify.domain.watching import watch
from hashinsight.notify.registry import watches

logger = logging.getLogger(__name__)


@shared_task(name="notify.watch")
def watch_house() -> dict[str, Any] | None:
    """Every minute: look at everything that is watched."""
    return run_periodic("notify.watch", _watch)


def _watch(run: JobRun) -> dict[str, Any]:
    """One watch that fails never keeps the others from looking; the run then fails at its end."""
    found: dict[str, Any] = {}
    errors: list[Exception] = []
    for kind, look in watches():
        try:
            found[kind] = watch(kind, look, at=timezone.now())
        except Exception as error:
            logger.exception("the watch for %s failed", kind)
            errors.append(error)
    if errors:
        raise errors[0]
    return found

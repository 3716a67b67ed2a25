"""Tasks of the sealed history: thin, safe to run twice."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from hashinsight.audit.domain.sealing import seal_all
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.periodic import run_periodic


@shared_task(name="audit.seal")
def seal() -> dict[str, Any] | None:
    """Every ten minutes: seal what is new."""
    return run_periodic("audit.seal", _seal)


def _seal(run: JobRun) -> dict[str, Any]:
    return dict(seal_all(at=timezone.now()))

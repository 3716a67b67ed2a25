"""Due work of the hosting part. Safe to run twice, safe to kill."""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.cache import cache
from django.utils import timezone

from hosting.domain.miner_import import steps

KEEP_SECONDS = 600


def progress_key(import_id: int) -> str:
    """Under which the page finds how far an import has come: what a transaction writes nobody sees before its end."""
    return f"hosting:miner-import:{import_id}"


def work_on_import(payload: Mapping[str, Any], finish: Callable[[], bool]) -> None:
    """Dry run or entering of one file."""
    import_id = int(payload["import_id"])
    steps.work_on(
        import_id,
        language=str(payload["language"]),
        at=timezone.now(),
        finish=finish,
        progress=lambda done: cache.set(progress_key(import_id), done, KEEP_SECONDS),
    )

"""Health: is the process alive, and can it do its work?"""

import logging
import time
from collections.abc import Callable
from typing import Any

from celery import current_app
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

logger = logging.getLogger(__name__)
_migrated = False


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Database reachable and migrated, broker and cache reachable: 200, otherwise 503 with what is missing."""
    checks: dict[str, Callable[[], None]] = {
        "database": _check_database,
        "migrations": _check_migrations,
        "cache": _check_cache,
        "broker": _check_broker,
    }
    results: dict[str, Any] = {name: _outcome(name, check) for name, check in checks.items()}
    healthy = all(result["ok"] for result in results.values())
    return JsonResponse(
        {"status": "ok" if healthy else "unavailable", "checks": results}, status=200 if healthy else 503
    )


def _outcome(name: str, check: Callable[[], None]) -> dict[str, Any]:
    started = time.monotonic()
    try:
        check()
    except Exception as error:  # noqa: BLE001  (whatever it is, this part is not ready)
        logger.warning("health check %s failed: %s", name, error)
        return {"ok": False, "ms": round((time.monotonic() - started) * 1000, 1)}
    return {"ok": True, "ms": round((time.monotonic() - started) * 1000, 1)}


def _check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _check_migrations() -> None:
    global _migrated  # once seen complete it stays so for this process
    if _migrated:
        return
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise RuntimeError("migrations are missing")
    _migrated = True


def _check_cache() -> None:
    cache.set("health", "1", 10)
    if cache.get("health") != "1":
        raise RuntimeError("the cache forgets")


def _check_broker() -> None:
    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=2)

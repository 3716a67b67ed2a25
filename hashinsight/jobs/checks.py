"""System checks of jobs: set-ups in which work would stand still are named at start."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from hashinsight.jobs.registry import periodic_jobs


def connections_wanted() -> dict[str, int]:
    """The most connections each part of the product may have open at once."""
    return {
        "web": settings.DATABASE_POOL_SIZE + settings.DATABASE_POOL_OVERFLOW,
        "workers": settings.WORKER_PROCESSES,
        "beats": settings.BEAT_PROCESSES,
        "relays": 2 * settings.RELAY_PROCESSES,  # one to listen, one to work
        "commands": settings.COMMAND_CONNECTIONS,
    }


@register(Tags.database)
def check_connections(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """All processes together fit into what the server allows."""
    if not databases:
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
        )
        allowed = cursor.fetchone()[0]
    wanted = connections_wanted()
    total = sum(wanted.values())
    if total <= allowed:
        return []
    parts = ", ".join(f"{name} {count}" for name, count in wanted.items())
    return [
        Error(
            f"The processes may open {total} connections ({parts}), the server allows {allowed}.",
            hint="Raise max_connections, or lower DATABASE_POOL_SIZE, DATABASE_POOL_OVERFLOW or WORKER_PROCESSES.",
            id="hashinsight.jobs.E001",
        )
    ]


@register()
def check_pool(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A pool and kept connections exclude each other, and each process needs at least one connection."""
    database = settings.DATABASES["default"]
    found: list[CheckMessage] = []
    options: Any = database.get("OPTIONS", {})
    if options.get("pool") and database.get("CONN_MAX_AGE"):
        found.append(
            Error(
                "A connection pool needs CONN_MAX_AGE = 0.",
                hint="Leave DATABASE_CONN_MAX_AGE to processes without a pool.",
                id="hashinsight.jobs.E002",
            )
        )
    if settings.WEB_PROCESSES > settings.DATABASE_POOL_SIZE + settings.DATABASE_POOL_OVERFLOW:
        found.append(
            Error(
                "There are more web processes than connections for all of them.",
                hint="Raise DATABASE_POOL_SIZE or lower WEB_PROCESSES.",
                id="hashinsight.jobs.E003",
            )
        )
    return found


@register()
def check_lock(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A lead that lasts longer than the shortest period would leave periods without a bell after a crash."""
    shortest = min((job.every.total_seconds() for job in periodic_jobs()), default=15.0)
    if 4 * max(shortest, 15.0) >= settings.BEAT_LOCK_SECONDS:
        return []
    return [
        Warning(
            f"BEAT_LOCK_SECONDS is {settings.BEAT_LOCK_SECONDS}: after a crash nothing starts for as long.",
            hint="15 seconds suit most houses.",
            id="hashinsight.jobs.W001",
        )
    ]

"""Database connections of the web service: a pool in each process, together never more than the service may have.

Workers, beat and commands have one connection each and no pool (see ``hashinsight/celery.py``).
"""

from typing import Any

RECYCLE_SECONDS = 300
WAIT_SECONDS = 10
# What a request may have left behind on the session. The time zone comes back from the options of the connection.
FORGET = (
    "RESET ROLE",
    "RESET ALL",
    "UNLISTEN *",
    "SELECT pg_advisory_unlock_all()",
    "DISCARD TEMP",
)


def forget_session(connection: Any) -> None:
    """Run by the pool when a connection comes back: the next request must not inherit roles, settings or locks."""
    autocommit = connection.autocommit
    connection.autocommit = True
    for statement in FORGET:
        connection.execute(statement)
    connection.autocommit = autocommit


def web_pool(*, size: int, overflow: int, processes: int) -> dict[str, Any]:
    """Options of one process's pool: its share of ``size`` kept open, and of ``size + overflow`` at most."""
    return {
        "min_size": max(1, size // processes),
        "max_size": max(1, (size + overflow) // processes),
        "max_lifetime": RECYCLE_SECONDS,
        "timeout": WAIT_SECONDS,
        "reset": forget_session,
    }


def with_pool(database: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The same database through a pool; its sessions are in UTC from the start, whatever is reset."""
    startup = f"{database['OPTIONS'].get('options', '')} -c TimeZone=UTC".strip()
    return {
        **database,
        "CONN_MAX_AGE": 0,
        "OPTIONS": {**database["OPTIONS"], "pool": options, "options": startup},
    }

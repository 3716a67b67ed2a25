"""Registries filled in ``ready()``: who does which kind of due work, and which jobs run periodically."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

# A handler does the work and writes its effect; it calls ``finish`` inside the transaction of that effect.
Handler = Callable[[Mapping[str, Any], Callable[[], bool]], None]


@dataclass(frozen=True)
class PeriodicJob:
    """A job that beat starts every ``every``; ``task`` is the Celery name, ``grace`` how late is still on time."""

    name: str
    task: str
    every: timedelta
    description: str
    queue: str = "default"
    grace: timedelta = field(default=timedelta(minutes=5))

    def period_start(self, at: datetime) -> datetime:
        """Start of the period that ``at`` (aware) lies in, counted from the Unix epoch in UTC."""
        seconds = int(self.every.total_seconds())
        return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, at.tzinfo)


_handlers: dict[str, Handler] = {}
_jobs: dict[str, PeriodicJob] = {}


def register_handler(kind: str, handler: Handler) -> None:
    """Name the function that does due work of ``kind``."""
    _handlers[kind] = handler


def handler_for(kind: str) -> Handler:
    """The handler of ``kind``; raises KeyError when none is registered."""
    return _handlers[kind]


def handled_kinds() -> list[str]:
    """All kinds of due work."""
    return sorted(_handlers)


def register_job(job: PeriodicJob) -> None:
    """Make a periodic job known."""
    _jobs[job.name] = job


def periodic_jobs() -> list[PeriodicJob]:
    """All periodic jobs, by name."""
    return [_jobs[name] for name in sorted(_jobs)]


def periodic_job(name: str) -> PeriodicJob:
    """One periodic job; raises KeyError."""
    return _jobs[name]

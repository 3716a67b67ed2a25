"""Registries filled in ``ready()``: who does which kind of due work, and which jobs run periodically."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from hashinsight.jobs.engine import local_time

LOCAL_TICK = timedelta(minutes=5)

# A handler does the work and writes its effect; it calls ``finish`` inside the transaction of that effect.
Handler = Callable[[Mapping[str, Any], Callable[[], bool]], None]
# Called in the transaction that makes failed work pending again: brings what the work is about back with it.
Reviver = Callable[[Mapping[str, Any], datetime], None]


@dataclass(frozen=True)
class PeriodicJob:
    """A job that beat starts once in each period; ``task`` is the Celery name, ``grace`` how late is still on time.

    The periods of an ordinary job are ``every`` long, counted from the Unix epoch in UTC. A job with ``wall`` and
    ``zone`` has one period a day, which begins when the clocks there come to that time; beat looks every ``tick``.
    ``each_period``: every period is served, also late (otherwise the newest stands for those missed before it).
    """

    name: str
    task: str
    every: timedelta
    description: Any
    queue: str = "default"
    grace: timedelta = field(default=timedelta(minutes=5))
    each_period: bool = False
    wall: time | None = None
    zone: str = "UTC"

    @property
    def tick(self) -> timedelta:
        """How often beat looks whether a period has begun."""
        return self.every if self.wall is None else LOCAL_TICK

    def period_start(self, at: datetime) -> datetime:
        """Start of the period that ``at`` (aware) lies in."""
        if self.wall is not None:
            return local_time.latest_before(at, wall=self.wall, zone=self.zone)
        seconds = int(self.every.total_seconds())
        return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, at.tzinfo)

    def next_period(self, at: datetime) -> datetime:
        """Start of the period after the one that ``at`` lies in."""
        if self.wall is not None:
            return local_time.next_after(at, wall=self.wall, zone=self.zone)
        return self.period_start(at) + self.every


def daily_job(name: str, *, at: time, zone: str, description: Any, **options: Any) -> PeriodicJob:
    """A job that runs once on each day of ``zone``, when the clocks there come to ``at``; its task is named like it."""
    options.setdefault("grace", timedelta(hours=2))
    return PeriodicJob(name, name, timedelta(days=1), description, wall=at, zone=zone, **options)


_handlers: dict[str, Handler] = {}
_revivers: dict[str, Reviver] = {}
_jobs: dict[str, PeriodicJob] = {}


def register_handler(kind: str, handler: Handler, *, reviver: Reviver | None = None) -> None:
    """Name the function that does due work of ``kind``, and the one that makes it possible again after a failure."""
    _handlers[kind] = handler
    if reviver is not None:
        _revivers[kind] = reviver


def handler_for(kind: str) -> Handler:
    """The handler of ``kind``; raises KeyError when none is registered."""
    return _handlers[kind]


def reviver_for(kind: str) -> Reviver | None:
    """The reviver of ``kind``; None where the work needs nothing but another try."""
    return _revivers.get(kind)


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


def find_job(name: str) -> PeriodicJob | None:
    """The same, None when there is no such job."""
    return _jobs.get(name)

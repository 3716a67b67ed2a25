"""Which period of which job the message that woke us is about: carried in its headers, read by ``run_periodic``."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

JOB, PERIOD = "hi_job", "hi_period"


@dataclass(frozen=True)
class Start:
    """The period of a job that a worker is asked to serve."""

    job: str
    period_start: datetime


_start: ContextVar[Start | None] = ContextVar("job_start", default=None)


def start_headers(job: str, period_start: datetime) -> dict[str, str]:
    """What a message carries so that the worker serves this very period, however late it comes."""
    return {JOB: job, PERIOD: period_start.isoformat()}


def start_from(headers: Mapping[str, Any]) -> Start | None:
    """The period a message names; None when it names none, or nothing one can read."""
    job, text = headers.get(JOB), headers.get(PERIOD)
    try:
        period_start = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if not isinstance(job, str) or period_start is None or period_start.tzinfo is None:
        return None
    return Start(job, period_start)


def asked_period(job: str) -> datetime | None:
    """The period of ``job`` that the running task was sent for; None when it was called without one."""
    start = _start.get()
    return start.period_start if start is not None and start.job == job else None


@contextmanager
def start_scope(start: Start | None) -> Iterator[None]:
    """Make ``start`` known inside the block."""
    token = _start.set(start)
    try:
        yield
    finally:
        _start.reset(token)

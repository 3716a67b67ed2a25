"""Figures in Prometheus' text format: requests as they come, and the state of the house when asked.

Several web processes share their counters through the folder PROMETHEUS_MULTIPROC_DIR; what stands in the database is
read at the moment of the question and is the same whichever process answers.
"""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from hashinsight.common.gauges import all_gauges
from hashinsight.events.domain import queries as events
from hashinsight.jobs.domain import locks
from hashinsight.jobs.domain.status import all_job_states

__all__ = ["CONTENT_TYPE", "RequestMetricsMiddleware", "text"]

_own = CollectorRegistry()
REQUESTS = Counter("hashinsight_requests_total", "Requests answered.", ["method", "route", "status"], registry=_own)
SECONDS = Histogram(
    "hashinsight_request_seconds",
    "How long requests took.",
    ["method", "route"],
    registry=_own,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_WORK = """
SELECT queue, state, count(*), coalesce(extract(epoch FROM now() - min(not_before)), 0)::float
  FROM jobs_duework WHERE state IN ('pending', 'claimed') GROUP BY queue, state
UNION ALL
SELECT queue, state, count(*), 0 FROM jobs_duework WHERE state = 'failed' GROUP BY queue, state
"""


class RequestMetricsMiddleware:
    """Counts each request by its route (never by its address, which callers choose freely)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on, count, time."""
        begin = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        route = match.route if match is not None else "none"
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        SECONDS.labels(method, route).observe(time.perf_counter() - begin)
        return response


class HouseCollector(Collector):
    """Gauges read from the database at the moment of the question."""

    def collect(self) -> Iterable[Metric]:
        """A database that is away leaves its gauges out and says so."""
        up = GaugeMetricFamily("hashinsight_database_up", "1 when the database answers.")
        try:
            found = [*_work(), *_jobs(), *_events(), *_pool(), *_of_apps()]
        except Exception:  # noqa: BLE001  (a scrape must not fail because the database does)
            found = []
        up.add_metric([], 1.0 if found else 0.0)
        return [up, *found]


def _work() -> list[Metric]:
    count = GaugeMetricFamily("hashinsight_due_work", "Rows of due work.", labels=["queue", "state"])
    age = GaugeMetricFamily("hashinsight_due_work_oldest_seconds", "Age of the oldest.", labels=["queue", "state"])
    with connection.cursor() as cursor:
        cursor.execute(_WORK)
        for queue, state, rows, seconds in cursor.fetchall():
            count.add_metric([queue, state], rows)
            if state != "failed":
                age.add_metric([queue, state], max(seconds, 0))
    return [count, age]


def _jobs() -> list[Metric]:
    now = timezone.now()
    late = GaugeMetricFamily("hashinsight_job_late", "1 when the job is late.", labels=["job"])
    failed = GaugeMetricFamily("hashinsight_job_failed", "1 when the last run failed.", labels=["job"])
    age = GaugeMetricFamily("hashinsight_job_last_start_seconds", "Since the last run began.", labels=["job"])
    for status in all_job_states(at=now):
        name = [status.job.name]
        late.add_metric(name, status.is_late)
        failed.add_metric(name, status.is_failed)
        if status.last is not None:
            age.add_metric(name, (now - status.last.started_at).total_seconds())
    leads = GaugeMetricFamily("hashinsight_beat_leads", "1 when a beat leads.", value=float(locks.is_held(locks.BEAT)))
    return [late, failed, age, leads]


def _events() -> list[Metric]:
    lag = events.lag(at=timezone.now())
    pairs: list[tuple[str, str, float]] = [
        ("hashinsight_outbox_pending", "Events not yet taken up.", lag.pending),
        ("hashinsight_outbox_lag_seconds", "Age of the oldest event somebody is still to have.",
         lag.oldest_unsent_seconds),
        ("hashinsight_dead_letters", "Open dead letters.", lag.dead_letters),
    ]  # fmt: skip
    return [GaugeMetricFamily(name, text, value=float(value)) for name, text, value in pairs]


def _pool() -> list[Metric]:
    """Connections of the process that answers; nothing where there is no pool."""
    pool: Any = getattr(connection, "pool", None)
    if pool is None:
        return []
    stats = pool.get_stats()
    gauge = GaugeMetricFamily("hashinsight_database_pool", "Connections of the answering process.", labels=["what"])
    for name in ("pool_min", "pool_max", "pool_size", "pool_available", "requests_waiting"):
        gauge.add_metric([name], stats.get(name, 0))
    return [gauge]


def _of_apps() -> list[Metric]:
    found: list[Metric] = []
    for gauge in all_gauges():
        family = GaugeMetricFamily(gauge.name, gauge.text, labels=list(gauge.labels))
        for labels, value in gauge.rows:
            family.add_metric(list(labels), float(value))
        found.append(family)
    return found


def text() -> bytes:
    """Everything, as Prometheus reads it."""
    house = CollectorRegistry()
    house.register(HouseCollector())
    requests = _own
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        requests = CollectorRegistry()
        MultiProcessCollector(requests)
    return generate_latest(requests) + generate_latest(house)

"""The job settings: each is there for a reason, each test fails without it."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from hashinsight.celery import app
from hashinsight.jobs.task import HashInsightTask

ROOT = Path(settings.BASE_DIR)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("task_acks_late", True),
        ("task_reject_on_worker_lost", True),
        ("worker_prefetch_multiplier", 1),
        ("worker_cancel_long_running_tasks_on_connection_loss", True),
        ("worker_soft_shutdown_timeout", 30),
        ("worker_enable_soft_shutdown_on_idle", True),
        ("task_ignore_result", True),
        ("timezone", "UTC"),
        ("enable_utc", True),
        ("task_default_queue", "default"),
        ("task_default_queue_type", "quorum"),
        ("task_create_missing_queue_type", "quorum"),
        ("beat_scheduler", "hashinsight.jobs.beat:LeaderScheduler"),
    ],
)
def test_celery_runs_with(name: str, wanted: Any) -> None:
    assert app.conf[name] == wanted


def test_time_limits_rise_from_soft_to_claim() -> None:
    visibility = app.conf.broker_transport_options["visibility_timeout"]
    assert 0 < app.conf.task_soft_time_limit < app.conf.task_time_limit < visibility < settings.JOB_CLAIM_SECONDS


def test_messages_of_dead_workers_come_back_soon() -> None:
    options = app.conf.broker_transport_options
    assert (options["unacked_restore_interval"], options["unacked_restore_throttle"]) == (5, 1)


def test_every_task_carries_request_and_audit() -> None:
    app.autodiscover_tasks(force=True)
    own = [task for name, task in app.tasks.items() if not name.startswith("celery.")]
    assert len(own) >= 5
    assert [task.name for task in own if not isinstance(task, HashInsightTask)] == []


def test_workers_are_recycled_because_rendering_keeps_memory() -> None:
    assert 0 < app.conf.worker_max_tasks_per_child <= 1000
    assert 100_000 <= app.conf.worker_max_memory_per_child <= 1_000_000


def test_nothing_is_sent_with_a_delay_due_times_live_in_the_database() -> None:
    delayed = re.compile(r"\b(countdown|eta)\s*=")
    sources = [path for app_name in ("hashinsight", "accounts", "crm") for path in (ROOT / app_name).rglob("*.py")]
    assert len(sources) > 50
    assert [str(path) for path in sources if delayed.search(path.read_text(encoding="utf-8"))] == []

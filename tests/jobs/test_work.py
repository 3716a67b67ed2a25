"""Due work: asked for once, claimed by one, taken over from the dead, never lost."""

import socket
import subprocess
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import TestCase

from accounts.models import User
from crm.models import Customer
from hashinsight.common.context import request_id_scope
from hashinsight.common.transitions import MoveRefused
from hashinsight.jobs import registry, tasks
from hashinsight.jobs.domain import work as due
from hashinsight.jobs.enums import WorkState
from hashinsight.jobs.models import DueWork
from tests.factories import NOW
from tests.support import children

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "quiet_broker")]
DEAD = f"{socket.gethostname()}:4194305:1"
ELSEWHERE = "another-host:17:1"


def _ask(key: str = "1", **fields: Any) -> DueWork:
    return due.require_work("test.kind", key=key, payload={"a": 1}, at=NOW, **fields)


def _claim(work: DueWork, seconds: int = 60, at: Any = NOW) -> DueWork | None:
    return due.claim(work.pk, at=at, seconds=seconds)


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A kind of due work that counts its calls; a payload of ``fail`` fails."""
    calls: list[Any] = []

    def handle(payload: Mapping[str, Any], finish: Callable[[], bool]) -> None:
        calls.append(dict(payload))
        if payload.get("fail"):
            raise RuntimeError("planned")
        with transaction.atomic():
            finish()

    monkeypatch.setitem(registry._handlers, "test.kind", handle)
    return calls


def test_asking_twice_makes_one_row_and_one_message() -> None:
    with TestCase.captureOnCommitCallbacks() as sent:
        first, second = _ask(), _ask()
    assert (first.pk, len(sent)) == (second.pk, 1)


def test_bulk_work_wakes_nobody() -> None:
    with TestCase.captureOnCommitCallbacks() as sent:
        _ask(queue="bulk")
    assert sent == []


def test_a_living_claim_is_respected() -> None:
    work = _ask()
    assert _claim(work) is not None
    assert _claim(work) is None
    assert due.open_work(queue=None, at=NOW, limit=5) == []


@pytest.mark.parametrize(
    ("holder", "waited", "open_"),
    [
        (DEAD, timedelta(0), True),
        (ELSEWHERE, timedelta(seconds=59), False),
        (ELSEWHERE, timedelta(seconds=60), True),
        ("nonsense", timedelta(seconds=59), False),
    ],
)
def test_a_claim_is_taken_over_from_the_dead_at_once_and_from_strangers_by_time(
    holder: str, waited: timedelta, open_: bool
) -> None:
    work = _ask()
    _claim(work)
    DueWork.objects.update(claimed_by=holder)
    assert [row.pk for row in due.open_work(queue=None, at=NOW + waited, limit=5)] == ([work.pk] if open_ else [])
    taken = _claim(work, at=NOW + waited)
    assert (taken is not None) is open_
    if taken:
        assert (taken.attempts, taken.claimed_by) == (2, due.worker_identity())


def test_a_killed_process_nobody_has_reaped_yet_counts_as_dead() -> None:
    child = children.start(["sleep", "60"])
    stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    identity = f"{socket.gethostname()}:{child.pid}:{stat[19]}"
    assert due.worker_alive(identity)
    child.kill()
    for _ in range(200):
        if Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break
        subprocess.run(["sleep", "0.01"], check=True)
    assert not due.worker_alive(identity)
    child.wait()
    assert not due.worker_alive(identity)


def test_a_process_that_got_the_number_of_a_dead_one_is_not_mistaken_for_it() -> None:
    host, pid, _start = due.worker_identity().rsplit(":", 2)
    assert due.worker_alive(due.worker_identity())
    assert not due.worker_alive(f"{host}:{pid}:1")


def test_work_held_by_many_strangers_does_not_hide_the_rest() -> None:
    for key in range(6):
        _claim(_ask(str(key)))
    DueWork.objects.update(claimed_by=ELSEWHERE)
    waiting = _ask("waiting")
    assert [row.pk for row in due.open_work(queue=None, at=NOW, limit=1)] == [waiting.pk]


def _told(at: Any, limit: int = 10) -> int:
    """By the sweeper at that time; how many, which is how many messages left."""
    with TestCase.captureOnCommitCallbacks() as sent:
        told = due.tell_again(queue="default", at=at, limit=limit)
    assert len(sent) == told
    return told


def test_the_sweeper_tells_again_after_its_patience_only() -> None:
    _ask()
    seconds = due.SWEEP_PATIENCE.total_seconds()
    told = [_told(NOW + timedelta(seconds=passed)) for passed in (0, 15, seconds - 1, seconds, seconds + 15)]
    assert told == [1, 0, 0, 1, 0]
    assert _told(NOW - timedelta(hours=1) + timedelta(seconds=seconds)) == 0, "not due by a clock that was set back"
    DueWork.objects.update(not_before=NOW - timedelta(days=1))
    assert _told(NOW - timedelta(hours=1)) == 1, "what was told in the future says nothing"


def test_so_many_messages_of_the_sweeper_wait_at_most() -> None:
    """However many rows wait and however slow their workers are."""
    for key in range(12):
        _ask(str(key))
    at = [NOW + timedelta(seconds=15 * n) for n in range(5)]
    assert [_told(moment, limit=5) for moment in at[:4]] == [5, 0, 0, 0]
    assert sum(work.swept_at is not None for work in DueWork.objects.all()) == 5
    assert _told(at[4], limit=5) == 5


def test_done_work_makes_room_for_the_next() -> None:
    for key in range(12):
        _ask(str(key))
    assert _told(NOW, limit=5) == 5
    for work in DueWork.objects.filter(swept_at=NOW)[:3]:
        claimed = _claim(work)
        assert claimed is not None
        due.finish(claimed, at=NOW)
    assert _told(NOW + timedelta(seconds=15), limit=5) == 3


def test_work_of_a_dead_worker_is_told_at_once_though_it_was_told_a_moment_ago() -> None:
    work = _ask()
    assert _told(NOW) == 1
    _claim(work)
    assert _told(NOW + timedelta(seconds=15)) == 0, "a living worker is at it"
    DueWork.objects.update(claimed_by=DEAD)
    assert _told(NOW + timedelta(seconds=15)) == 1
    assert _told(NOW + timedelta(seconds=30)) == 0


def test_a_lost_claim_cannot_finish_nor_give_back() -> None:
    work = _ask()
    old = _claim(work)
    DueWork.objects.update(claimed_by=DEAD)
    new = _claim(work)
    assert old is not None
    assert new is not None
    assert due.finish(old, at=NOW) is False
    due.give_back(old, error="late", at=NOW)
    work.refresh_from_db()
    assert (work.state, work.last_error, work.claim_token) == ("claimed", "", new.claim_token)
    assert due.finish(new, at=NOW) is True


def test_errors_wait_longer_each_time_and_end_after_the_last_attempt(handler: list[Any]) -> None:
    work = due.require_work("test.kind", key="x", payload={"fail": 1}, at=NOW)
    waits, now = [], NOW
    for attempt in range(1, 9):
        claimed = _claim(work, at=now)
        assert claimed is not None
        assert claimed.attempts == attempt
        due.give_back(claimed, error="planned", at=now)
        work.refresh_from_db()
        waits.append(int((work.not_before - now).total_seconds()))
        assert _claim(work, at=work.not_before - timedelta(seconds=1)) is None
        now = work.not_before
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280]
    assert (work.state, _claim(work, at=now)) == ("failed", None)


def test_a_row_whose_workers_always_die_is_given_up() -> None:
    work = _ask()
    DueWork.objects.update(state="claimed", attempts=8, claimed_by=DEAD)
    assert _claim(work) is None
    work.refresh_from_db()
    assert work.state == "failed"


def test_perform_says_what_became_of_it(handler: list[Any]) -> None:
    good, bad = _ask(), due.require_work("test.kind", key="bad", payload={"fail": 1}, at=NOW)
    assert [tasks.perform(good.pk), tasks.perform(good.pk), tasks.perform(bad.pk), tasks.perform(0)] == [
        "done",
        "skipped",
        "failed",
        "skipped",
    ]
    bad.refresh_from_db()
    assert (bad.state, bad.last_error, bad.attempts) == ("pending", "RuntimeError: planned", 1)
    assert handler == [{"a": 1}, {"fail": 1}]


def test_work_of_an_unknown_kind_fails_visibly() -> None:
    work = due.require_work("test.unknown", key="1", payload={}, at=NOW)
    assert tasks.perform(work.pk) == "failed"
    work.refresh_from_db()
    assert work.last_error == "KeyError: 'test.unknown'"


def test_promoting_brings_bulk_work_forward_once() -> None:
    work = _ask(queue="bulk")
    with TestCase.captureOnCommitCallbacks() as sent:
        assert [due.promote(work, at=NOW) for _ in range(3)] == [True, False, False]
    assert (work.queue, len(sent)) == ("interactive", 1)


def test_asking_again_and_again_does_not_use_up_the_attempts() -> None:
    work = _ask(queue="interactive")
    claimed = _claim(work)
    assert claimed is not None
    due.give_back(claimed, error="x", at=NOW)
    assert due.promote(work, at=NOW) is False
    assert _claim(work) is None, "the wait after a failure still holds"


def test_a_person_tries_failed_work_again_and_only_failed_work() -> None:
    work = _ask()
    for state in WorkState.values:
        DueWork.objects.update(state=state, attempts=8)
        if state == "failed":
            with TestCase.captureOnCommitCallbacks() as sent:
                again = due.retry_work(work, at=NOW)
            assert (again.state, again.attempts, len(sent)) == ("pending", 0, 1)
        else:
            with pytest.raises(MoveRefused), transaction.atomic():
                due.retry_work(work, at=NOW)
            assert DueWork.objects.get().state == state


def test_an_unknown_state_is_refused_by_the_database() -> None:
    work = _ask()
    with pytest.raises(DatabaseError, match="jobs_duework_state_known"), transaction.atomic():
        DueWork.objects.filter(pk=work.pk).update(state="lost")


def test_the_audit_rows_of_work_name_the_request_that_asked_for_it(root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(payload: Mapping[str, Any], finish: Callable[[], bool]) -> None:
        Customer.objects.create(company_name=payload["name"])
        finish()

    monkeypatch.setitem(registry._handlers, "test.kind", handle)
    for name in ("first", "second"):
        with request_id_scope(f"request-of-{name}"):
            due.require_work("test.kind", key=name, payload={"name": name}, at=NOW, queue="bulk")
    with request_id_scope("request-of-beat"):
        tasks.drain_bulk()
    rows = Customer.pgh_event_model.objects.order_by("pgh_id").values_list("company_name", "pgh_context__metadata")
    assert [(name, meta["request_id"], meta["actor"], meta["source"]) for name, meta in rows] == [
        ("first", "request-of-first", "system", "test.kind"),
        ("second", "request-of-second", "system", "test.kind"),
    ]

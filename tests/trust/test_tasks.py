"""T25: every task may run twice, and may be cut off anywhere; what is left is the state of one clean run."""

import os
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from math import ceil
from typing import Any

import pytest
import time_machine
from celery import current_app
from django.core import mail
from django.db import OperationalError, transaction

from accounts.models import User
from crm import work
from crm.documents.data import DocumentData
from crm.documents.render import render_pdf
from crm.domain.activities import note_move
from crm.enums import ActivityKind
from crm.models import Activity, Customer
from curtailment.domain.control import site as control
from curtailment.domain.dispatch import openadr
from hashinsight.jobs.registry import handled_kinds
from marketdata.clients import http
from tests.factories import NOW
from tests.marketdata.scenes import answer_from_memory
from tests.trust.interrupt import Killed, as_a_process_that_dies, run_cut, state, statements
from tests.trust.scenes import SCENES, Scene

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_broker")]
SEED = int(os.environ.get("HASHINSIGHT_SEED", "20261120"))
LATER = NOW + timedelta(seconds=400)  # claims have run out, waits after an error are over


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def remembered_pdfs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same document is really rendered once: equal data give equal bytes (``test_immutability_in_time``)."""
    known: dict[str, bytes] = {}

    def render(data: DocumentData) -> bytes:
        if repr(data) not in known:
            known[repr(data)] = render_pdf(data)
        return known[repr(data)]

    monkeypatch.setattr(work, "render_pdf", render)


@pytest.fixture(autouse=True)
def short_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of a dead control runs out by the database's clock, which does not follow ours."""
    monkeypatch.setattr(control, "lock_seconds", lambda _control: 0.0)
    monkeypatch.setattr(openadr, "LOCK_S", 0.0)


@pytest.fixture(autouse=True)
def market(monkeypatch: pytest.MonkeyPatch) -> None:
    """The market services answer from memory, always the same; nobody waits between two calls."""
    monkeypatch.setattr(http, "fetch", answer_from_memory)
    monkeypatch.setattr(http.time, "sleep", lambda seconds: None)


def own_tasks() -> set[str]:
    """Names of all tasks of the product; Celery's own are none of ours."""
    current_app.autodiscover_tasks(force=True)
    return {name for name in current_app.tasks if not name.startswith(("celery.", "tests."))}


def test_every_task_has_a_scene() -> None:
    assert {scene.task for scene in SCENES} == own_tasks()
    assert {scene.kind for scene in SCENES if scene.kind} == set(handled_kinds())


def _task(scene: Scene, kwargs: dict[str, Any]) -> Callable[[], Any]:
    current_app.autodiscover_tasks(force=True)
    task = current_app.tasks[scene.task]
    return lambda: task(**kwargs)


class _Undone(Exception):
    pass


def after(*steps: Callable[[], Any]) -> dict[str, Any]:
    """The state the steps lead to; everything is as before afterwards."""
    found: dict[str, Any] = {}
    mail.outbox.clear()
    try:
        with transaction.atomic():
            for step in steps:
                step()
            found = state()
            raise _Undone
    except _Undone:
        return found


def differences(run: Callable[[], Any], clock: time_machine.Traveller, patch: Any, *, share: float = 1) -> list[str]:
    """Where a second run, or a cut and a second run, leads elsewhere than one clean run.

    Each statement may be cut by the end of the process or by an error; ``share`` of these are tried, four at least and
    twenty at most where it is not all.
    """

    def at(moment: Any) -> Callable[[], None]:
        return lambda: clock.move_to(moment, tick=False)

    counted: list[int] = []
    clean = after(at(NOW), lambda: counted.append(statements(run)))
    found = []
    if after(at(NOW), run, run) != clean:
        found.append("run twice at once")
    if after(at(NOW), run, at(LATER), run) != clean:
        found.append("run twice, later")
    every = [(error, n) for error in (Killed, OperationalError) for n in range(1, counted[0] + 1)]
    number = min(len(every), max(4, min(20, ceil(len(every) * share))))
    for error, n in every if share == 1 else random.Random(SEED).sample(every, number):

        def cut(n: int = n, error: type[BaseException] = error) -> None:
            with as_a_process_that_dies(patch):
                assert run_cut(run, at=n, error=error)

        if after(at(NOW), cut, at(LATER), run) != clean:
            found.append(f"{error.__name__} at statement {n} of {counted[0]}")
    return found


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_a_task_run_twice_or_cut_off_ends_like_one_clean_run(
    scene: Scene, root: User, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch, nightly: bool
) -> None:
    run = _task(scene, scene.arrange(root))
    before = state()
    print(f"HASHINSIGHT_SEED={SEED}")
    assert differences(run, clock, monkeypatch, share=1 if nightly else 0.1) == []
    if scene.task != "jobs.sweep":
        assert after(run) != before, "the scene gives the task nothing to do"


def test_control_a_task_that_may_not_run_twice_is_caught(
    customer_a: Customer, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planted() -> None:
        note_move(ActivityKind.NOTE, subject="again", by=None, at=NOW, customer=customer_a)

    assert "run twice at once" in differences(planted, clock, monkeypatch)


def test_control_a_task_that_forgets_its_second_half_is_caught(
    customer_a: Customer, root: User, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Idempotent when it runs through, broken when it dies between its two writes."""

    def planted() -> None:
        if not Activity.objects.filter(subject="first").exists():
            note_move(ActivityKind.NOTE, subject="first", by=None, at=NOW, customer=customer_a)
            note_move(ActivityKind.NOTE, subject="second", by=None, at=NOW, customer=customer_a)

    found = differences(planted, clock, monkeypatch)
    assert [line for line in found if line.startswith("run twice")] == []
    assert [line for line in found if line.startswith("Killed")] != []

"""The workers as ``./dev run`` starts them: bulk work has one of its own, which yields to what a person waits for."""

import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.models import User
from crm.domain.issuing import PDF_WORK
from crm.models import Customer
from hashinsight.devtools.environment import Endpoints
from hashinsight.devtools.paths import Place
from hashinsight.devtools.processes import Keeper
from hashinsight.devtools.product import product_programs
from hashinsight.jobs import queue, tasks
from hashinsight.jobs.models import DueWork
from tests import factories
from tests.jobs import live

pytestmark = pytest.mark.django_db(transaction=True)
BULK = 24


@pytest.fixture
def workers(broker_url: str, tmp_path: Path) -> Iterator[dict[str, int]]:
    """Process ids of both workers, each the head of a group of its own; web and beat are left out."""
    place = Place("unit", tmp_path)
    place.make()
    keeper = Keeper(place)
    programs = product_programs(place, Endpoints("", live.database_url(), broker_url, "locmem://"), port=0)
    for program in programs:
        if program.name in ("worker", "bulk"):
            keeper.start(replace(program, env={**program.env, **live.worker_env(broker_url)}))
    yield {one.program.name: one.process.pid for one in keeper.running}
    keeper.hurry = True
    keeper.stop(["worker", "bulk"], 1.0)
    for log in sorted(place.logs.glob("*.log")):
        print(log.name, log.read_text(encoding="utf-8", errors="replace")[-4000:])


def _group(claimed_by: str) -> int:
    """The process group of whoever claimed a row (``host:pid:start``)."""
    return os.getpgid(int(claimed_by.split(":")[-2]))


def _served(by: User, customer: Customer, what: str) -> int:
    """Issue an invoice and wait for its PDF; the group of whoever made it."""
    invoice = factories.issued_invoice(by=by, customer=customer)
    row = DueWork.objects.filter(kind=PDF_WORK, key=str(invoice.pk))
    assert row.get().queue == "interactive"
    live.wait_for(lambda: row.get().state == "done", 60, what)
    return _group(row.get().claimed_by)


def test_a_person_is_served_by_another_worker_while_bulk_work_runs_niced(
    workers: dict[str, int], root: User, customer_a: Customer
) -> None:
    _served(root, customer_a, "the people's worker is up")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(queue._silence, "until", math.inf)
        for _ in range(BULK):
            factories.issued_invoice(by=root, customer=customer_a)
    DueWork.objects.exclude(kind=PDF_WORK, state="pending").delete()
    DueWork.objects.update(queue="bulk", not_before=timezone.now())
    waiting = DueWork.objects.filter(queue="bulk", state="pending")
    claimed = DueWork.objects.filter(queue="bulk", state="claimed")
    assert waiting.count() == BULK

    assert tasks.sweep() == {"woken": 0, "bulk": True, "runs": 0}
    busy = live.wait_for(claimed.first, 60, "the bulk worker begins")
    assert _group(busy.claimed_by) == workers["bulk"]
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    niceness = {name: os.getpriority(os.PRIO_PGRP, pid) - mine for name, pid in workers.items()}
    at_work = os.getpriority(os.PRIO_PROCESS, int(busy.claimed_by.split(":")[-2])) - mine
    assert (niceness, at_work) == ({"worker": 0, "bulk": 10}, 10)

    assert _served(root, customer_a, "a person gets a PDF meanwhile") == workers["worker"]
    assert waiting.count() > 0, "before the bulk work was through"
    assert {_group(one.claimed_by) for one in claimed} <= {workers["bulk"]}

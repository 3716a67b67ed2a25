"""Real worker processes on the real broker: what SIGKILL leaves undone is done by somebody else, once."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import User
from crm.domain import invoicing, issuing
from crm.models import Customer, Invoice, InvoiceDocument, InvoiceLine
from hashinsight.common.context import request_id_scope
from hashinsight.jobs import queue, tasks
from hashinsight.jobs.models import DueWork
from tests.factories import signed_deal
from tests.jobs import live
from tests.support import children

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def start_worker(broker_url: str, tmp_path: Path) -> Iterator[Callable[[str], "subprocess.Popen[bytes]"]]:
    """Start a worker of the product in a process group of its own; all are gone afterwards."""
    env = live.worker_env(broker_url)
    running: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> "subprocess.Popen[bytes]":
        options = ["--queues", "interactive,default", "--concurrency", "1", "--hostname", f"{name}@%h"]
        with (tmp_path / f"{name}.log").open("wb") as log:
            process = children.start(
                children.python("celery", "-A", "hashinsight.celery:app", "worker", "--without-mingle",
                                "--without-gossip", "--without-heartbeat", *options),
                env=env, cwd=settings.BASE_DIR, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        _kill_group(process.pid)
        process.wait(timeout=10)
    for log in sorted(tmp_path.glob("*.log")):
        print(log.name, log.read_text(encoding="utf-8", errors="replace")[-4000:])


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _long_draft(customer: Customer, by: User, lines: int) -> Invoice:
    """A draft whose PDF takes a second or two, so that a worker can be killed in the middle of it."""
    draft = invoicing.draft_from_deal(signed_deal(by=by, customer=customer), by=by, at=timezone.now())
    return invoicing.set_lines(
        draft,
        lines=[InvoiceLine(description=f"Rack {n}", quantity=1, unit_price=Decimal(n)) for n in range(1, lines)],
        on=timezone.now().date(),
    )


def test_a_worker_killed_while_rendering_is_replaced_within_seconds(
    start_worker: Callable[[str], "subprocess.Popen[bytes]"], broker_url: str, root: User, customer_a: Customer
) -> None:
    workers = [start_worker("one"), start_worker("two")]
    now = timezone.now()
    late = issuing.issue_invoice(
        invoicing.draft_from_deal(signed_deal(by=root, customer=customer_a), by=root, at=now),
        by=root, on=(now - timedelta(days=60)).date(), at=now, send=False,
    )  # fmt: skip
    DueWork.objects.all().delete()
    draft = _long_draft(customer_a, root, lines=500)
    with request_id_scope("request-of-issue"):
        invoice = issuing.issue_invoice(draft, by=root, on=now.date(), at=now, send=False)
    rendering = DueWork.objects.filter(kind="crm.render_invoice_pdf", key=str(invoice.pk))

    live.wait_for(lambda: rendering.get().state == "claimed", 40, "a worker claims the work")
    time.sleep(0.3)
    victim = int(rendering.get().claimed_by.split(":")[-2])
    group = os.getpgid(victim)
    assert group in {worker.pid for worker in workers}
    _kill_group(group)
    next(worker for worker in workers if worker.pid == group).wait(timeout=10)
    assert not InvoiceDocument.objects.filter(format="pdf").exists(), "killed in the middle, not after the end"

    with request_id_scope("request-of-sweep"):
        woken = tasks.sweep()["woken"]
        assert woken == 1 or broker_url.startswith("amqp"), "RabbitMQ has given the message to the other one already"
        queue.enqueue_after_commit(
            "crm.check_overdue_customer", customer_id=customer_a.pk, on=timezone.now().date().isoformat()
        )
    live.wait_for(lambda: rendering.get().state == "done", 30, "the other worker makes the PDF")

    document = InvoiceDocument.objects.get(format="pdf")
    assert (document.invoice_id, rendering.get().attempts, DueWork.objects.count()) == (invoice.pk, 2, 1)
    drawn = InvoiceDocument.pgh_event_model.objects.filter(format="pdf")
    history = drawn.values_list("pgh_label", "pgh_context__metadata__request_id")
    assert list(history) == [("insert", "request-of-issue")]

    live.wait_for(lambda: late.reload().status == "overdue", 20, "the worker does the task after it")
    moved = Invoice.pgh_event_model.objects.filter(pgh_obj_id=late.pk, status="overdue")
    assert [
        (one["request_id"], one["actor"], one["source"])
        for one in moved.values_list("pgh_context__metadata", flat=True)
    ] == [("request-of-sweep", "system", "crm.check_overdue_customer")]

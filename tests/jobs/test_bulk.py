"""Work of sample data never delays what a person waits for."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.test import TestCase

from accounts.models import User
from crm.domain import documents, invoicing, issuing
from crm.domain.issuing import PDF_WORK
from crm.models import Customer
from hashinsight.jobs import registry, tasks
from hashinsight.jobs.domain import work as due
from hashinsight.jobs.models import DueWork
from tests.factories import NOW, TODAY, signed_deal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "quiet_broker")]


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of the work in the order in which it is done."""
    done: list[str] = []

    def handle(payload: Mapping[str, Any], finish: Callable[[], bool]) -> None:
        done.append(payload["key"])
        finish()

    monkeypatch.setitem(registry._handlers, "test.kind", handle)
    return done


def _five_hundred() -> None:
    DueWork.objects.bulk_create(
        DueWork(
            kind="test.kind",
            key=f"bulk-{n}",
            payload={"key": f"bulk-{n}"},
            queue="bulk",
            not_before=NOW - timedelta(hours=1),
        )
        for n in range(500)
    )


def _deliver(sent: list[Any]) -> None:
    """What a worker of the interactive and default queues gets; the bulk queue has a worker of its own."""
    for one in sent:
        if one.keywords["queue"] != "bulk":
            current_app.tasks[one.args[0]](**one.keywords["kwargs"])


def test_an_interactive_row_is_done_first_though_500_bulk_rows_wait_longer(order: list[str]) -> None:
    _five_hundred()
    with TestCase.captureOnCommitCallbacks() as sent:
        due.require_work("test.kind", key="person", payload={"key": "person"}, at=NOW, queue="interactive")
    _deliver(sent)
    assert order == ["person"]


def test_also_when_its_message_was_lost_and_only_the_sweeper_finds_it(order: list[str]) -> None:
    _five_hundred()
    due.require_work("test.kind", key="person", payload={"key": "person"}, at=NOW, queue="interactive")
    with TestCase.captureOnCommitCallbacks() as sent:
        assert tasks.sweep() == {"woken": 1, "bulk": True, "runs": 0}
    assert [(one.args[0], one.keywords["queue"]) for one in sent] == [
        ("jobs.do_due_work", "interactive"),
        ("jobs.drain_bulk", "bulk"),
    ]
    _deliver(sent)
    assert order == ["person"]


def test_the_drain_ends_after_a_while_and_leaves_the_rest(order: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _five_hundred()
    ticks = iter(range(10_000))
    monkeypatch.setattr(tasks.time, "monotonic", lambda: next(ticks))
    done = tasks.drain_bulk()["done"]
    assert 0 < done <= tasks.DRAIN_SECONDS
    assert DueWork.objects.filter(state="pending").count() == 500 - done
    assert order == [f"bulk-{n}" for n in range(done)]


def test_asking_for_a_sample_document_brings_it_to_the_front(root: User, customer_a: Customer) -> None:
    deal = signed_deal(by=root, customer=customer_a, is_sample=True)
    with TestCase.captureOnCommitCallbacks() as sent:
        invoice = issuing.issue_invoice(
            invoicing.draft_from_deal(deal, by=root, at=NOW), by=root, on=TODAY, at=NOW, send=False
        )
    assert (sent, DueWork.objects.get().queue) == ([], "bulk")
    with TestCase.captureOnCommitCallbacks() as sent:
        for _ in range(3):
            documents.hurry_document(invoice, work_kind=PDF_WORK, at=NOW)
    assert len(sent) == 1
    _deliver(sent)
    assert (DueWork.objects.get().state, invoice.documents.filter(format="pdf").count()) == ("done", 1)

"""For each task: rows to work on, and what may be asked of the database afterwards.

A task without a scene fails ``test_every_task_has_a_scene``: whoever adds one shows here that it may run twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from accounts.models import User
from crm.domain import documents, invoicing, issuing
from crm.models import Invoice
from hashinsight.jobs.domain.work import require_work
from hashinsight.jobs.enums import WorkQueue
from hashinsight.jobs.models import DueWork
from tests import factories
from tests.factories import NOW, TODAY

Kwargs = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """``arrange`` makes the rows and returns the task's arguments; ``kind`` is the due work it exercises, if any."""

    task: str
    arrange: Callable[[User], Kwargs]
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.task} {self.kind}".strip()


def _issued(by: User, **fields: Any) -> Invoice:
    deal = factories.DealFactory(customer=factories.CustomerFactory(), **fields)
    draft = invoicing.draft_from_deal(deal, by=by, at=NOW - timedelta(days=40))
    at = NOW - timedelta(days=40)
    return issuing.issue_invoice(draft, by=by, on=at.date(), at=at)


def _open(invoice: Invoice, kind: str) -> DueWork:
    key = str(invoice.pk) if kind == "crm.render_invoice_pdf" else str(invoice.deliveries.get().pk)
    return DueWork.objects.get(kind=kind, key=key)


def render(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    return {"work_id": _open(_issued(by), "crm.render_invoice_pdf").pk}


def send_email(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    invoice = _issued(by)
    documents.store_document(invoice, content=b"%PDF-1.7", template_version="1", at=NOW)
    DueWork.objects.filter(kind="crm.render_invoice_pdf").update(state="done")
    return {"work_id": _open(invoice, "crm.send_invoice_email").pk}


def drain(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    _issued(by, is_sample=True)
    return {}


def sweep(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    _issued(by)
    require_work("crm.render_invoice_pdf", key="none", payload={"invoice_id": 0}, at=NOW, queue=WorkQueue.BULK)
    return {}


def overdue(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    for _ in range(2):
        _issued(by)
    return {}


def overdue_customer(by: User) -> Kwargs:
    factories.LegalEntityFactory()
    customer = factories.CustomerFactory()
    at = NOW - timedelta(days=40)
    for value in (1, 2):
        deal = factories.DealFactory(customer=customer, value=Decimal(value))
        issuing.issue_invoice(invoicing.draft_from_deal(deal, by=by, at=at), by=by, on=at.date(), at=at)
    return {"customer_id": customer.pk, "on": TODAY.isoformat()}


SCENES = [
    Scene("jobs.do_due_work", render, kind="crm.render_invoice_pdf"),
    Scene("jobs.do_due_work", send_email, kind="crm.send_invoice_email"),
    Scene("jobs.drain_bulk", drain),
    Scene("jobs.sweep", sweep),
    Scene("crm.check_overdue", overdue),
    Scene("crm.check_overdue_customer", overdue_customer),
]

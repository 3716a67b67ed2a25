"""What crm makes known at start: event kinds, handlers of due work, periodic jobs."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib import import_module
from typing import Any

from crm.tiles import register_tiles
from hashinsight.events.registry import EventKind
from hashinsight.events.registry import register as register_kind
from hashinsight.jobs.registry import PeriodicJob, register_handler, register_job

_CUSTOMER = {"customer_id": "string", "status": "string"}
_MEMBER = {"member_id": "string", "role": "string"}
_LEAD = {"lead_id": "string", "status": "string"}
_DEAL = {"deal_id": "string", "status": "string", "stage": "string"}
_INVOICE = {
    "invoice_id": "string",
    "number": "string?",
    "status": "string",
    "gross_total": "string",
    "currency": "string",
}
EVENT_KINDS = [
    EventKind("customer.created", "A customer was added.", _CUSTOMER),
    EventKind("customer.changed", "Contact data or status of a customer changed.", _CUSTOMER),
    EventKind("customer.member_granted", "A user became a member of a customer, or the role changed.", _MEMBER),
    EventKind("customer.member_revoked", "A user is no member of a customer any more.", _MEMBER),
    EventKind("lead.created", "A lead was added.", _LEAD),
    EventKind("lead.moved", "A lead changed its status.", _LEAD),
    EventKind("lead.converted", "A lead was won and has become a deal.", _LEAD),
    EventKind("deal.created", "A deal was added.", _DEAL),
    EventKind("deal.moved", "A deal changed its stage or status.", _DEAL),
    EventKind("invoice.drafted", "An invoice draft was made.", _INVOICE),
    EventKind("invoice.issued", "An invoice was numbered and frozen.", _INVOICE),
    EventKind("invoice.overdue", "The due date of an invoice has passed.", _INVOICE),
    EventKind("invoice.paid", "An invoice is settled.", _INVOICE),
    EventKind("invoice.cancelled", "A draft was withdrawn, or an issued invoice credited in full.", _INVOICE),
    EventKind("credit_note.issued", "A credit note was issued.", _INVOICE),
    EventKind(
        "payment.recorded",
        "Money was booked on an invoice.",
        {"payment_id": "string", "invoice_id": "string", "amount": "string", "currency": "string"},
    ),
    EventKind("activity.created", "A person wrote an activity.", {"activity_id": "string", "kind": "string"}),
]


def register() -> None:
    """Called once from ``ready()``."""
    for kind in EVENT_KINDS:
        register_kind(kind)
    register_tiles()
    register_handler("crm.render_invoice_pdf", _lazy("render_invoice_pdf"))
    register_handler("crm.send_invoice_email", _lazy("send_invoice_email"))
    register_job(
        PeriodicJob(
            name="crm.check_overdue",
            task="crm.check_overdue",
            every=timedelta(hours=1),
            description="Marks invoices overdue once the due date has passed on the customer's calendar.",
            grace=timedelta(minutes=15),
        )
    )


def _lazy(name: str) -> Callable[[Mapping[str, Any], Callable[[], bool]], None]:
    """The handler is imported when it runs: rendering brings slow imports along."""

    def handle(payload: Mapping[str, Any], finish: Callable[[], bool]) -> None:
        getattr(import_module("crm.work"), name)(payload, finish)

    return handle

"""What crm makes known at start: event kinds, handlers of due work, periodic jobs."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.utils.translation import gettext_lazy

from crm import retention
from crm.domain import credit_requests, deliveries, periods, renewals, second_person
from crm.domain.invitations import WORK_KIND
from crm.enums import LimitedAct
from crm.invitation_mail import send_invitation
from crm.tiles import register_tiles
from hashinsight.approvals.registry import ApprovalAction, register_action
from hashinsight.common.hold import register_inward
from hashinsight.events.registry import EventKind
from hashinsight.events.registry import register as register_kind
from hashinsight.jobs.registry import PeriodicJob, register_handler, register_job
from hashinsight.notify.enums import Severity
from hashinsight.notify.registry import AlertKind, allow_for_clients, register_alert_kind

_CUSTOMER = {"customer_id": "string", "status": "string"}
_MEMBER = {"member_id": "string", "role": "string"}
_INVITATION = {"invitation_id": "string", "kind": "string"}
_LEAD = {"lead_id": "string", "status": "string"}
_DEAL = {"deal_id": "string", "status": "string", "stage": "string"}
_INVOICE = {
    "invoice_id": "string",
    "number": "string?",
    "status": "string",
    "gross_total": "string",
    "currency": "string",
}
_CONTRACT = {"contract_id": "string", "status": "string"}
_PERIOD = {"period_id": "string", "legal_entity": "string", "month": "string", "state": "string"}
EVENT_KINDS = [
    EventKind("customer.created", "A customer was added.", _CUSTOMER),
    EventKind("customer.changed", "Contact data or status of a customer changed.", _CUSTOMER),
    EventKind("customer.member_granted", "A user became a member of a customer, or the role changed.", _MEMBER),
    EventKind("customer.member_revoked", "A user is no member of a customer any more.", _MEMBER),
    EventKind("invitation.sent", "Somebody was asked in by e-mail, or asked again.", _INVITATION),
    EventKind("invitation.revoked", "The link of an invitation opens nothing any more.", _INVITATION),
    EventKind("invitation.accepted", "Somebody who was asked in has come.", _INVITATION),
    EventKind("lead.created", "A lead was added.", _LEAD),
    EventKind("lead.updated", "Data of a lead were edited.", _LEAD),
    EventKind("lead.moved", "A lead changed its status.", _LEAD),
    EventKind("lead.converted", "A lead was won and has become a deal.", _LEAD),
    EventKind("deal.created", "A deal was added.", _DEAL),
    EventKind("deal.updated", "Data or lines of a deal were edited.", _DEAL),
    EventKind("deal.moved", "A deal changed its stage or status.", _DEAL),
    EventKind("contract.created", "A contract was added.", _CONTRACT),
    EventKind("contract.changed", "Data of a contract were edited, or notice was given.", _CONTRACT),
    EventKind("contract.activated", "A contract is in force.", _CONTRACT),
    EventKind("contract.renewed", "No notice was given: the term of a contract is longer.", _CONTRACT),
    EventKind("contract.ended", "A contract is over.", _CONTRACT),
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
    EventKind(
        "customer.dunned",
        "A reminder was written.",
        {
            "customer_id": "string",
            "letter_id": "string",
            "level": "integer",
            "open_total": "string",
            "currency": "string",
        },
    ),
    EventKind("period.closed", "A month of the books was closed.", _PERIOD),
    EventKind("period.reopened", "A closed month was opened again.", _PERIOD),
    EventKind("activity.created", "A person wrote an activity.", {"activity_id": "string", "kind": "string"}),
]

# What a customer's own webhooks may carry: nothing of drafts, of the house, or of other people.
CLIENT_EVENTS = (
    "customer.changed",
    "invoice.issued",
    "invoice.overdue",
    "invoice.paid",
    "credit_note.issued",
    "payment.recorded",
)


def register() -> None:
    """Called once from ``ready()``."""
    for kind in EVENT_KINDS:
        register_kind(kind)
    allow_for_clients(*CLIENT_EVENTS)
    register_tiles()
    retention.register()
    register_approvals()
    register_renewals()
    register_handler(WORK_KIND, send_invitation)
    register_handler("crm.render_invoice_pdf", _lazy("render_invoice_pdf"))
    register_inward(["crm.render_invoice_pdf"])
    register_handler("crm.send_dunning_letter", _lazy("send_dunning_letter", "crm.dunning_work"))
    register_job(
        PeriodicJob(
            name="crm.dun",
            task="crm.dun",
            every=timedelta(hours=1),
            description=gettext_lazy(
                "Writes reminders to customers by their ladder, once a day on their own calendar."
            ),
            grace=timedelta(minutes=15),
        )
    )
    register_handler("crm.send_invoice_email", _lazy("send_invoice_email"), reviver=deliveries.revive)
    register_job(
        PeriodicJob(
            name="crm.check_overdue",
            task="crm.check_overdue",
            every=timedelta(hours=1),
            description=gettext_lazy("Marks invoices overdue once the due date has passed on the customer's calendar."),
            grace=timedelta(minutes=15),
        )
    )


def register_renewals() -> None:
    """Contracts that renew themselves, and the word about them beforehand."""
    register_job(
        PeriodicJob(
            name="crm.renew_contracts",
            task="crm.renew_contracts",
            every=timedelta(hours=1),
            description=gettext_lazy(
                "Renews contracts whose last day for notice has passed on the customer's calendar without one."
            ),
            grace=timedelta(minutes=30),
        )
    )
    register_alert_kind(
        AlertKind(
            "contract.notice_day", "A contract renews itself soon unless notice is given.", "contract", Severity.INFO
        ),
        watch=renewals.last_days_for_notice,
    )


def register_approvals() -> None:
    """Acts that may need a second person."""
    register_action(
        ApprovalAction(
            kind=second_person.KINDS[LimitedAct.CREDIT_NOTE],
            title=gettext_lazy("Credit note"),
            model="crm.invoice",
            permission="crm.credit_invoice",
            carry_out=credit_requests.carry_out,
            state_of=credit_requests.money_state,
            effect=preview("credit_note"),
        )
    )
    register_action(
        ApprovalAction(
            kind=periods.REOPEN,
            title=gettext_lazy("Reopening a month"),
            model="crm.accountingperiod",
            permission="crm.close_accountingperiod",
            carry_out=periods.reopen_period,
        )
    )
    periods.register_check(periods.drafts_check)


def preview(name: str) -> Callable[[Any, Any, Any], Any]:
    """The preview for whoever decides; made by the pages, which are imported when one looks."""

    def show(obj: Any, approval: Any, http_request: Any) -> Any:
        return getattr(import_module("crm.admin.approval_effects"), name)(obj, approval, http_request)

    return show


def _lazy(name: str, module: str = "crm.work") -> Callable[[Mapping[str, Any], Callable[[], bool]], None]:
    """The handler is imported when it runs: rendering brings slow imports along."""

    def handle(payload: Mapping[str, Any], finish: Callable[[], bool]) -> None:
        getattr(import_module(module), name)(payload, finish)

    return handle

"""What crm makes known at start about customers' money: event kinds, acts for a second person, the ledger check."""

from datetime import timedelta

from django.utils.translation import gettext_lazy

from crm.domain import periods, refunds, second_person, write_offs
from crm.domain.ledger.watch import books_check
from crm.enums import LimitedAct
from crm.registrations import preview
from hashinsight.approvals.registry import ApprovalAction, register_action
from hashinsight.events.registry import EventKind
from hashinsight.events.registry import register as register_kind
from hashinsight.jobs.registry import PeriodicJob, register_job

_MONEY = {"id": "string", "invoice_id": "string?", "amount": "string", "currency": "string", "kind": "string?"}
_INVOICE = {
    "invoice_id": "string",
    "number": "string?",
    "status": "string",
    "gross_total": "string",
    "currency": "string",
}
EVENT_KINDS = [
    EventKind("invoice.reopened", "A paid invoice is open again: money was taken back.", _INVOICE),
    EventKind("payment.reversed", "A payment that should not have been recorded was taken back.", _MONEY),
    EventKind("deposit.recorded", "Money came without an invoice.", _MONEY),
    EventKind("credit.applied", "Money we hold of a customer settles an invoice.", _MONEY),
    EventKind("refund.recorded", "Money was paid back to a customer.", _MONEY),
    EventKind("invoice.written_off", "A claim was given up, in part or in full.", _MONEY),
    EventKind("money.reversed", "A deposit, application, refund or write-off was taken back.", _MONEY),
]
APPROVALS = [
    ApprovalAction(
        kind=refunds.KIND_OF_CREDIT,
        title=gettext_lazy("Refund of a credit"),
        model="crm.customercredit",
        permission="crm.refund_customercredit",
        carry_out=refunds.carry_out,
        state_of=refunds.money_state,
        effect=preview("refund"),
    ),
    ApprovalAction(
        kind=refunds.KIND_OF_PAYMENT,
        title=gettext_lazy("Refund of a payment"),
        model="crm.payment",
        permission="crm.refund_payment",
        carry_out=refunds.carry_out,
        state_of=refunds.money_state,
        effect=preview("refund"),
    ),
    ApprovalAction(
        kind=second_person.KINDS[LimitedAct.WRITE_OFF],
        title=gettext_lazy("Write-off"),
        model="crm.invoice",
        permission="crm.add_writeoff",
        carry_out=write_offs.carry_out,
        state_of=write_offs.money_state,
        effect=preview("write_off"),
    ),
]


def register() -> None:
    """Called once from ``ready()``."""
    for kind in EVENT_KINDS:
        register_kind(kind)
    for action in APPROVALS:
        register_action(action)
    periods.register_check(books_check)
    register_job(
        PeriodicJob(
            name="crm.check_ledger",
            task="crm.check_ledger",
            every=timedelta(hours=1),
            description=gettext_lazy("Recomputes the books from the documents; what does not add up becomes an alert."),
            grace=timedelta(minutes=30),
        )
    )

"""What whoever decides on a request sees of its effect."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from crm.admin.invoice_pages import credit_effect
from crm.admin.money_pages import act_effect
from crm.domain import refunds, write_offs
from crm.domain.credit_requests import quantities_of
from crm.models import CustomerCredit, Invoice, Payment
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.common.admin.confirm import Effect


def credit_note(obj: Invoice, approval: ApprovalRequest, http_request: Any) -> Effect:
    """The credit note as it would be issued now."""
    effect, _shown = credit_effect(obj, quantities_of(approval), by=http_request.user)
    return effect


def refund(obj: CustomerCredit | Payment, approval: ApprovalRequest, http_request: Any) -> Effect:
    """What is owed again, or what is left of the credit, before and after."""
    invoice = obj.invoice if isinstance(obj, Payment) else None
    credit = None if isinstance(obj, Payment) else obj
    return _shown(refunds.carry_out, obj, approval, http_request, invoice=invoice, credit=credit)


def write_off(obj: Invoice, approval: ApprovalRequest, http_request: Any) -> Effect:
    """What is still owed then."""
    return _shown(write_offs.carry_out, obj, approval, http_request, invoice=obj, credit=None)


def _shown(act: Any, obj: Any, approval: ApprovalRequest, http_request: Any, **sides: Any) -> Effect:
    now: datetime = timezone.now()
    return act_effect(lambda: act(obj, approval=approval, by=http_request.user, at=now), facts=[], **sides)

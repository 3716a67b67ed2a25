"""What whoever decides on a request sees of its effect."""

from typing import Any

from crm.admin.invoice_pages import credit_effect
from crm.domain.credit_requests import quantities_of
from crm.models import Invoice
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.common.admin.confirm import Effect


def credit_note(obj: Invoice, approval: ApprovalRequest, http_request: Any) -> Effect:
    """The credit note as it would be issued now."""
    effect, _shown = credit_effect(obj, quantities_of(approval), by=http_request.user)
    return effect

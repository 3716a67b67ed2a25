"""The gate: an act that needs a second person asks here whether this very act was approved, just now."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from hashinsight.approvals.enums import ApprovalState
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.common.errors import DomainError


class SecondPersonNeeded(DomainError):
    """The act is above what one person may do; a request for approval has to be made instead."""

    code = "second_person_needed"


def is_approved(
    approval: ApprovalRequest | None, obj: Any, *, kind: str, amount: Decimal | None = None, currency: str = ""
) -> bool:
    """Whether ``approval`` covers this act on ``obj`` and was not used yet.

    The row is read anew: what the caller holds in hand proves nothing. An approved request that was not carried out
    exists only inside the transaction of its decision.
    """
    if approval is None or approval.pk is None:
        return False
    row = ApprovalRequest.objects.filter(
        pk=approval.pk,
        state=ApprovalState.APPROVED,
        executed_at__isnull=True,
        kind=kind,
        object_type=obj._meta.label_lower,
        object_id=obj.pk,
    ).first()
    return row is not None and row.amount == amount and (amount is None or row.currency == currency)


def refuse(what: Any) -> SecondPersonNeeded:
    """The refusal for an act nobody else has approved."""
    return SecondPersonNeeded(_("%(what)s needs a second person's approval.") % {"what": what})

"""States of a request for approval."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ApprovalState(TextChoices):
    """Where a request stands."""

    PENDING = "pending", _("waiting for a decision")
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")
    WITHDRAWN = "withdrawn", _("withdrawn")
    EXPIRED = "expired", _("expired")


APPROVAL_MOVES = {
    ApprovalState.PENDING: {
        ApprovalState.APPROVED, ApprovalState.REJECTED, ApprovalState.WITHDRAWN, ApprovalState.EXPIRED,
    },
    ApprovalState.APPROVED: set(),
    ApprovalState.REJECTED: set(),
    ApprovalState.WITHDRAWN: set(),
    ApprovalState.EXPIRED: set(),
}  # fmt: skip
DECIDED = (ApprovalState.APPROVED, ApprovalState.REJECTED)

"""Models of the approvals."""

from hashinsight.approvals.models.request import ApprovalRequest

__all__ = ["ApprovalRequest"]

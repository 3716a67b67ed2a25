"""Models of the sealed history."""

from hashinsight.audit.models.batch import AuditBatch

__all__ = ["AuditBatch"]

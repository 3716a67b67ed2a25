"""The base of all tasks: request id and audit context around each run."""

from typing import Any

from celery import Task

from hashinsight.common.audit import audit_context
from hashinsight.common.context import clean_request_id, request_id_scope


class HashInsightTask(Task):
    """A task whose logs and audit rows carry the request id of whoever caused it; the actor is the system."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run inside the scopes."""
        headers = getattr(self.request, "headers", None) or {}
        request_id = clean_request_id(headers.get("request_id") or self.request.get("request_id"))
        with request_id_scope(request_id), audit_context(actor="system", source=self.name or "task"):
            return super().__call__(*args, **kwargs)

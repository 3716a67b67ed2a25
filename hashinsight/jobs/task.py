"""The base of all tasks: a sound database connection, request id and audit context around each run."""

from typing import Any

from celery import Task
from django.db import connections

from hashinsight.common.audit import audit_context
from hashinsight.common.context import clean_request_id, request_id_scope
from hashinsight.jobs.start import start_from, start_scope


class HashInsightTask(Task):
    """A task whose logs and audit rows carry the request id of whoever caused it; the actor is the system."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run inside the scopes, on the connection of the task before if that is still good."""
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:  # called from code that is in the middle of something
                connection.close_if_unusable_or_obsolete()
        headers = getattr(self.request, "headers", None) or {}
        request_id = clean_request_id(headers.get("request_id") or self.request.get("request_id"))
        scope = start_scope(start_from({**headers, **self.request.__dict__}))
        with request_id_scope(request_id), scope, audit_context(actor="system", source=self.name or "task"):
            return super().__call__(*args, **kwargs)

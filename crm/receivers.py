"""Hooks of libraries; nothing of the business happens here."""

from typing import Any

from celery.signals import worker_process_init


@worker_process_init.connect(dispatch_uid="crm.warm_up_documents")
def warm_up_documents(**kwargs: Any) -> None:
    """A worker's child loads fonts and stylesheet before its first document, so that nobody waits for them."""
    from crm.documents.render import warm_up  # noqa: PLC0415  (slow import: weasyprint)

    warm_up()

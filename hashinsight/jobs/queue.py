"""The bridge to Celery: messages leave after commit, carry the request id, and may be lost without harm."""

import logging
from functools import partial
from typing import Any

from celery import current_app
from django.db import transaction

from hashinsight.common.context import current_request_id

logger = logging.getLogger(__name__)


def enqueue_after_commit(task_name: str, *, queue: str = "default", **kwargs: Any) -> None:
    """Send ``task_name`` when the running transaction has committed (at once outside of one).

    The task is looked up by name when it runs. A broker that is down is logged, not raised: what must happen is
    a row (``DueWork``, ``JobRun``), and the sweeper finds it.
    """
    headers = {"request_id": current_request_id()}
    transaction.on_commit(partial(send, task_name, queue=queue, kwargs=kwargs, headers=headers))


def send(task_name: str, *, queue: str, kwargs: dict[str, Any], headers: dict[str, str]) -> bool:
    """Hand a message to the broker; False (and a warning) when it cannot be reached."""
    try:
        current_app.send_task(task_name, kwargs=kwargs, queue=queue, headers=headers, retry=False)
    except Exception as error:  # noqa: BLE001  (any transport's error means the same: the sweeper will do it)
        logger.warning("broker unreachable, %s waits for the sweeper: %s", task_name, error)
        return False
    return True

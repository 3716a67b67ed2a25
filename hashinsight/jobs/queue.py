"""The bridge to Celery: messages leave after commit, carry the request id, and may be lost without harm."""

import logging
import time
from datetime import datetime
from functools import partial
from typing import Any

from celery import current_app
from django.db import transaction
from kombu import pools

from hashinsight.common.context import current_request_id
from hashinsight.jobs.registry import PeriodicJob
from hashinsight.jobs.start import start_headers

logger = logging.getLogger(__name__)

# A person waits for the answer, so a broker that is down or hangs may cost about a second, and that only once.
PATIENCE = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "socket_timeout": 1.0,
    "socket_connect_timeout": 1.0,
}
RETRY_ONCE = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
SILENCE_SECONDS = 5.0
_silence = {"until": 0.0}


def enqueue_after_commit(task_name: str, *, queue: str = "default", **kwargs: Any) -> None:
    """Send ``task_name`` when the running transaction has committed (at once outside of one).

    The task is looked up by name when it runs. A broker that is down is logged, not raised: what must happen is
    a row (``DueWork``, ``JobRun``), and the sweeper finds it.
    """
    headers = {"request_id": current_request_id()}
    transaction.on_commit(partial(send, task_name, queue=queue, kwargs=kwargs, headers=headers))


def wake_run(job: PeriodicJob, period_start: datetime) -> None:
    """After commit, ask a worker to serve this very period of a job."""
    headers = {"request_id": current_request_id(), **start_headers(job.name, period_start)}
    transaction.on_commit(partial(send, job.task, queue=job.queue, kwargs={}, headers=headers))


def send(task_name: str, *, queue: str, kwargs: dict[str, Any], headers: dict[str, str]) -> bool:
    """Hand a message to the broker; False (and a warning) when it cannot be reached.

    After a failure nothing is tried for SILENCE_SECONDS, so that the many messages of one request do not each
    wait for a broker that is not there.
    """
    if time.monotonic() < _silence["until"]:
        return False
    try:
        line = current_app.connection_for_write(transport_options=PATIENCE)
        with pools.producers[line].acquire(block=True, timeout=SILENCE_SECONDS) as producer:
            current_app.send_task(
                task_name,
                kwargs=kwargs,
                queue=queue,
                headers=headers,
                producer=producer,
                retry=True,
                retry_policy=RETRY_ONCE,
            )
    except Exception as error:  # noqa: BLE001  (any transport's error means the same: the sweeper will do it)
        _silence["until"] = time.monotonic() + SILENCE_SECONDS
        logger.warning("broker unreachable, %s waits for the sweeper: %s", task_name, error)
        return False
    return True

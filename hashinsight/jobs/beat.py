"""Beat for the whole house: any number of them may run, one leads.

The leader holds the lock ``beat`` and writes the row (job, period) of each start under the lock's version, in one
transaction; only then does a message leave, which may be lost without harm (the sweeper finds the row). A beat that
does not lead does nothing but ask now and then whether the leader still lives.
"""

import logging
import time
from datetime import timedelta
from typing import Any

from celery.schedules import schedstate
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from hashinsight.jobs.domain import locks, runs
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.queue import send
from hashinsight.jobs.registry import PeriodicJob, find_job
from hashinsight.jobs.start import start_headers

logger = logging.getLogger(__name__)


class JobEntry(ModelEntry):
    """A schedule. One of our jobs, as it was seeded, is due when a period has begun; others as Celery has it."""

    def is_due(self) -> Any:
        """Whether, and in how many seconds to ask again."""
        job = self.job()
        if job is None:
            return super().is_due()
        now = timezone.now()
        wait = (job.next_period(now) - now).total_seconds()
        return schedstate(job.period_start(now) > self.last_run_at, min(wait, job.tick.total_seconds()))

    def job(self) -> PeriodicJob | None:
        """The job behind the schedule; None where a person gave it other times."""
        job, model = find_job(self.name), self.model
        if job is None or model.task != job.task or not model.enabled or model.interval is None:
            return None
        special = model.start_time or model.expires or model.one_off
        same = timedelta(**{model.interval.period: model.interval.every}) == job.tick
        return job if same and not special else None


class LeaderScheduler(DatabaseScheduler):
    """Ticks only while it leads; every write of it carries the version of the lock."""

    Entry = JobEntry
    sync_every = 30
    producer = None  # messages leave through ``send``, which never waits long for a broker that is down

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.token: int | None = None
        self.lock_seconds = float(settings.BEAT_LOCK_SECONDS)
        self._prolonged = 0.0
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Nothing of Celery's own: results are not kept, so there are none to clean up."""

    # --- leading ------------------------------------------------------------------------------------------------
    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Seconds until the next look. A database that is away costs the lead and a second, not the process."""
        try:
            if not self._leads():
                return self.lock_seconds / 5
            return float(min(super().tick(*args, **kwargs), self.lock_seconds / 3))
        except locks.StaleLock as error:
            logger.warning("beat: %s; another one leads", error)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("beat: the database does not answer: %s", error)
            connection.close()
        self.token = None
        return 1.0

    def _leads(self) -> bool:
        now = time.monotonic()
        if self.token is not None and now - self._prolonged < self.lock_seconds / 3:
            return True
        if self.token is not None and locks.prolong_lock(locks.BEAT, token=self.token, seconds=self.lock_seconds):
            self._prolonged = now
            return True
        was, self.token = self.token, locks.take_lock(locks.BEAT, seconds=self.lock_seconds)
        if self.token is None:
            if was is not None:
                logger.warning("beat: lost the lead (version %s)", was)
            return False
        logger.info("beat: leads with version %s", self.token)
        self._prolonged = now
        self._dirty.clear()
        self._initial_read, self._heap = True, None  # what others wrote meanwhile counts, not what we remember
        return True

    # --- starting -----------------------------------------------------------------------------------------------
    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **kwargs: Any) -> None:
        """Write the start, then send; raises StaleLock before anything has left."""
        if self.token is None:
            raise locks.StaleLock("no lock is held")
        job = find_job(entry.name)
        if job is not None and job.task == entry.task:
            for run in runs.ring(job, at=timezone.now(), token=self.token, seconds=self.lock_seconds):
                send_start(job, run)
        else:
            with transaction.atomic():
                locks.fence(locks.BEAT, token=self.token, seconds=self.lock_seconds)
            send(entry.task, queue=entry.options.get("queue") or "default", kwargs=entry.kwargs, headers={})
        if self.should_sync():
            self._do_sync()

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """As Celery has it, but a lost lead and a lost database are for ``tick`` to handle."""
        self.apply_async(entry, advance=False)

    # --- writing down -------------------------------------------------------------------------------------------
    def sync(self) -> None:
        """When each schedule last rang, for people to see; never by one who has lost the lead."""
        if self.token is None or not self._dirty:
            return
        try:
            with transaction.atomic():
                locks.fence(locks.BEAT, token=self.token, seconds=self.lock_seconds)
                for name in self._dirty & set(self._schedule or ()):
                    row = self._schedule[name].model
                    rung = {"last_run_at": row.last_run_at, "total_run_count": row.total_run_count}
                    PeriodicTask.objects.filter(pk=row.pk).update(**rung)
        except (DatabaseError, InterfaceError, locks.StaleLock) as error:
            logger.warning("beat: times of the schedules not written: %s", error)
        else:
            self._dirty.clear()

    def close(self) -> None:
        """Let the next one lead at once."""
        super().close()
        if self.token is not None:
            try:
                locks.give_back_lock(locks.BEAT, token=self.token)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("beat: lock not given back: %s", error)
            self.token = None


def send_start(job: PeriodicJob, run: JobRun) -> bool:
    """The message for one due run; False when the broker cannot be reached (the sweeper will find the row)."""
    return send(job.task, queue=job.queue, kwargs={}, headers=start_headers(job.name, run.period_start))

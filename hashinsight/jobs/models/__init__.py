"""Models of the jobs app."""

from hashinsight.jobs.models.due_work import DueWork
from hashinsight.jobs.models.job_run import JobRun
from hashinsight.jobs.models.job_switch import JobSwitch
from hashinsight.jobs.models.retention import LegalHold, RetentionPolicy, RetentionReport
from hashinsight.jobs.models.scheduler_lock import SchedulerLock
from hashinsight.jobs.models.table_size import TableSize

__all__ = [
    "DueWork",
    "JobRun",
    "JobSwitch",
    "LegalHold",
    "RetentionPolicy",
    "RetentionReport",
    "SchedulerLock",
    "TableSize",
]

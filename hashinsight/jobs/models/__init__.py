"""Models of the jobs app."""

from hashinsight.jobs.models.due_work import DueWork
from hashinsight.jobs.models.job_run import JobRun

__all__ = ["DueWork", "JobRun"]

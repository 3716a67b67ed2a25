"""Admin pages of jobs."""

from hashinsight.jobs.admin import database, retention, schedules, work

__all__ = ["database", "retention", "schedules", "work"]

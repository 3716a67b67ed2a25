"""The Celery application: transport only, the truth is in tables."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hashinsight.settings.local")

app = Celery("hashinsight", task_cls="hashinsight.jobs.task:HashInsightTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
# A worker keeps its connection, as a web process does: a new one for each task costs more than most tasks. The task
# looks whether it is still good (DATABASE_CONN_MAX_AGE, health check); Celery's own closing is the last resort.
app.conf["CELERY_DB_REUSE_MAX"] = 10_000
app.autodiscover_tasks()

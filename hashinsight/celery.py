"""The Celery application: transport only, the truth is in tables."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hashinsight.settings.local")

app = Celery("hashinsight", task_cls="hashinsight.jobs.task:HashInsightTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

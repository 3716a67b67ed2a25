"""A lock with a version for the beat that leads; runs are due before they run.

Made by makemigrations; the text of the trigger is one line.
"""
# ruff: noqa: E501

import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="SchedulerLock",
            fields=[
                ("lock_key", models.CharField(max_length=100, primary_key=True, serialize=False, verbose_name="lock")),
                ("lock_version", models.BigIntegerField(default=1, verbose_name="version")),
                ("holder", models.CharField(max_length=200, verbose_name="holder")),
                ("hostname", models.CharField(max_length=255, verbose_name="host")),
                ("process_id", models.PositiveIntegerField(verbose_name="process id")),
                ("acquired_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="taken at")),
                (
                    "last_heartbeat",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="heartbeat at"),
                ),
                ("expires_at", models.DateTimeField(verbose_name="expires at")),
            ],
            options={
                "verbose_name": "scheduler lock",
                "verbose_name_plural": "scheduler locks",
            },
        ),
        migrations.AlterModelOptions(
            name="jobrun",
            options={
                "permissions": [("run_job", "Can run a job now"), ("switch_job", "Can switch a job on and off")],
                "verbose_name": "job run",
                "verbose_name_plural": "job runs",
            },
        ),
        migrations.RemoveConstraint(
            model_name="jobrun",
            name="jobs_jobrun_state_known",
        ),
        migrations.AddField(
            model_name="jobrun",
            name="asked_by",
            field=models.CharField(blank=True, db_default="", default="", max_length=254, verbose_name="asked for by"),
        ),
        migrations.AddField(
            model_name="jobrun",
            name="fencing_token",
            field=models.BigIntegerField(blank=True, null=True, verbose_name="version of the lock"),
        ),
        migrations.AddField(
            model_name="jobrun",
            name="is_manual",
            field=models.BooleanField(db_default=False, default=False, verbose_name="asked for by a person"),
        ),
        migrations.AlterField(
            model_name="jobrun",
            name="state",
            field=models.CharField(
                choices=[
                    ("due", "due"),
                    ("running", "running"),
                    ("done", "done"),
                    ("failed", "failed"),
                    ("missed", "missed"),
                ],
                default="running",
                max_length=16,
                verbose_name="state",
            ),
        ),
        migrations.AddIndex(
            model_name="jobrun",
            index=models.Index(
                condition=models.Q(("state", "due")), fields=["job", "period_start"], name="jobs_jobrun_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="jobrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["due", "running", "done", "failed", "missed"])),
                name="jobs_jobrun_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="schedulerlock",
            constraint=models.CheckConstraint(
                condition=models.Q(("lock_version__gte", 1)), name="jobs_schedulerlock_version_positive"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="schedulerlock",
            trigger=pgtrigger.compiler.Trigger(
                name="only_forward",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\nIF TG_OP = 'DELETE' THEN\n    RAISE EXCEPTION 'scheduler locks stay: a deleted one would begin its versions anew'\n        USING ERRCODE = 'restrict_violation';\nEND IF;\nIF NEW.lock_version < OLD.lock_version OR (NEW.lock_version = OLD.lock_version AND NEW.holder <> OLD.holder) THEN\n    RAISE EXCEPTION 'a new holder of lock % needs a higher version', OLD.lock_key\n        USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_schedulerlock_only_forward';\nEND IF;\nRETURN NEW;\n",
                    hash="68bdfe799a4e58a46e4823d1e2364dadc57a26a9",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_only_forward_751d8",
                    table="jobs_schedulerlock",
                    when="BEFORE",
                ),
            ),
        ),
    ]

"""How long rows are kept, what is held, what was deleted; daily sizes of tables; who switched jobs."""
# ruff: noqa: E501  (triggers, compiled by pgtrigger)

import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import hashinsight.common.ids


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0002_locks_and_due_runs"),
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        migrations.CreateModel(
            name="LegalHoldEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "public_id",
                    models.UUIDField(
                        default=hashinsight.common.ids.new_public_id, editable=False, verbose_name="public id"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="updated at"),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False, verbose_name="version")),
                ("subject", models.CharField(max_length=100, verbose_name="about")),
                ("key", models.CharField(max_length=100, verbose_name="number")),
                ("label", models.CharField(max_length=200, verbose_name="name")),
                ("reason", models.CharField(max_length=500, verbose_name="reason")),
                ("placed_by", models.CharField(max_length=254, verbose_name="placed by")),
                ("placed_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="placed at")),
                ("released_at", models.DateTimeField(blank=True, null=True, verbose_name="released at")),
                ("released_by", models.CharField(blank=True, default="", max_length=254, verbose_name="released by")),
                (
                    "release_reason",
                    models.CharField(blank=True, default="", max_length=500, verbose_name="reason of the release"),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="RetentionPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.UUIDField(
                        default=hashinsight.common.ids.new_public_id,
                        editable=False,
                        unique=True,
                        verbose_name="public id",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="updated at"),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False, verbose_name="version")),
                ("kind", models.CharField(max_length=100, unique=True, verbose_name="kind")),
                ("keep_days", models.PositiveIntegerField(verbose_name="days kept")),
                ("minimum_days", models.PositiveIntegerField(default=1, verbose_name="at least (days)")),
                ("is_enabled", models.BooleanField(default=True, verbose_name="deletes")),
            ],
            options={
                "verbose_name": "retention policy",
                "verbose_name_plural": "retention policies",
                "permissions": [("run_retention", "Can run a retention policy now")],
            },
        ),
        migrations.CreateModel(
            name="RetentionPolicyEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "public_id",
                    models.UUIDField(
                        default=hashinsight.common.ids.new_public_id, editable=False, verbose_name="public id"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="updated at"),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False, verbose_name="version")),
                ("kind", models.CharField(max_length=100, verbose_name="kind")),
                ("keep_days", models.PositiveIntegerField(verbose_name="days kept")),
                ("minimum_days", models.PositiveIntegerField(default=1, verbose_name="at least (days)")),
                ("is_enabled", models.BooleanField(default=True, verbose_name="deletes")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="RetentionReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=100, verbose_name="kind")),
                ("run_id", models.BigIntegerField(blank=True, null=True, verbose_name="run of the job")),
                ("is_dry_run", models.BooleanField(default=False, verbose_name="dry run")),
                ("keep_days", models.PositiveIntegerField(verbose_name="days kept")),
                ("cutoff", models.DateTimeField(verbose_name="rows before")),
                ("due_count", models.PositiveIntegerField(default=0, verbose_name="due")),
                ("deleted_count", models.PositiveIntegerField(default=0, verbose_name="deleted")),
                ("examples", models.JSONField(default=list, verbose_name="examples")),
                ("started_by", models.CharField(blank=True, default="", max_length=254, verbose_name="started by")),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="started at")),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished at")),
                ("error", models.TextField(blank=True, default="", verbose_name="error")),
            ],
            options={
                "verbose_name": "retention report",
                "verbose_name_plural": "retention reports",
            },
        ),
        migrations.CreateModel(
            name="TableSize",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("table", models.CharField(max_length=63, verbose_name="table")),
                ("measured_on", models.DateField(verbose_name="day")),
                ("total_bytes", models.BigIntegerField(verbose_name="bytes")),
                ("row_estimate", models.BigIntegerField(verbose_name="rows (estimate)")),
            ],
            options={
                "verbose_name": "table size",
                "verbose_name_plural": "table sizes",
            },
        ),
        migrations.CreateModel(
            name="JobSwitch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("job", models.CharField(max_length=100, verbose_name="job")),
                ("is_enabled", models.BooleanField(verbose_name="switched on")),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("switched_by", models.CharField(max_length=254, verbose_name="by")),
                ("switched_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="at")),
            ],
            options={
                "verbose_name": "switching of a job",
                "verbose_name_plural": "switching of jobs",
                "indexes": [models.Index(fields=["job", "-switched_at"], name="jobs_jobswitch_job")],
            },
        ),
        migrations.CreateModel(
            name="LegalHold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.UUIDField(
                        default=hashinsight.common.ids.new_public_id,
                        editable=False,
                        unique=True,
                        verbose_name="public id",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="updated at"),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False, verbose_name="version")),
                ("subject", models.CharField(max_length=100, verbose_name="about")),
                ("key", models.CharField(max_length=100, verbose_name="number")),
                ("label", models.CharField(max_length=200, verbose_name="name")),
                ("reason", models.CharField(max_length=500, verbose_name="reason")),
                ("placed_by", models.CharField(max_length=254, verbose_name="placed by")),
                ("placed_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="placed at")),
                ("released_at", models.DateTimeField(blank=True, null=True, verbose_name="released at")),
                ("released_by", models.CharField(blank=True, default="", max_length=254, verbose_name="released by")),
                (
                    "release_reason",
                    models.CharField(blank=True, default="", max_length=500, verbose_name="reason of the release"),
                ),
            ],
            options={
                "verbose_name": "legal hold",
                "verbose_name_plural": "legal holds",
                "permissions": [("release_legalhold", "Can release a legal hold")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("released_at__isnull", True)),
                        fields=("subject", "key"),
                        name="jobs_legalhold_once",
                    )
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalhold",
            trigger=pgtrigger.compiler.Trigger(
                name="bump_version",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func="NEW.version = OLD.version + 1; NEW.updated_at = clock_timestamp(); RETURN NEW;",
                    hash="3b63e154ecf95f88eb8c592a4f523b4a130db976",
                    operation="UPDATE",
                    pgid="pgtrigger_bump_version_8f608",
                    table="jobs_legalhold",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalhold",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "jobs_legalholdevent" ("created_at", "id", "key", "label", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "placed_at", "placed_by", "public_id", "reason", "release_reason", "released_at", "released_by", "subject", "updated_at", "version") VALUES (NEW."created_at", NEW."id", NEW."key", NEW."label", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."placed_at", NEW."placed_by", NEW."public_id", NEW."reason", NEW."release_reason", NEW."released_at", NEW."released_by", NEW."subject", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="48bbe619f98a568183da6acc407f564bda41d3f0",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_6f6de",
                    table="jobs_legalhold",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalhold",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "jobs_legalholdevent" ("created_at", "id", "key", "label", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "placed_at", "placed_by", "public_id", "reason", "release_reason", "released_at", "released_by", "subject", "updated_at", "version") VALUES (NEW."created_at", NEW."id", NEW."key", NEW."label", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."placed_at", NEW."placed_by", NEW."public_id", NEW."reason", NEW."release_reason", NEW."released_at", NEW."released_by", NEW."subject", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="2cd67673b490a11360cc9e83ac5680003ca271cf",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_b13d3",
                    table="jobs_legalhold",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalhold",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "jobs_legalholdevent" ("created_at", "id", "key", "label", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "placed_at", "placed_by", "public_id", "reason", "release_reason", "released_at", "released_by", "subject", "updated_at", "version") VALUES (OLD."created_at", OLD."id", OLD."key", OLD."label", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."placed_at", OLD."placed_by", OLD."public_id", OLD."reason", OLD."release_reason", OLD."released_at", OLD."released_by", OLD."subject", OLD."updated_at", OLD."version"); RETURN NULL;',
                    hash="90534d705e17937376cdc51bab1e5d972fe2eda2",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_912a8",
                    table="jobs_legalhold",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="legalholdevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="legalholdevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="jobs.legalhold",
            ),
        ),
        migrations.AddConstraint(
            model_name="retentionpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("keep_days__gte", models.F("minimum_days"))), name="jobs_retention_minimum"
            ),
        ),
        migrations.AddConstraint(
            model_name="retentionpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("keep_days__lte", 36500)), name="jobs_retention_most"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="retentionpolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="bump_version",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func="NEW.version = OLD.version + 1; NEW.updated_at = clock_timestamp(); RETURN NEW;",
                    hash="8c837565c7dffc98850e01e80cbb7688e0675896",
                    operation="UPDATE",
                    pgid="pgtrigger_bump_version_4c171",
                    table="jobs_retentionpolicy",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="retentionpolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "jobs_retentionpolicyevent" ("created_at", "id", "is_enabled", "keep_days", "kind", "minimum_days", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "updated_at", "version") VALUES (NEW."created_at", NEW."id", NEW."is_enabled", NEW."keep_days", NEW."kind", NEW."minimum_days", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."public_id", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="12d5c1e8487463749638b6923bc66174056e99b8",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_88498",
                    table="jobs_retentionpolicy",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="retentionpolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "jobs_retentionpolicyevent" ("created_at", "id", "is_enabled", "keep_days", "kind", "minimum_days", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "updated_at", "version") VALUES (NEW."created_at", NEW."id", NEW."is_enabled", NEW."keep_days", NEW."kind", NEW."minimum_days", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."public_id", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="3adb8c82a5a22c36c1be63590573ba303cca1785",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_26bad",
                    table="jobs_retentionpolicy",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="retentionpolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "jobs_retentionpolicyevent" ("created_at", "id", "is_enabled", "keep_days", "kind", "minimum_days", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "updated_at", "version") VALUES (OLD."created_at", OLD."id", OLD."is_enabled", OLD."keep_days", OLD."kind", OLD."minimum_days", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."public_id", OLD."updated_at", OLD."version"); RETURN NULL;',
                    hash="e3a582a027c4be7e1ed1aa782d6e24c0fc4ba7a7",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_1b768",
                    table="jobs_retentionpolicy",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="retentionpolicyevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="retentionpolicyevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="jobs.retentionpolicy",
            ),
        ),
        migrations.AddIndex(
            model_name="retentionreport",
            index=models.Index(fields=["kind", "-started_at"], name="jobs_retentionreport_kind"),
        ),
        migrations.AddConstraint(
            model_name="retentionreport",
            constraint=models.UniqueConstraint(
                condition=models.Q(("run_id__isnull", False)),
                fields=("run_id", "kind"),
                name="jobs_retentionreport_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="tablesize",
            constraint=models.UniqueConstraint(fields=("table", "measured_on"), name="jobs_tablesize_once"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalholdevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="7031b303463836e3bdbe2c86946bed3533052be4",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_71bf5",
                    table="jobs_legalholdevent",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="retentionpolicyevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="11b41956ba98c98c1a5f00db07b8c6f3ff090d56",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_d6d4f",
                    table="jobs_retentionpolicyevent",
                    when="BEFORE",
                ),
            ),
        ),
    ]

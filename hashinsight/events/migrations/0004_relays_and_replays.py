# ruff: noqa: E501  (triggers are long)
import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import hashinsight.common.ids


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0003_inbox_and_dead_letters"),
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        migrations.CreateModel(
            name="RelayProcess",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, unique=True, verbose_name="name")),
                ("lane", models.CharField(max_length=20, verbose_name="lane")),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="started at")),
                ("heartbeat_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="heartbeat at")),
                ("stopped_at", models.DateTimeField(blank=True, null=True, verbose_name="stopped at")),
                ("handed_on", models.BigIntegerField(default=0, verbose_name="events handed on")),
                ("last_error", models.TextField(blank=True, default="", verbose_name="last error")),
            ],
            options={
                "verbose_name": "relay",
                "verbose_name_plural": "relays",
            },
        ),
        migrations.CreateModel(
            name="Replay",
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
                ("consumer_group", models.CharField(max_length=100, verbose_name="consumer group")),
                (
                    "mode",
                    models.CharField(
                        choices=[("missed", "only what it has not had"), ("again", "everything once more")],
                        default="missed",
                        max_length=16,
                        verbose_name="what",
                    ),
                ),
                ("since", models.DateTimeField(blank=True, null=True, verbose_name="events since")),
                ("until", models.DateTimeField(blank=True, null=True, verbose_name="events before")),
                ("kind", models.CharField(blank=True, default="", max_length=100, verbose_name="kind")),
                (
                    "aggregate_type",
                    models.CharField(blank=True, default="", max_length=100, verbose_name="aggregate type"),
                ),
                ("aggregate_id", models.CharField(blank=True, default="", max_length=64, verbose_name="aggregate id")),
                ("event_id", models.UUIDField(blank=True, null=True, verbose_name="event id")),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("requested_by_id", models.UUIDField(blank=True, null=True, verbose_name="requested by")),
                ("count", models.PositiveIntegerField(default=0, verbose_name="events")),
            ],
            options={
                "verbose_name": "replay",
                "verbose_name_plural": "replays",
            },
        ),
        migrations.CreateModel(
            name="ReplayEvent",
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
                ("consumer_group", models.CharField(max_length=100, verbose_name="consumer group")),
                (
                    "mode",
                    models.CharField(
                        choices=[("missed", "only what it has not had"), ("again", "everything once more")],
                        default="missed",
                        max_length=16,
                        verbose_name="what",
                    ),
                ),
                ("since", models.DateTimeField(blank=True, null=True, verbose_name="events since")),
                ("until", models.DateTimeField(blank=True, null=True, verbose_name="events before")),
                ("kind", models.CharField(blank=True, default="", max_length=100, verbose_name="kind")),
                (
                    "aggregate_type",
                    models.CharField(blank=True, default="", max_length=100, verbose_name="aggregate type"),
                ),
                ("aggregate_id", models.CharField(blank=True, default="", max_length=64, verbose_name="aggregate id")),
                ("event_id", models.UUIDField(blank=True, null=True, verbose_name="event id")),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("requested_by_id", models.UUIDField(blank=True, null=True, verbose_name="requested by")),
                ("count", models.PositiveIntegerField(default=0, verbose_name="events")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddConstraint(
            model_name="replay",
            constraint=models.CheckConstraint(
                condition=models.Q(("mode__in", ["missed", "again"])), name="events_replay_mode_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="replay",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("since__isnull", False),
                    models.Q(("kind", ""), _negated=True),
                    models.Q(("aggregate_id", ""), _negated=True),
                    ("event_id__isnull", False),
                    _connector="OR",
                ),
                name="events_replay_selects_something",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="replay",
            trigger=pgtrigger.compiler.Trigger(
                name="bump_version",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func="NEW.version = OLD.version + 1; NEW.updated_at = clock_timestamp(); RETURN NEW;",
                    hash="66a5a6d9c2f82d803627501450cf1b7374731a1c",
                    operation="UPDATE",
                    pgid="pgtrigger_bump_version_47c45",
                    table="events_replay",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="replay",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "events_replayevent" ("aggregate_id", "aggregate_type", "consumer_group", "count", "created_at", "event_id", "id", "kind", "mode", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "reason", "requested_by_id", "since", "until", "updated_at", "version") VALUES (NEW."aggregate_id", NEW."aggregate_type", NEW."consumer_group", NEW."count", NEW."created_at", NEW."event_id", NEW."id", NEW."kind", NEW."mode", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."public_id", NEW."reason", NEW."requested_by_id", NEW."since", NEW."until", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="3a8b56d042320d123f0d24dcaf2644f3f1a46e9e",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_21d51",
                    table="events_replay",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="replay",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "events_replayevent" ("aggregate_id", "aggregate_type", "consumer_group", "count", "created_at", "event_id", "id", "kind", "mode", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "reason", "requested_by_id", "since", "until", "updated_at", "version") VALUES (NEW."aggregate_id", NEW."aggregate_type", NEW."consumer_group", NEW."count", NEW."created_at", NEW."event_id", NEW."id", NEW."kind", NEW."mode", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."public_id", NEW."reason", NEW."requested_by_id", NEW."since", NEW."until", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="faaef71b8f401a2e6e9ee1c1cc4e24761a847ef6",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_474c7",
                    table="events_replay",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="replay",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "events_replayevent" ("aggregate_id", "aggregate_type", "consumer_group", "count", "created_at", "event_id", "id", "kind", "mode", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "reason", "requested_by_id", "since", "until", "updated_at", "version") VALUES (OLD."aggregate_id", OLD."aggregate_type", OLD."consumer_group", OLD."count", OLD."created_at", OLD."event_id", OLD."id", OLD."kind", OLD."mode", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."public_id", OLD."reason", OLD."requested_by_id", OLD."since", OLD."until", OLD."updated_at", OLD."version"); RETURN NULL;',
                    hash="c0437dda7b34b73e11f264e74f37b4749d0995e9",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_e3023",
                    table="events_replay",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="replayevent",
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
            model_name="replayevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="events.replay",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="replayevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="593a28cb91a99592e96650ef8fd132a21fb83fab",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_ec575",
                    table="events_replayevent",
                    when="BEFORE",
                ),
            ),
        ),
    ]

# ruff: noqa: E501  (triggers are long)
import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import hashinsight.common.ids


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0002_payload_is_object"),
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeadLetter",
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
                ("event_id", models.UUIDField(verbose_name="event id")),
                ("consumer_group", models.CharField(max_length=100, verbose_name="consumer group")),
                ("kind", models.CharField(max_length=100, verbose_name="kind")),
                ("aggregate_type", models.CharField(max_length=100, verbose_name="aggregate type")),
                ("aggregate_id", models.CharField(max_length=64, verbose_name="aggregate id")),
                ("customer_id", models.BigIntegerField(blank=True, null=True, verbose_name="customer id")),
                ("user_id", models.UUIDField(blank=True, null=True, verbose_name="user id")),
                ("payload", models.JSONField(verbose_name="payload")),
                ("error_message", models.TextField(blank=True, default="", verbose_name="error")),
                ("retry_count", models.PositiveIntegerField(default=0, verbose_name="attempts so far")),
                ("failed_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="failed at")),
                ("replayed_at", models.DateTimeField(blank=True, null=True, verbose_name="sent again at")),
            ],
            options={
                "verbose_name": "dead letter",
                "verbose_name_plural": "dead letters",
                "permissions": [("redeliver_deadletter", "Can send dead letters again")],
            },
        ),
        migrations.CreateModel(
            name="DeadLetterEvent",
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
                ("event_id", models.UUIDField(verbose_name="event id")),
                ("consumer_group", models.CharField(max_length=100, verbose_name="consumer group")),
                ("kind", models.CharField(max_length=100, verbose_name="kind")),
                ("aggregate_type", models.CharField(max_length=100, verbose_name="aggregate type")),
                ("aggregate_id", models.CharField(max_length=64, verbose_name="aggregate id")),
                ("customer_id", models.BigIntegerField(blank=True, null=True, verbose_name="customer id")),
                ("user_id", models.UUIDField(blank=True, null=True, verbose_name="user id")),
                ("payload", models.JSONField(verbose_name="payload")),
                ("error_message", models.TextField(blank=True, default="", verbose_name="error")),
                ("retry_count", models.PositiveIntegerField(default=0, verbose_name="attempts so far")),
                ("failed_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="failed at")),
                ("replayed_at", models.DateTimeField(blank=True, null=True, verbose_name="sent again at")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="HeldDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("consumer_group", models.CharField(max_length=100, verbose_name="consumer group")),
                ("aggregate_type", models.CharField(max_length=100, verbose_name="aggregate type")),
                ("aggregate_id", models.CharField(max_length=64, verbose_name="aggregate id")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "next_attempt_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="next attempt at"),
                ),
                ("last_error", models.TextField(blank=True, default="", verbose_name="last error")),
                ("held_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="held since")),
            ],
            options={
                "verbose_name": "held delivery",
                "verbose_name_plural": "held deliveries",
            },
        ),
        migrations.CreateModel(
            name="InboxEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event_id", models.UUIDField(verbose_name="event id")),
                ("consumer_group", models.CharField(max_length=100, verbose_name="consumer group")),
                ("processed_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="processed at")),
            ],
            options={
                "verbose_name": "inbox entry",
                "verbose_name_plural": "inbox entries",
            },
        ),
        migrations.AddIndex(
            model_name="deadletter",
            index=models.Index(fields=["-failed_at", "-id"], name="events_dead_failed"),
        ),
        migrations.AddConstraint(
            model_name="deadletter",
            constraint=models.UniqueConstraint(fields=("event_id", "consumer_group"), name="events_dead_event_group"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deadletter",
            trigger=pgtrigger.compiler.Trigger(
                name="bump_version",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func="NEW.version = OLD.version + 1; NEW.updated_at = clock_timestamp(); RETURN NEW;",
                    hash="af7bfa2437fea202f11a47823662fabd0fae1b3c",
                    operation="UPDATE",
                    pgid="pgtrigger_bump_version_93955",
                    table="events_deadletter",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deadletter",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "events_deadletterevent" ("aggregate_id", "aggregate_type", "consumer_group", "created_at", "customer_id", "error_message", "event_id", "failed_at", "id", "kind", "payload", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "replayed_at", "retry_count", "updated_at", "user_id", "version") VALUES (NEW."aggregate_id", NEW."aggregate_type", NEW."consumer_group", NEW."created_at", NEW."customer_id", NEW."error_message", NEW."event_id", NEW."failed_at", NEW."id", NEW."kind", NEW."payload", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."public_id", NEW."replayed_at", NEW."retry_count", NEW."updated_at", NEW."user_id", NEW."version"); RETURN NULL;',
                    hash="a4846909ca25e6230756ea433cd1e641b66aa7f6",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_0c115",
                    table="events_deadletter",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deadletter",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "events_deadletterevent" ("aggregate_id", "aggregate_type", "consumer_group", "created_at", "customer_id", "error_message", "event_id", "failed_at", "id", "kind", "payload", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "replayed_at", "retry_count", "updated_at", "user_id", "version") VALUES (NEW."aggregate_id", NEW."aggregate_type", NEW."consumer_group", NEW."created_at", NEW."customer_id", NEW."error_message", NEW."event_id", NEW."failed_at", NEW."id", NEW."kind", NEW."payload", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."public_id", NEW."replayed_at", NEW."retry_count", NEW."updated_at", NEW."user_id", NEW."version"); RETURN NULL;',
                    hash="fc1ccfcecefc98cef31aca172ead3b2f4a804fee",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_574b8",
                    table="events_deadletter",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deadletter",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "events_deadletterevent" ("aggregate_id", "aggregate_type", "consumer_group", "created_at", "customer_id", "error_message", "event_id", "failed_at", "id", "kind", "payload", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "replayed_at", "retry_count", "updated_at", "user_id", "version") VALUES (OLD."aggregate_id", OLD."aggregate_type", OLD."consumer_group", OLD."created_at", OLD."customer_id", OLD."error_message", OLD."event_id", OLD."failed_at", OLD."id", OLD."kind", OLD."payload", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."public_id", OLD."replayed_at", OLD."retry_count", OLD."updated_at", OLD."user_id", OLD."version"); RETURN NULL;',
                    hash="38eddf629280546f64078134a535e83a6aa22ebc",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_cc9fe",
                    table="events_deadletter",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="deadletterevent",
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
            model_name="deadletterevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="events.deadletter",
            ),
        ),
        migrations.AddField(
            model_name="helddelivery",
            name="event",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="held_deliveries",
                to="events.outboxevent",
                verbose_name="event",
            ),
        ),
        migrations.AddConstraint(
            model_name="inboxentry",
            constraint=models.UniqueConstraint(fields=("event_id", "consumer_group"), name="events_inbox_event_group"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deadletterevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="629d335f24a8bdbbbfe63bb03f6327b62e0f9763",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_740ed",
                    table="events_deadletterevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="helddelivery",
            index=models.Index(
                fields=["consumer_group", "aggregate_type", "aggregate_id", "event"], name="events_held_aggregate"
            ),
        ),
        migrations.AddIndex(
            model_name="helddelivery",
            index=models.Index(fields=["consumer_group", "event"], name="events_held_queue"),
        ),
        migrations.AddConstraint(
            model_name="helddelivery",
            constraint=models.UniqueConstraint(fields=("event", "consumer_group"), name="events_held_event_group"),
        ),
    ]

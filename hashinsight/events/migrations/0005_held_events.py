import pgtrigger.compiler
import pgtrigger.migrations
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

# What tools for change data capture look for: the columns of Debezium's outbox event router, and the envelope of a
# change event. Documented in docs/howto/consume-events.md.
VIEWS = """
CREATE VIEW event_outbox AS
SELECT o.event_id AS id, o.aggregate_type AS aggregatetype, o.aggregate_id AS aggregateid, o.kind AS type, o.payload,
       o.schema_version AS version, o.customer_id AS tenant_id, o.user_id, o.request_id,
       floor(extract(epoch FROM o.created_at) * 1000)::bigint AS "timestamp", o.created_at, o.id AS position
  FROM events_outboxevent o;
CREATE VIEW event_outbox_changes AS
SELECT NULL::jsonb AS before,
       jsonb_build_object('id', e.id, 'aggregatetype', e.aggregatetype, 'aggregateid', e.aggregateid, 'type', e.type,
                          'payload', e.payload, 'version', e.version, 'tenant_id', e.tenant_id, 'user_id', e.user_id,
                          'request_id', e.request_id, 'timestamp', e."timestamp") AS after,
       jsonb_build_object('connector', 'postgresql', 'name', 'hashinsight', 'db', current_database(),
                          'schema', 'public', 'table', 'events_outboxevent', 'sequence', e.position,
                          'ts_ms', e."timestamp") AS source,
       'c'::text AS op, e."timestamp" AS ts_ms, e.position
  FROM event_outbox e;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0004_relays_and_replays"),
    ]

    operations = [
        migrations.AlterField(
            model_name="outboxevent",
            name="status",
            field=models.CharField(
                choices=[
                    ("pending", "pending"),
                    ("held", "held up"),
                    ("processed", "processed"),
                    ("failed", "failed"),
                ],
                default="pending",
                max_length=16,
                verbose_name="status",
            ),
        ),
        migrations.RemoveConstraint(model_name="outboxevent", name="events_outbox_status_known"),
        AddConstraintNotValid(
            model_name="outboxevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["pending", "held", "processed", "failed"])),
                name="events_outbox_status_known",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="outboxevent",
            trigger=pgtrigger.compiler.Trigger(
                name="wake_relay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="PERFORM pg_notify('hashinsight_events', ''); RETURN NULL;",
                    hash="8216de6080967fc76c446d141bd4acceaf99153e",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_wake_relay_13fda",
                    table="events_outboxevent",
                    when="AFTER",
                ),
            ),
        ),
        migrations.RunSQL(VIEWS, "DROP VIEW event_outbox_changes; DROP VIEW event_outbox;"),
    ]

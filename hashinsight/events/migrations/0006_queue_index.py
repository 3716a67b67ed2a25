from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("events", "0005_held_events"),
    ]

    operations = [
        ValidateConstraint(model_name="outboxevent", name="events_outbox_status_known"),
        AddIndexConcurrently(
            model_name="outboxevent",
            index=models.Index(condition=models.Q(("status", "pending")), fields=["id"], name="events_outbox_queue"),
        ),
    ]

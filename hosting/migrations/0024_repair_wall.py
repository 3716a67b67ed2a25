"""Repair orders seen by whoever owned the machine when they began."""

from django.db import migrations, models

from hashinsight.common.rls import CUSTOMER_IDS, ClientPolicy


class Migration(migrations.Migration):
    """Row security, and the index that the list of a client needs."""

    dependencies = [("hosting", "0023_once_own")]

    operations = [
        migrations.AddIndex(
            "RepairOrder", models.Index(fields=["customer", "-created_at", "-id"], name="hosting_repair_customer")
        ),
        ClientPolicy("RepairOrder", f"customer_id = ANY ({CUSTOMER_IDS})"),
    ]

"""Clients read the excused intervals of their machines."""

from django.db import migrations

from hashinsight.common.rls import CUSTOMER_IDS, ClientPolicy


class Migration(migrations.Migration):
    """Row security."""

    dependencies = [("hosting", "0026_excusedinterval")]

    operations = [ClientPolicy("ExcusedInterval", f"customer_id = ANY ({CUSTOMER_IDS})")]

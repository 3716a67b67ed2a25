"""Forecasts are everybody's to read who is signed in."""

from django.db import migrations

from hashinsight.common.rls import ClientPolicy


class Migration(migrations.Migration):
    """Row security: the house writes, clients read."""

    dependencies = [("intelligence", "0001_initial")]

    operations = [ClientPolicy(name, "true") for name in ("ForecastRun", "ForecastPoint", "ForecastScore")]

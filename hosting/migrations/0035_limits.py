"""Limits of power: as machines say them, and whether an edge device passes ours on.

The raw series is no model of Django's. A column without a default changes no row: it is there at once, in the parent
and in each of its partitions, and code that does not know it writes none.
"""

from django.db import migrations, models

COLUMN = "ALTER TABLE hosting_telemetry ADD COLUMN power_target_w real"
NO_COLUMN = "ALTER TABLE hosting_telemetry DROP power_target_w"


class Migration(migrations.Migration):
    """Columns that may be empty."""

    dependencies = [("hosting", "0034_chip_limit_of_models")]

    operations = [
        migrations.RunSQL(COLUMN, NO_COLUMN),
        migrations.AddField(
            model_name="minerlatest",
            name="power_target_w",
            field=models.FloatField(null=True, verbose_name="limit of power (W)"),
        ),
        migrations.AddField(
            model_name="edgelease",
            name="takes_limits",
            field=models.BooleanField(db_default=False, default=False, verbose_name="passes limits of power on"),
        ),
        migrations.AlterField(
            model_name="edgelease",
            name="switched",
            field=models.PositiveIntegerField(default=0, verbose_name="machines it has switched off or lowered"),
        ),
    ]

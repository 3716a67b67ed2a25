import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("curtailment", "0014_reported_from")]

    operations = [
        migrations.AddField(
            model_name="curtailmentplanminer",
            name="stood",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="It is no part of what was approved, and goes off as well should it run again.",
                verbose_name="stood still or was silent",
            ),
        ),
        migrations.AddField(
            model_name="controlsample",
            name="alone",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                blank=True,
                db_default=[],
                default=list,
                size=None,
                verbose_name="plans that wait for a second person",
            ),
        ),
    ]

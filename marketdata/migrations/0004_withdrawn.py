"""Values that whoever issued them has withdrawn."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0003_loads_and_csv"),
    ]

    operations = [
        migrations.AddField(
            model_name="pricepoint",
            name="is_withdrawn",
            field=models.BooleanField(db_default=False, default=False, verbose_name="withdrawn"),
        ),
    ]

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("marketdata", "0004_withdrawn"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="pricepoint",
            index=models.Index(
                condition=models.Q(("is_withdrawn", True)),
                fields=["series", "starts_at"],
                name="marketdata_point_withdrawn",
            ),
        ),
    ]

"""Finding some letters in what stands on a million machines: one text, one index of its groups of three letters."""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Coalesce, Upper


class Migration(migrations.Migration):
    """Built while others write."""

    atomic = False

    dependencies = [
        ("common", "0001_initial"),  # pg_trgm
        ("hosting", "0019_shipped_rules"),
    ]

    operations = [
        AddIndexConcurrently(
            "miner",
            django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(
                    Upper(
                        models.Func(
                            "serial",
                            models.Value("\n"),
                            "mac",
                            models.Value("\n"),
                            "model_text",
                            models.Value("\n"),
                            Coalesce(
                                models.Func("address", function="HOST", output_field=models.TextField()),
                                models.Value(""),
                            ),
                            template="(%(expressions)s)",
                            arg_joiner=" || ",
                            output_field=models.TextField(),
                        )
                    ),
                    name="gin_trgm_ops",
                ),
                name="hosting_miner_search",
            ),
        ),
    ]

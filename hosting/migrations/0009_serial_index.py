"""Finding a machine by its serial number alone, whoever made it."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    """One index, built while others write."""

    atomic = False

    dependencies = [("hosting", "0008_miner_import")]

    operations = [
        AddIndexConcurrently("miner", models.Index(Upper("serial"), name="hosting_miner_serial")),
    ]

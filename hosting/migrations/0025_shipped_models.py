"""Clients read the shipped models as well: their figures are their makers', nobody's secret."""

from django.db import migrations

OWN = "EXISTS (SELECT 1 FROM hosting_miner machine WHERE machine.model_id = hosting_minermodel.id)"


class Migration(migrations.Migration):
    """What the house entered itself stays with whoever has such a machine."""

    dependencies = [("hosting", "0024_repair_wall")]

    operations = [
        migrations.RunSQL(
            f"ALTER POLICY client_own ON hosting_minermodel USING ({OWN} OR (is_shipped AND is_active))",
            f"ALTER POLICY client_own ON hosting_minermodel USING ({OWN})",
        ),
    ]

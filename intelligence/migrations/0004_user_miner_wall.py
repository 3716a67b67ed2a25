"""A person sees own machines; nobody else of the same customer does."""

from django.db import migrations

from hashinsight.common.rls import USER_ID, ClientPolicy


class Migration(migrations.Migration):
    """Row security."""

    dependencies = [("intelligence", "0003_user_miners")]

    operations = [ClientPolicy("UserMiner", f"user_id = {USER_ID}")]

"""Row security on the tables a client reads as a person."""

from django.db import migrations

from hashinsight.common.rls import USER_ID, ClientPolicy


class Migration(migrations.Migration):
    """A client's request sees that person's keys only."""

    dependencies = [("accounts", "0001_initial")]

    operations = [ClientPolicy("ApiKey", f"user_id = {USER_ID}")]

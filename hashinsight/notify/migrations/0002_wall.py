"""Row security: a customer's people read its own webhooks, their rules and what was sent to them."""

from django.db import migrations

from hashinsight.common.rls import CUSTOMER_IDS, ClientPolicy

OWN = f"customer_id = ANY ({CUSTOMER_IDS})"


class Migration(migrations.Migration):
    """The second layer of isolation."""

    dependencies = [("notify", "0001_initial"), ("common", "0001_initial")]

    operations = [
        ClientPolicy("Channel", OWN),
        ClientPolicy("Rule", "EXISTS (SELECT 1 FROM notify_channel parent WHERE parent.id = channel_id)"),
        ClientPolicy("Delivery", OWN),
    ]

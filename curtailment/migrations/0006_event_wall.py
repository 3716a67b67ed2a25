"""Clients read their shares in events, their machines in them, and the plans that name their machines."""

from django.db import migrations

from hashinsight.common.rls import CUSTOMER_IDS, ClientPolicy

OWN = f"customer_id = ANY ({CUSTOMER_IDS})"


class Migration(migrations.Migration):
    """Row security."""

    dependencies = [("curtailment", "0005_events")]

    operations = [
        ClientPolicy("EventShare", OWN),
        ClientPolicy("EventMachine", OWN),
        ClientPolicy(
            "CurtailmentPlan",
            "EXISTS (SELECT 1 FROM curtailment_curtailmentplanminer machine"
            " WHERE machine.plan_id = curtailment_curtailmentplan.id)",
        ),
    ]

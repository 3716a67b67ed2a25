# ruff: noqa: E501  (SQL)
"""Tickets seen by their clients, and the promises a new installation begins with."""

from django.db import migrations

from hashinsight.common.rls import CUSTOMER_IDS, ClientPolicy

LEVELS = """
INSERT INTO hosting_servicelevel (public_id, created_at, updated_at, version, priority, respond_minutes, resolve_minutes)
VALUES (gen_random_uuid(), now(), now(), 1, 'urgent', 15, 240),
       (gen_random_uuid(), now(), now(), 1, 'high', 60, 720),
       (gen_random_uuid(), now(), now(), 1, 'medium', 240, 2880),
       (gen_random_uuid(), now(), now(), 1, 'low', 1440, 10080);
"""
NO_LEVELS = "DELETE FROM hosting_servicelevel;"


class Migration(migrations.Migration):
    """Row security and first rows."""

    dependencies = [("hosting", "0005_tickets_and_repairs"), ("journal", "0002_wall_and_guards")]

    operations = [
        ClientPolicy("Ticket", f"client_visible AND customer_id = ANY ({CUSTOMER_IDS})"),
        # A machine sold since is another's affair: the machine's own policy hides it.
        ClientPolicy(
            "TicketMiner",
            "EXISTS (SELECT 1 FROM hosting_ticket parent JOIN hosting_miner machine ON machine.id = miner_id"
            " WHERE parent.id = ticket_id AND machine.customer_id = parent.customer_id)",
        ),
        migrations.RunSQL(LEVELS, NO_LEVELS),
    ]

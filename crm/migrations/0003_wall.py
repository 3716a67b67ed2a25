"""Row security on every client-owned table of this app."""

from django.db import migrations

from hashinsight.common.rls import CUSTOMER_IDS, ClientPolicy

OWN = f"customer_id = ANY ({CUSTOMER_IDS})"
# The parent's own policy decides, so a child can never be wider than its parent.
OF_INVOICE = "EXISTS (SELECT 1 FROM crm_invoice parent WHERE parent.id = invoice_id)"
OF_DEAL = "EXISTS (SELECT 1 FROM crm_deal parent WHERE parent.id = deal_id)"


class Migration(migrations.Migration):
    """The second layer of isolation."""

    dependencies = [("crm", "0002_freeze")]

    operations = [
        ClientPolicy("Customer", f"id = ANY ({CUSTOMER_IDS})"),
        ClientPolicy("CustomerMembership", OWN),
        ClientPolicy("Deal", f"{OWN} AND status <> 'draft'"),
        ClientPolicy("DealLine", OF_DEAL),
        ClientPolicy("Invoice", f"{OWN} AND number IS NOT NULL"),
        ClientPolicy("InvoiceLine", OF_INVOICE),
        ClientPolicy("InvoiceDocument", OF_INVOICE),
        ClientPolicy("Payment", OWN),
        ClientPolicy("Activity", f"{OWN} AND client_visible"),
    ]

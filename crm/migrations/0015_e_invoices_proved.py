"""Proves that all rows keep the two new rules; needs no lock that would stop readers or writers."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    """The second half of two constraints."""

    dependencies = [("crm", "0014_e_invoices")]

    operations = [
        ValidateConstraint("customer", "crm_customer_format_known"),
        ValidateConstraint("invoicedocument", "crm_document_format_known"),
    ]

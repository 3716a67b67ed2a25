"""What is never deleted, and what a legal hold may be about."""

from collections.abc import Collection

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models import Customer, CustomerMembership, Invoice
from hashinsight.jobs.retention import Expansion, Found, HoldSubject, never_delete, register_subject

KEPT_TABLES = (
    "crm.Invoice",
    "crm.InvoiceLine",
    "crm.InvoiceDocument",
    "crm.InvoiceDelivery",
    "crm.Payment",
    "crm.NumberSeries",
    "crm.Customer",
    "crm.LegalEntity",
    "crm.TaxCode",
    "crm.TaxRate",
    "crm.LedgerAccount",
    "crm.JournalEntry",
    "crm.LedgerPosting",
    "crm.CustomerCredit",
    "crm.CreditApplication",
    "crm.Refund",
    "crm.WriteOff",
    "crm.Reversal",
    "crm.ExchangeRate",
    "crm.AccountingPeriod",
    "crm.DunningLetter",
    "crm.DunningItem",
)


def _customer(text: str) -> Found | None:
    rows = Customer.objects.filter(Q(company_name__iexact=text) | Q(email__iexact=text)).order_by("pk")[:2]
    found = list(rows)
    return (str(found[0].pk), found[0].company_name) if len(found) == 1 else None


def _invoice(text: str) -> Found | None:
    found = Invoice.objects.filter(number__iexact=text).first()
    return (str(found.pk), str(found.number)) if found is not None else None


def _of_customers(keys: Collection[str]) -> Expansion:
    """With a customer its invoices and the sign-ins of its people."""
    customers = [int(key) for key in keys]
    invoices = Invoice.objects.filter(customer_id__in=customers).values_list("pk", flat=True)
    people = CustomerMembership.objects.filter(customer_id__in=customers).values_list("user_id", flat=True)
    return {"crm.invoice": {str(key) for key in invoices}, "accounts.user": {str(key) for key in people}}


def register() -> None:
    """Called once from ``ready()``."""
    why = _("Documents, money and books are kept for as long as the law says, and corrected by counter-documents.")
    for table in KEPT_TABLES:
        never_delete(table, why)
    register_subject(HoldSubject("crm.customer", _("customer"), _customer, _of_customers))
    register_subject(HoldSubject("crm.invoice", _("invoice"), _invoice))

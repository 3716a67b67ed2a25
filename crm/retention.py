"""What is never deleted, what may go once it is old, and what a legal hold may be about."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from crm.models import AccountingExport, Customer, CustomerMembership, Invoice, JournalEntry
from hashinsight.jobs.retention import (
    Expansion,
    Found,
    Held,
    HoldSubject,
    RetentionKind,
    never_delete,
    register_kind,
    register_subject,
)

# Held by the database as well (crm_export_kept).
PROVISIONAL_KEEP_DAYS = 30
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


def _provisional(before: datetime, held: Held) -> QuerySet[AccountingExport]:
    """Files over months that were open when they were made; those with a held customer or invoice in them stay."""
    rows = AccountingExport.objects.filter(is_provisional=True, made_at__lt=before).defer("content", "frozen")
    months = {"legal_entity": OuterRef("legal_entity")}
    billed = Invoice.objects.filter(
        Q(pk__in=held.ids("crm.invoice")) | Q(customer__in=held.ids("crm.customer")), **months,
        issued_on__range=(OuterRef("first_month"), OuterRef("last_month")),
    )  # fmt: skip
    booked = JournalEntry.objects.filter(
        Q(invoice__in=held.ids("crm.invoice")) | Q(customer__in=held.ids("crm.customer")), **months,
        posted_on__range=(OuterRef("first_month"), OuterRef("last_month")),
    )  # fmt: skip
    return rows.exclude(Exists(billed)).exclude(Exists(booked))


KINDS = [
    RetentionKind(
        name="crm.provisional_exports",
        label=_("Provisional exports for accounting"),
        what=_(
            "Files over months that were still open when they were made. Files of closed months are kept for good: "
            "they come out again byte by byte."
        ),
        table="crm.AccountingExport",
        moment="made_at",
        rows=_provisional,
        keep_days=90,
        minimum_days=PROVISIONAL_KEEP_DAYS,
    )
]


def register() -> None:
    """Called once from ``ready()``."""
    for kind in KINDS:
        register_kind(kind)
    why = _("Documents, money and books are kept for as long as the law says, and corrected by counter-documents.")
    for table in KEPT_TABLES:
        never_delete(table, why)
    register_subject(HoldSubject("crm.customer", _("customer"), _customer, _of_customers))
    register_subject(HoldSubject("crm.invoice", _("invoice"), _invoice))

"""Models of the commercial truth."""

from crm.models.activity import Activity
from crm.models.customer import Customer, CustomerGroupPermission, CustomerUserPermission
from crm.models.deal import Deal, DealLine
from crm.models.delivery import InvoiceDelivery
from crm.models.document import InvoiceDocument
from crm.models.invoice import Invoice
from crm.models.invoice_line import InvoiceLine
from crm.models.lead import Lead
from crm.models.legal_entity import LegalEntity, Logo, NumberSeries
from crm.models.membership import CustomerMembership
from crm.models.payment import Payment
from crm.models.product import Product
from crm.models.tax import TaxCode, TaxRate

__all__ = [
    "Activity",
    "Customer",
    "CustomerGroupPermission",
    "CustomerMembership",
    "CustomerUserPermission",
    "Deal",
    "DealLine",
    "Invoice",
    "InvoiceDelivery",
    "InvoiceDocument",
    "InvoiceLine",
    "Lead",
    "LegalEntity",
    "Logo",
    "NumberSeries",
    "Payment",
    "Product",
    "TaxCode",
    "TaxRate",
]

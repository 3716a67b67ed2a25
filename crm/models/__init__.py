"""Models of the commercial truth."""

from crm.models.accounting import AccountingExport, AccountingSettings, DebtorNumber, TaxKey
from crm.models.activity import Activity
from crm.models.contract import Contract
from crm.models.customer import Customer, CustomerGroupPermission, CustomerUserPermission
from crm.models.customer_credit import CreditApplication, CustomerCredit, Refund
from crm.models.deal import Deal, DealLine
from crm.models.delivery import InvoiceDelivery
from crm.models.document import InvoiceDocument
from crm.models.dunning import Dispute, DunningHold, DunningItem, DunningLetter, DunningLevel
from crm.models.exchange_rate import ExchangeRate
from crm.models.invitation import Invitation
from crm.models.invoice import Invoice
from crm.models.invoice_line import InvoiceLine
from crm.models.lead import Lead
from crm.models.ledger import JournalEntry, LedgerAccount, LedgerPosting
from crm.models.legal_entity import LegalEntity, Logo, NumberSeries
from crm.models.limit import ApprovalLimit
from crm.models.membership import CustomerMembership
from crm.models.payment import Payment
from crm.models.period import AccountingPeriod
from crm.models.product import Product
from crm.models.tax import TaxCode, TaxRate
from crm.models.write_off import Reversal, WriteOff

__all__ = [
    "AccountingExport",
    "AccountingPeriod",
    "AccountingSettings",
    "Activity",
    "ApprovalLimit",
    "Contract",
    "CreditApplication",
    "Customer",
    "CustomerCredit",
    "CustomerGroupPermission",
    "CustomerMembership",
    "CustomerUserPermission",
    "Deal",
    "DealLine",
    "DebtorNumber",
    "Dispute",
    "DunningHold",
    "DunningItem",
    "DunningLetter",
    "DunningLevel",
    "ExchangeRate",
    "Invitation",
    "Invoice",
    "InvoiceDelivery",
    "InvoiceDocument",
    "InvoiceLine",
    "JournalEntry",
    "Lead",
    "LedgerAccount",
    "LedgerPosting",
    "LegalEntity",
    "Logo",
    "NumberSeries",
    "Payment",
    "Product",
    "Refund",
    "Reversal",
    "TaxCode",
    "TaxKey",
    "TaxRate",
    "WriteOff",
]

"""Colours of states, the same in every list; red is kept for what a person must act on. Words of frozen copies."""

from django.utils.translation import gettext_lazy as _

from crm.enums import ContractStatus, CustomerStatus, DealStage, DealStatus, DeliveryStatus, InvoiceStatus, LeadStatus

CUSTOMER = {CustomerStatus.ACTIVE: "success", CustomerStatus.INACTIVE: "default"}
LEAD = {
    LeadStatus.NEW: "info",
    LeadStatus.CONTACTED: "info",
    LeadStatus.QUALIFIED: "primary",
    LeadStatus.NEGOTIATION: "warning",
    LeadStatus.WON: "success",
    LeadStatus.LOST: "default",
}
STAGE = {
    DealStage.DISCOVERY: "info",
    DealStage.PROPOSAL: "primary",
    DealStage.NEGOTIATION: "warning",
    DealStage.CLOSED_WON: "success",
    DealStage.CLOSED_LOST: "default",
}
DEAL = {
    DealStatus.DRAFT: "default",
    DealStatus.PENDING: "warning",
    DealStatus.APPROVED: "info",
    DealStatus.SIGNED: "primary",
    DealStatus.COMPLETED: "success",
    DealStatus.CANCELLED: "default",
}
CONTRACT = {
    ContractStatus.DRAFT: "default",
    ContractStatus.ACTIVE: "success",
    ContractStatus.ENDED: "default",
    ContractStatus.CANCELLED: "default",
}
INVOICE = {
    InvoiceStatus.DRAFT: "default",
    InvoiceStatus.SENT: "info",
    InvoiceStatus.OVERDUE: "danger",
    InvoiceStatus.PAID: "success",
    InvoiceStatus.CANCELLED: "default",
}
DELIVERY = {DeliveryStatus.QUEUED: "info", DeliveryStatus.SENT: "success", DeliveryStatus.FAILED: "danger"}

# Parts of the parties as issued, as the history names them; an empty name leaves out what others say already.
PARTY_WORDS = {
    "name": _("name"),
    "contact_name": _("contact person"),
    "address_lines": "",
    "street": _("street"),
    "postal_code": _("postal code"),
    "city": _("city"),
    "region": _("state or region"),
    "country": _("country"),
    "tax_id": _("tax number"),
    "vat_id": _("VAT id"),
    "registration_number": _("registration number"),
    "email": _("e-mail address"),
    "phone": _("phone"),
    "website": _("website"),
    "customer_number": _("customer number"),
    "bank": _("bank"),
    "iban": _("IBAN or account number"),
    "bic": _("BIC"),
    "account_holder": _("account holder"),
    "footer": _("text at the foot of documents"),
    "logo_sha256": _("logo"),
}

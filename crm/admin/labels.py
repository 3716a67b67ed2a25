"""Colours of states, the same in every list. Red is kept for what a person must act on."""

from crm.enums import CustomerStatus, DealStage, DealStatus, DeliveryStatus, InvoiceStatus, LeadStatus

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
INVOICE = {
    InvoiceStatus.DRAFT: "default",
    InvoiceStatus.SENT: "info",
    InvoiceStatus.OVERDUE: "danger",
    InvoiceStatus.PAID: "success",
    InvoiceStatus.CANCELLED: "default",
}
DELIVERY = {DeliveryStatus.QUEUED: "info", DeliveryStatus.SENT: "success", DeliveryStatus.FAILED: "danger"}

"""States of the commercial truth, and for each state field its table of moves."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class CustomerStatus(TextChoices):
    """Whether we do business with a customer."""

    ACTIVE = "active", _("active")
    INACTIVE = "inactive", _("inactive")


CUSTOMER_MOVES = {
    CustomerStatus.ACTIVE: {CustomerStatus.INACTIVE},
    CustomerStatus.INACTIVE: {CustomerStatus.ACTIVE},
}


class MembershipRole(TextChoices):
    """What a client's user may do for the customer."""

    CUSTOMER_ADMIN = "customer_admin", _("customer admin")
    CUSTOMER_VIEWER = "customer_viewer", _("customer viewer")


class LeadStatus(TextChoices):
    """How far a lead has come."""

    NEW = "new", _("new")
    CONTACTED = "contacted", _("contacted")
    QUALIFIED = "qualified", _("qualified")
    NEGOTIATION = "negotiation", _("negotiation")
    WON = "won", _("won")
    LOST = "lost", _("lost")


# Steps may be skipped forwards; won only by conversion; lost may be taken up again.
LEAD_MOVES = {
    LeadStatus.NEW: {
        LeadStatus.CONTACTED, LeadStatus.QUALIFIED, LeadStatus.NEGOTIATION, LeadStatus.WON, LeadStatus.LOST,
    },
    LeadStatus.CONTACTED: {LeadStatus.QUALIFIED, LeadStatus.NEGOTIATION, LeadStatus.WON, LeadStatus.LOST},
    LeadStatus.QUALIFIED: {LeadStatus.NEGOTIATION, LeadStatus.WON, LeadStatus.LOST},
    LeadStatus.NEGOTIATION: {LeadStatus.WON, LeadStatus.LOST},
    LeadStatus.WON: set(),
    LeadStatus.LOST: {LeadStatus.CONTACTED},
}  # fmt: skip


class LeadSource(TextChoices):
    """Where a lead came from."""

    WEBSITE = "website", _("website")
    REFERRAL = "referral", _("referral")
    COLD_CALL = "cold_call", _("cold call")
    EVENT = "event", _("event")
    PARTNER = "partner", _("partner")
    IMPORT = "import", _("import")
    OTHER = "other", _("other")


class DealStage(TextChoices):
    """Sales stage of a deal."""

    DISCOVERY = "discovery", _("discovery")
    PROPOSAL = "proposal", _("proposal")
    NEGOTIATION = "negotiation", _("negotiation")
    CLOSED_WON = "closed_won", _("closed won")
    CLOSED_LOST = "closed_lost", _("closed lost")


_OPEN_STAGES = {DealStage.DISCOVERY, DealStage.PROPOSAL, DealStage.NEGOTIATION}
DEAL_STAGE_MOVES = {
    stage: (_OPEN_STAGES - {stage}) | {DealStage.CLOSED_WON, DealStage.CLOSED_LOST} for stage in _OPEN_STAGES
} | {DealStage.CLOSED_WON: set(), DealStage.CLOSED_LOST: set()}


class DealStatus(TextChoices):
    """Contract status of a deal."""

    DRAFT = "draft", _("draft")
    PENDING = "pending", _("pending approval")
    APPROVED = "approved", _("approved")
    SIGNED = "signed", _("signed")
    COMPLETED = "completed", _("completed")
    CANCELLED = "cancelled", _("cancelled")


DEAL_MOVES = {
    DealStatus.DRAFT: {DealStatus.PENDING, DealStatus.CANCELLED},
    DealStatus.PENDING: {DealStatus.APPROVED, DealStatus.DRAFT, DealStatus.CANCELLED},
    DealStatus.APPROVED: {DealStatus.SIGNED, DealStatus.CANCELLED},
    DealStatus.SIGNED: {DealStatus.COMPLETED, DealStatus.CANCELLED},
    DealStatus.COMPLETED: set(),
    DealStatus.CANCELLED: set(),
}


class ContractStatus(TextChoices):
    """How far a contract has come."""

    DRAFT = "draft", _("draft")
    ACTIVE = "active", pgettext_lazy("contract", "active")
    ENDED = "ended", pgettext_lazy("contract", "ended")
    CANCELLED = "cancelled", _("cancelled")


CONTRACT_MOVES = {
    ContractStatus.DRAFT: {ContractStatus.ACTIVE, ContractStatus.CANCELLED},
    ContractStatus.ACTIVE: {ContractStatus.ENDED},
    ContractStatus.ENDED: set(),
    ContractStatus.CANCELLED: set(),
}


class ActivityKind(TextChoices):
    """What happened."""

    NOTE = "note", _("note")
    CALL = "call", _("call")
    EMAIL = "email", _("e-mail")
    MEETING = "meeting", _("meeting")
    TASK = "task", _("task")
    LEAD_CREATED = "lead_created", _("lead created")
    LEAD_STATUS = "lead_status", _("lead moved")
    LEAD_CONVERTED = "lead_converted", _("lead converted")
    DEAL_STATUS = "deal_status", _("deal moved")
    INVOICE_ISSUED = "invoice_issued", _("invoice issued")
    INVOICE_OVERDUE = "invoice_overdue", _("invoice overdue")
    INVOICE_PAID = "invoice_paid", _("invoice paid")
    INVOICE_CANCELLED = "invoice_cancelled", _("invoice cancelled")
    INVOICE_REOPENED = "invoice_reopened", _("invoice open again")
    PAYMENT_RECORDED = "payment_recorded", _("payment recorded")
    PAYMENT_REVERSED = "payment_reversed", _("payment reversed")
    DEPOSIT_RECORDED = "deposit_recorded", _("deposit recorded")
    CREDIT_APPLIED = "credit_applied", _("credit applied")
    REFUND_RECORDED = "refund_recorded", _("refund recorded")
    WRITTEN_OFF = "written_off", _("written off")
    TAKEN_BACK = "taken_back", _("taken back")
    CREDIT_NOTE_ISSUED = "credit_note_issued", _("credit note issued")


# Kinds a person may enter; the others are written by the moves themselves.
MANUAL_ACTIVITY_KINDS = (
    ActivityKind.NOTE, ActivityKind.CALL, ActivityKind.EMAIL, ActivityKind.MEETING, ActivityKind.TASK,
)  # fmt: skip


class TaxCategory(TextChoices):
    """VAT category codes of EN 16931 (UNTDID 5305)."""

    STANDARD = "S", _("standard rate")
    ZERO = "Z", _("zero rated")
    EXEMPT = "E", _("exempt from tax")
    REVERSE_CHARGE = "AE", _("reverse charge")
    INTRA_COMMUNITY = "K", _("supply to another EU country")
    EXPORT = "G", _("export outside the EU")
    NOT_SUBJECT = "O", _("not subject to tax")


class UnitCode(TextChoices):
    """Units of quantity, UN/ECE Recommendation 20."""

    UNIT = "C62", pgettext_lazy("piece", "unit")
    KWH = "KWH", _("kWh")
    KW = "KWT", _("kW")
    MONTH = "MON", _("month")
    HOUR = "HUR", _("hour")
    DAY = "DAY", _("day")


class InvoiceKind(TextChoices):
    """What a document bills."""

    DEAL = "deal", _("invoice for a deal")
    USAGE = "usage", _("invoice for usage")
    CREDIT_NOTE = "credit_note", _("credit note")
    OPENING = "opening", _("invoice brought along")


class InvoiceStatus(TextChoices):
    """State of an invoice; ``sent`` is what accountants call issued."""

    DRAFT = "draft", _("draft")
    SENT = "sent", pgettext_lazy("invoice", "sent")
    OVERDUE = "overdue", _("overdue")
    PAID = "paid", _("paid")
    CANCELLED = "cancelled", _("cancelled")


INVOICE_MOVES = {
    InvoiceStatus.DRAFT: {InvoiceStatus.SENT, InvoiceStatus.CANCELLED},
    InvoiceStatus.SENT: {InvoiceStatus.OVERDUE, InvoiceStatus.PAID, InvoiceStatus.CANCELLED},
    InvoiceStatus.OVERDUE: {InvoiceStatus.PAID, InvoiceStatus.CANCELLED},
    InvoiceStatus.PAID: {InvoiceStatus.SENT},  # money was taken back: reversed or refunded
    InvoiceStatus.CANCELLED: set(),
}
ISSUED_STATUSES = (InvoiceStatus.SENT, InvoiceStatus.OVERDUE, InvoiceStatus.PAID, InvoiceStatus.CANCELLED)
OPEN_STATUSES = (InvoiceStatus.SENT, InvoiceStatus.OVERDUE)


class PaymentMethod(TextChoices):
    """How money reached us."""

    BANK_TRANSFER = "bank_transfer", _("bank transfer")
    CARD = "card", _("card")
    CASH = "cash", _("cash")
    BITCOIN = "bitcoin", _("bitcoin")
    OTHER = "other", _("other")


class CreditKind(TextChoices):
    """Why we hold money of a customer that belongs to no invoice."""

    DEPOSIT = "deposit", _("deposit")
    OVERPAYMENT = "overpayment", _("overpayment")
    CREDIT_NOTE = "credit_note", _("credit note after payment")
    OPENING = "opening", _("opening balance")
    OPENING_DEPOSIT = "opening_deposit", _("deposit brought along")


class WriteOffKind(TextChoices):
    """Why we give up a claim."""

    BAD_DEBT = "bad_debt", _("bad debt")
    SMALL_DIFFERENCE = "small_difference", _("small difference")


class AccountKind(TextChoices):
    """What a ledger account collects."""

    RECEIVABLE = "receivable", _("receivables")
    DEPOSITS = "deposits", _("customer deposits")
    CREDITS = "credits", _("customer credits")
    REVENUE = "revenue", _("revenue")
    OUTPUT_TAX = "output_tax", _("output tax")
    BANK = "bank", _("bank")
    CARD = "card", _("card payments")
    CASH = "cash", pgettext_lazy("account", "cash")
    WALLET = "wallet", _("bitcoin wallet")
    CLEARING = "clearing", _("other money in transit")
    CONVERSION = "conversion", _("currency conversion")
    FX_DIFFERENCE = "fx_difference", _("exchange differences")
    BAD_DEBT = "bad_debt", _("bad debt")
    SMALL_DIFFERENCE = "small_difference", _("small differences")
    OPENING_BALANCE = "opening_balance", _("opening balances")


# Accounts kept per customer: each posting names one. Their sum is what customers owe us, and what we owe them.
CUSTOMER_ACCOUNTS = (AccountKind.RECEIVABLE, AccountKind.DEPOSITS, AccountKind.CREDITS)
MONEY_ACCOUNTS = {
    PaymentMethod.BANK_TRANSFER: AccountKind.BANK,
    PaymentMethod.CARD: AccountKind.CARD,
    PaymentMethod.CASH: AccountKind.CASH,
    PaymentMethod.BITCOIN: AccountKind.WALLET,
    PaymentMethod.OTHER: AccountKind.CLEARING,
}


class EntryKind(TextChoices):
    """What a journal entry books; with its source it is unique, so that nothing is booked twice."""

    INVOICE = "invoice", _("invoice")
    CREDIT_NOTE = "credit_note", _("credit note")
    PAYMENT = "payment", _("payment")
    DEPOSIT = "deposit", _("deposit")
    APPLICATION = "application", _("credit applied")
    REFUND = "refund", _("refund")
    WRITE_OFF = "write_off", _("write-off")
    REVERSAL = "reversal", _("reversal")
    OPENING_INVOICE = "opening_invoice", _("invoice brought along")
    OPENING_CREDIT = "opening_credit", _("credit brought along")


class DeliveryStatus(TextChoices):
    """State of an e-mail delivery."""

    QUEUED = "queued", _("queued")
    SENT = "sent", pgettext_lazy("e-mail", "sent")
    FAILED = "failed", _("failed")


DELIVERY_MOVES = {
    DeliveryStatus.QUEUED: {DeliveryStatus.SENT, DeliveryStatus.FAILED},
    DeliveryStatus.FAILED: {DeliveryStatus.QUEUED},
    DeliveryStatus.SENT: set(),
}


class NumberScope(TextChoices):
    """Who shares a series of document numbers."""

    CUSTOMER = "customer", _("one series per customer (a number tells nobody about other customers)")
    ENTITY = "entity", _("one series for all customers")


class DocumentFormat(TextChoices):
    """Form of a stored document."""

    PDF = "pdf", _("PDF")
    XML = "xml", _("e-invoice (XML)")


class LimitedAct(TextChoices):
    """Acts on money that may need a second person."""

    CREDIT_NOTE = "credit_note", _("credit note")
    REFUND = "refund", _("refund")
    WRITE_OFF = "write_off", _("write-off")


class LimitRule(TextChoices):
    """When a second person is needed."""

    NEVER = "never", _("never")
    ABOVE = "above", _("above an amount")
    ALWAYS = "always", _("always")


class PeriodState(TextChoices):
    """Whether a month of the books takes more."""

    OPEN = "open", pgettext_lazy("period", "open")
    CLOSED = "closed", pgettext_lazy("period", "closed")


PERIOD_MOVES = {PeriodState.OPEN: {PeriodState.CLOSED}, PeriodState.CLOSED: {PeriodState.OPEN}}


class InvoiceFormat(TextChoices):
    """How a customer wants its invoices."""

    AUTO = "auto", _("PDF, with the e-invoice inside as soon as its data are complete")
    FACTURX = "facturx", _("PDF with the e-invoice inside, always (Factur-X, ZUGFeRD)")
    XRECHNUNG = "xrechnung", _("XRechnung (XML), with a PDF to look at")
    PDF = "pdf", _("PDF only")


class AddressScheme(TextChoices):
    """What kind of electronic address it is: codes of the EAS list that our customers use."""

    EMAIL = "EM", _("e-mail address")
    LEITWEG_ID = "0204", _("Leitweg-ID (Germany)")
    GLN = "0088", _("GLN (GS1)")
    DUNS = "0060", _("D-U-N-S number")
    VAT_DE = "9930", _("VAT id, Germany")
    VAT_AT = "9914", _("VAT id, Austria")
    VAT_FR = "9957", _("VAT id, France")
    KVK = "0106", _("KvK number, Netherlands")
    CBE = "0208", _("enterprise number, Belgium")
    CVR = "0184", _("CVR number, Denmark")
    ORG_NO = "0192", _("organisation number, Norway")
    ORG_SE = "0007", _("organisation number, Sweden")
    OVT = "0216", _("OVT code, Finland")
    UID_CH = "0183", _("UID, Switzerland")


class ExportKind(TextChoices):
    """What is made for accounting."""

    DOCUMENTS = "documents", _("documents (PDF and XML, ZIP)")
    JOURNAL_CSV = "journal_csv", _("journal (CSV)")
    JOURNAL_XLSX = "journal_xlsx", _("journal (XLSX)")
    DATEV = "datev", _("DATEV (posting batch)")
    XERO = "xero", _("Xero (sales invoices)")
    QUICKBOOKS = "quickbooks", _("QuickBooks Online (invoices)")


class DateOrder(TextChoices):
    """How a region writes its dates."""

    DMY = "dmy", _("day/month/year")
    MDY = "mdy", _("month/day/year")

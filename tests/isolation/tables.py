"""Tables whose rows no attack may change."""

SNAPSHOT_TABLES = (
    "crm_customer", "crm_customermembership", "crm_lead", "crm_deal", "crm_dealline", "crm_invoice", "crm_invoiceline",
    "crm_invoicedocument", "crm_invoicedelivery", "crm_payment", "crm_customercredit", "crm_creditapplication",
    "crm_refund", "crm_writeoff", "crm_reversal", "crm_journalentry", "crm_ledgerposting", "crm_activity",
    "crm_numberseries", "crm_accountingexport",
    "crm_contract", "hosting_site", "hosting_zone", "hosting_rack", "hosting_priceplan", "hosting_priceplanversion",
    "hosting_pricecomponent", "hosting_hostingterms", "hosting_minermodel", "hosting_miner", "hosting_minerplacement",
    "hosting_minerownership", "hosting_mineroperation", "hosting_ticket", "hosting_ticketminer", "journal_note",
    "journal_attachment",
    "approvals_approvalrequest", "notify_channel", "notify_rule", "notify_delivery",
    "accounts_apikey", "accounts_user", "jobs_duework", "events_outboxevent",
)  # fmt: skip

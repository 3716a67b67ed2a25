"""Tables whose rows no attack may change, and their state."""

from django.db import connection

SNAPSHOT_TABLES = (
    "crm_customer", "crm_customermembership", "crm_lead", "crm_deal", "crm_dealline", "crm_invoice", "crm_invoiceline",
    "crm_invoicedocument", "crm_invoicedelivery", "crm_payment", "crm_customercredit", "crm_creditapplication",
    "crm_refund", "crm_writeoff", "crm_reversal", "crm_journalentry", "crm_ledgerposting", "crm_activity",
    "crm_numberseries", "crm_accountingexport",
    "crm_contract", "hosting_site", "hosting_zone", "hosting_rack", "hosting_priceplan", "hosting_priceplanversion",
    "hosting_pricecomponent", "hosting_hostingterms", "hosting_minermodel", "hosting_miner", "hosting_minerplacement",
    "hosting_minerownership", "hosting_mineroperation", "hosting_ticket", "hosting_ticketminer", "hosting_repairorder",
    "curtailment_curtailmentplan", "curtailment_curtailmentplanminer", "curtailment_eventshare",
    "curtailment_eventmachine", "hosting_excusedinterval",
    "hosting_meter", "hosting_meterreading", "hosting_meterchange",
    "journal_note",
    "journal_attachment",
    "approvals_approvalrequest", "notify_channel", "notify_rule", "notify_delivery",
    "accounts_apikey", "accounts_user", "jobs_duework", "events_outboxevent",
)  # fmt: skip


def snapshot() -> str:
    """One text for the state of all tables: which versions of rows there are. Being used is no change of a key."""
    parts = [
        "(SELECT md5(string_agg((to_jsonb(t) - 'last_used_at' - 'last_used_ip')::text, '|' ORDER BY id))"
        " FROM accounts_apikey t)",
        *(
            f"(SELECT concat(count(*), ':', sum(hashtextextended(concat(xmin, ctid), 0))) FROM {table})"
            for table in SNAPSHOT_TABLES
            if table != "accounts_apikey"
        ),
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT concat_ws(',', {', '.join(parts)})")
        return str(cursor.fetchone()[0])

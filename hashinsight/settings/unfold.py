"""The look of the admin: name, colours, navigation."""

from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

from hashinsight.sidebar import CURTAILMENT, MARKET
from hashinsight.sidebar import item as _item

UNFOLD = {
    "SITE_TITLE": "HashInsight",
    "SITE_HEADER": "HashInsight",
    "SITE_SUBHEADER": _("Back office of a hosting company"),
    "SITE_URL": "/",
    "SITE_SYMBOL": "memory",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("hashinsight/icon.svg")},
    ],
    # Colours stand in admin.css: unfold would write them into each page, which the content policy does not allow.
    "STYLES": [lambda _request: static("hashinsight/admin.css")],
    "SCRIPTS": [lambda _request: static("hashinsight/admin.js")],
    "DASHBOARD_CALLBACK": "hashinsight.dashboard.dashboard",
    "COMMAND": {"search_models": False, "show_history": False},
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": [
            {
                "title": _("Sales"),
                "separator": False,
                "items": [
                    _item(_("Customers"), "apartment", "admin:crm_customer_changelist", "crm.view_customer"),
                    _item(_("Leads"), "person_search", "admin:crm_lead_changelist", "crm.view_lead"),
                    _item(_("Deals"), "handshake", "admin:crm_deal_changelist", "crm.view_deal"),
                    _item(_("Contracts"), "contract", "admin:crm_contract_changelist", "crm.view_contract"),
                    _item(_("Activities"), "history_edu", "admin:crm_activity_changelist", "crm.view_activity"),
                    _item(_("Products"), "inventory_2", "admin:crm_product_changelist", "crm.view_product"),
                ],
            },
            {
                "title": _("Hosting"),
                "separator": True,
                "items": [
                    _item(_("Miners"), "memory", "admin:hosting_miner_changelist", "hosting.view_miner"),
                    _item(
                        _("Tickets"), "confirmation_number", "admin:hosting_ticket_changelist", "hosting.view_ticket"
                    ),
                    _item(
                        _("Repair orders"),
                        "build",
                        "admin:hosting_repairorder_changelist",
                        "hosting.view_repairorder",
                    ),
                    _item(_("Sites"), "factory", "admin:hosting_site_changelist", "hosting.view_site"),
                    _item(_("Zones"), "grid_view", "admin:hosting_zone_changelist", "hosting.view_zone"),
                    _item(_("Racks"), "shelves", "admin:hosting_rack_changelist", "hosting.view_rack"),
                    _item(_("Price plans"), "sell", "admin:hosting_priceplan_changelist", "hosting.view_priceplan"),
                    _item(
                        _("Hosting terms"),
                        "assignment",
                        "admin:hosting_hostingterms_changelist",
                        "hosting.view_hostingterms",
                    ),
                    _item(_("Meters"), "electric_meter", "admin:hosting_meter_changelist", "hosting.view_meter"),
                    _item(
                        _("Readings of meters"),
                        "show_chart",
                        "admin:hosting_meterreading_changelist",
                        "hosting.view_meterreading",
                    ),
                    _item(_("Demand"), "speed", "admin:hosting_demand15min_changelist", "hosting.view_demand15min"),
                    _item(_("Usage"), "bolt", "admin:hosting_usage15min_changelist", "hosting.view_usage15min"),
                    _item(
                        _("Months of zones"),
                        "calendar_month",
                        "admin:hosting_demandledgermonth_changelist",
                        "hosting.view_demandledgermonth",
                    ),
                    _item(
                        _("Imports of miners"),
                        "upload_file",
                        "admin:hosting_minerimport_changelist",
                        "hosting.import_miner",
                    ),
                    _item(
                        _("Miner models"), "category", "admin:hosting_minermodel_changelist", "hosting.view_minermodel"
                    ),
                    _item(
                        _("Logins of machines"),
                        "key",
                        "admin:hosting_minersecret_changelist",
                        "hosting.view_minersecret",
                    ),
                    _item(
                        _("Service levels"),
                        "timer",
                        "admin:hosting_servicelevel_changelist",
                        "hosting.view_servicelevel",
                    ),
                    _item(
                        _("Alert rules"),
                        "notification_important",
                        "admin:hosting_mineralertrule_changelist",
                        "hosting.view_mineralertrule",
                    ),
                    _item(
                        _("Operations on miners"),
                        "list_alt",
                        "admin:hosting_mineroperation_changelist",
                        "hosting.view_mineroperation",
                    ),
                    _item(
                        _("Edge devices"), "sensors", "admin:hosting_edgedevice_changelist", "hosting.view_edgedevice"
                    ),
                    _item(_("Batches"), "inbox", "admin:hosting_edgebatch_changelist", "hosting.view_edgebatch"),
                    _item(_("Keys of leases"), "vpn_key", "admin:hosting_leasekey_changelist", "hosting.view_leasekey"),
                    _item(
                        _("Readings put aside"),
                        "rule",
                        "admin:hosting_quarantinedreading_changelist",
                        "hosting.view_quarantinedreading",
                    ),
                ],
            },
            CURTAILMENT,
            MARKET,
            {
                "title": _("Finance"),
                "separator": True,
                "items": [
                    _item(_("Invoices"), "receipt_long", "admin:crm_invoice_changelist", "crm.view_invoice"),
                    _item(_("Payments"), "payments", "admin:crm_payment_changelist", "crm.view_payment"),
                    _item(
                        _("Customer credits"),
                        "savings",
                        "admin:crm_customercredit_changelist",
                        "crm.view_customercredit",
                    ),
                    _item(
                        _("Credit applications"),
                        "output",
                        "admin:crm_creditapplication_changelist",
                        "crm.view_creditapplication",
                    ),
                    _item(_("Refunds"), "undo", "admin:crm_refund_changelist", "crm.view_refund"),
                    _item(_("Write-offs"), "money_off", "admin:crm_writeoff_changelist", "crm.view_writeoff"),
                    _item(
                        _("Reversals"), "settings_backup_restore", "admin:crm_reversal_changelist", "crm.view_reversal"
                    ),
                    _item(
                        _("Receivables by age"),
                        "hourglass_bottom",
                        "admin:crm_journalentry_ageing",
                        "crm.view_journalentry",
                    ),
                    _item(_("Journal"), "menu_book", "admin:crm_journalentry_changelist", "crm.view_journalentry"),
                    _item(
                        _("Deliveries"),
                        "outgoing_mail",
                        "admin:crm_invoicedelivery_changelist",
                        "crm.view_invoicedelivery",
                    ),
                    _item(
                        _("Approvals"),
                        "approval",
                        "admin:approvals_approvalrequest_changelist",
                        "approvals.view_approvalrequest",
                    ),
                    _item(_("Legal entities"), "domain", "admin:crm_legalentity_changelist", "crm.view_legalentity"),
                    _item(_("Reminders"), "mail", "admin:crm_dunningletter_changelist", "crm.view_dunningletter"),
                    _item(_("Dunning levels"), "stairs", "admin:crm_dunninglevel_changelist", "crm.view_dunninglevel"),
                    _item(
                        _("Dunning holds"), "pause_circle", "admin:crm_dunninghold_changelist", "crm.view_dunninghold"
                    ),
                    _item(_("Disputes"), "gavel", "admin:crm_dispute_changelist", "crm.view_dispute"),
                    _item(
                        _("Exports for accounting"),
                        "folder_zip",
                        "admin:crm_accountingexport_changelist",
                        "crm.view_accountingexport",
                    ),
                    _item(
                        _("Accounting settings"),
                        "tune",
                        "admin:crm_accountingsettings_changelist",
                        "crm.view_accountingsettings",
                    ),
                    _item(
                        _("Ledger accounts"),
                        "account_tree",
                        "admin:crm_ledgeraccount_changelist",
                        "crm.view_ledgeraccount",
                    ),
                    _item(_("Debtor numbers"), "tag", "admin:crm_debtornumber_changelist", "crm.view_debtornumber"),
                    _item(_("Tax keys"), "percent", "admin:crm_taxkey_changelist", "crm.view_taxkey"),
                    _item(
                        _("Accounting periods"),
                        "event_available",
                        "admin:crm_accountingperiod_changelist",
                        "crm.view_accountingperiod",
                    ),
                    _item(
                        _("Second-person limits"),
                        "group_add",
                        "admin:crm_approvallimit_changelist",
                        "crm.view_approvallimit",
                    ),
                    _item(_("Tax codes"), "percent", "admin:crm_taxcode_changelist", "crm.view_taxcode"),
                ],
            },
            {
                "title": _("People"),
                "separator": True,
                "items": [
                    _item(_("Users"), "person", "admin:accounts_user_changelist", "accounts.view_user"),
                    _item(
                        _("Memberships"),
                        "badge",
                        "admin:crm_customermembership_changelist",
                        "crm.view_customermembership",
                    ),
                    _item(
                        _("Invitations"),
                        "forward_to_inbox",
                        "admin:crm_invitation_changelist",
                        "crm.view_invitation",
                    ),
                    _item(_("Groups"), "groups", "admin:auth_group_changelist", "auth.view_group"),
                    _item(
                        _("Access grants"), "key", "admin:accounts_accessgrant_changelist", "accounts.view_accessgrant"
                    ),
                    _item(_("API keys"), "vpn_key", "admin:accounts_apikey_changelist", "accounts.view_apikey"),
                    _item(
                        _("Login records"),
                        "login",
                        "admin:accounts_loginrecord_changelist",
                        "accounts.view_loginrecord",
                    ),
                    _item(_("Sessions"), "devices", "admin:accounts_session_changelist", "accounts.view_session"),
                    _item(
                        _("Lock-outs"), "lock_clock", "admin:axes_accessattempt_changelist", "axes.view_accessattempt"
                    ),
                    _item(
                        _("Second factors"),
                        "phonelink_lock",
                        "admin:mfa_authenticator_changelist",
                        "mfa.view_authenticator",
                    ),
                    _item(
                        _("E-mail addresses"),
                        "alternate_email",
                        "admin:account_emailaddress_changelist",
                        "account.view_emailaddress",
                    ),
                    _item(_("Wallets"), "wallet", "admin:accounts_wallet_changelist", "accounts.view_wallet"),
                ],
            },
            {
                "title": _("Notifications"),
                "separator": True,
                "items": [
                    _item(_("Alerts"), "notifications_active", "admin:notify_alert_changelist", "notify.view_alert"),
                    _item(
                        _("Messages"), "forward_to_inbox", "admin:notify_delivery_changelist", "notify.view_delivery"
                    ),
                    _item(_("Rules"), "rule", "admin:notify_rule_changelist", "notify.view_rule"),
                    _item(_("On call"), "phone_in_talk", "admin:notify_rota_changelist", "notify.view_rota"),
                    _item(_("Channels"), "campaign", "admin:notify_channel_changelist", "notify.view_channel"),
                ],
            },
            {
                "title": _("System"),
                "separator": True,
                "items": [
                    _item(_("Jobs"), "task_alt", "admin:jobs_jobrun_overview", "jobs.view_jobrun"),
                    _item(_("Due work"), "pending_actions", "admin:jobs_duework_changelist", "jobs.view_duework"),
                    _item(_("Outbox"), "outbox", "admin:events_outboxevent_changelist", "events.view_outboxevent"),
                    _item(
                        _("Dead letters"), "mail_off", "admin:events_deadletter_changelist", "events.view_deadletter"
                    ),
                    _item(
                        _("Held deliveries"),
                        "hourglass_top",
                        "admin:events_helddelivery_changelist",
                        "events.view_helddelivery",
                    ),
                    _item(_("Inbox"), "inbox", "admin:events_inboxentry_changelist", "events.view_inboxentry"),
                    _item(_("Replays"), "replay", "admin:events_replay_changelist", "events.view_replay"),
                    _item(_("Relays"), "sync_alt", "admin:events_relayprocess_changelist", "events.view_relayprocess"),
                    _item(_("Backups"), "backup", "admin:backup_backup_changelist", "backup.view_backup"),
                    _item(
                        _("Restore drills"),
                        "fact_check",
                        "admin:backup_restoredrill_changelist",
                        "backup.view_restoredrill",
                    ),
                    _item(
                        _("Lives of the database"),
                        "restore",
                        "admin:common_incarnation_changelist",
                        "common.view_incarnation",
                    ),
                    _item(
                        _("Sealed history"), "verified", "admin:audit_auditbatch_changelist", "audit.view_auditbatch"
                    ),
                    _item(
                        _("Schedules"),
                        "schedule",
                        "admin:django_celery_beat_periodictask_changelist",
                        "django_celery_beat.view_periodictask",
                    ),
                    _item(
                        _("Retention"),
                        "auto_delete",
                        "admin:jobs_retentionpolicy_changelist",
                        "jobs.view_retentionpolicy",
                    ),
                    _item(_("Legal holds"), "gavel", "admin:jobs_legalhold_changelist", "jobs.view_legalhold"),
                    _item(_("Database"), "database", "admin:jobs_tablesize_overview", "jobs.view_tablesize"),
                ],
            },
        ],
    },
}

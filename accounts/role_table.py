"""What each shipped role may do: the one written table. The groups in the database follow it (``sync_roles``).

Upper apps are known here only by the names of their permissions, as text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from accounts.enums import StaffRole

VIEW, ADD, CHANGE, DELETE = "view", "add", "change", "delete"
FULL = (VIEW, ADD, CHANGE, DELETE)

# Tables of the business, as far as everybody in the back office may look at them.
SALES_TABLES = (
    "crm.customer", "crm.lead", "crm.deal", "crm.dealline", "crm.contract", "crm.activity", "crm.product",
)  # fmt: skip
FINANCE_TABLES = (
    "crm.invoice",
    "crm.invoiceline",
    "crm.invoicedocument",
    "crm.invoicedelivery",
    "crm.payment",
    "crm.customercredit",
    "crm.creditapplication",
    "crm.refund",
    "crm.writeoff",
    "crm.reversal",
    "crm.journalentry",
    "crm.ledgerposting",
    "crm.legalentity",
    "crm.logo",
    "crm.numberseries",
    "crm.taxcode",
    "crm.taxrate",
    "crm.approvallimit",
    "crm.accountingperiod",
    "crm.dunninglevel",
    "crm.dunninghold",
    "crm.dunningletter",
    "crm.dispute",
    "crm.accountingsettings",
    "crm.accountingexport",
    "crm.ledgeraccount",
    "crm.debtornumber",
    "crm.taxkey",
)
PLACE_TABLES = ("hosting.site", "hosting.siteholiday", "hosting.zone", "hosting.rack")
PRICE_TABLES = (
    "hosting.priceplan",
    "hosting.priceplanversion",
    "hosting.pricecomponent",
    "hosting.pricewindow",
    "hosting.hostingterms",
)
TICKET_TABLES = (
    "hosting.ticket", "hosting.ticketminer", "hosting.repairorder", "hosting.servicelevel", "hosting.mineralertrule",
)  # fmt: skip
FLEET_TABLES = (
    "hosting.minermodel",
    "hosting.miner",
    "hosting.minerplacement",
    "hosting.minerownership",
    "hosting.mineroperation",
    "hosting.minerimport",
)
USAGE_TABLES = (
    "hosting.demand15min", "hosting.usage15min", "hosting.demandledgermonth", "hosting.meter", "hosting.meterreading",
    "hosting.meterchange",
)  # fmt: skip
EDGE_TABLES = (
    "hosting.edgedevice", "hosting.edgetoken", "hosting.edgebatch", "hosting.quarantinedreading", "hosting.leasekey",
)  # fmt: skip
HOSTING_TABLES = (*PLACE_TABLES, *PRICE_TABLES, *FLEET_TABLES, *TICKET_TABLES, *USAGE_TABLES, *EDGE_TABLES)
MARKET_TABLES = (
    "marketdata.networksnapshot", "marketdata.sourceanswer", "marketdata.sourcestate", "marketdata.marketday",
    "marketdata.technicalindicator", "marketdata.difficultyperiod", "marketdata.priceseries", "marketdata.pricepoint",
    "marketdata.coin", "marketdata.coinprofitability", "intelligence.forecastrun", "intelligence.forecastscore",
    "intelligence.userminer", "intelligence.schedulerun", "intelligence.scheduleentry", "intelligence.schedulesettings",
    "intelligence.powermode",
)  # fmt: skip
CURTAILMENT_TABLES = (
    "curtailment.curtailmentplan", "curtailment.curtailmentplanminer", "curtailment.machineorder",
    "curtailment.standingapproval", "curtailment.sitecontrol", "curtailment.killswitch",
    "curtailment.programme", "curtailment.programmecommitment", "curtailment.dispatch", "curtailment.dispatchmessage",
    "curtailment.vtnconnection", "curtailment.vtnresource", "curtailment.ruleexecution",
    "curtailment.curtailmentevent", "curtailment.strikerule", "curtailment.peakrule", "curtailment.leasereport",
    "curtailment.siterestore",
)  # fmt: skip
APPROVALS = (
    "approvals.view_approvalrequest",
    "approvals.decide_approvalrequest",
    "approvals.withdraw_approvalrequest",
)
JOB_TABLES = ("jobs.jobrun", "jobs.duework")
EVENT_TABLES = (
    "events.outboxevent",
    "events.inboxentry",
    "events.helddelivery",
    "events.deadletter",
    "events.relayprocess",
    "events.replay",
)
ALERT_TABLES = ("notify.alert", "notify.delivery")
CHANNEL_TABLES = ("notify.channel", "notify.rule", "notify.rota", "notify.rotarow", "notify.rotashift")
SAFETY_TABLES = ("backup.backup", "backup.restoredrill", "common.incarnation", "audit.auditbatch")
RETENTION_TABLES = (
    "jobs.retentionpolicy",
    "jobs.legalhold",
    "jobs.retentionreport",
    "jobs.tablesize",
    "jobs.jobswitch",
)
SCHEDULE_TABLES = (
    "django_celery_beat.periodictask",
    "django_celery_beat.crontabschedule",
    "django_celery_beat.intervalschedule",
)
DEAL_MOVES = ("crm.move_deal", "crm.sign_deal", "crm.complete_deal", "crm.cancel_deal")
LEAD_MOVES = ("crm.convert_lead", "crm.move_lead")
NOTIFY_MOVES = frozenset(
    f"notify.{name}"
    for name in ("acknowledge_alert", "redeliver_delivery", "test_channel", "switch_channel", "rotate_channel")
)
MONEY_MOVES = tuple(
    f"crm.{name}"
    for name in (
        "apply_customercredit", "refund_customercredit", "reverse_customercredit", "refund_payment", "reverse_payment",
        "reverse_creditapplication", "reverse_refund", "reverse_writeoff",
    )
)  # fmt: skip
INVOICE_MOVES = ("crm.issue_invoice", "crm.credit_invoice", "crm.cancel_invoice", "crm.send_invoice")


@dataclass(frozen=True)
class Role:
    """A group as shipped: what it is for, and its permissions as ``app.codename``."""

    name: StaffRole
    purpose: str
    permissions: frozenset[str]


def _on(tables: Iterable[str], *verbs: str) -> set[str]:
    return {f"{app}.{verb}_{model}" for app, model in (table.split(".") for table in tables) for verb in verbs}


def _names(*groups: Iterable[str]) -> frozenset[str]:
    return frozenset(name for group in groups for name in group)


_LOOK_AT_BUSINESS = _on(
    (*SALES_TABLES, *FINANCE_TABLES, *HOSTING_TABLES, *MARKET_TABLES, *CURTAILMENT_TABLES), VIEW
) | {
    "crm.view_customermembership",
    "approvals.view_approvalrequest",
}
# Prices of energy and of exchange: who bills by them and who runs machines by them keeps them.
_MARKET = _on(("marketdata.priceseries",), ADD, CHANGE) | {"marketdata.import_priceseries", "intelligence.run_forecast"}
_SALES = (
    _on(("crm.customer", "crm.lead", "crm.deal", "crm.activity", "crm.contract"), ADD, CHANGE)
    | _on(("crm.dealline",), ADD, CHANGE, DELETE)
    | _on(("hosting.hostingterms",), ADD, CHANGE, DELETE)
    | _on(("hosting.ticket",), VIEW, ADD)
    | {*DEAL_MOVES, *LEAD_MOVES}
    | {"crm.export_customer", "crm.export_lead", "crm.import_lead", "crm.export_deal"}
)
_FINANCE = (
    _on(("crm.invoice",), ADD, CHANGE, DELETE)
    | _on(("crm.invoiceline", "crm.taxrate", "crm.taxcode", "crm.legalentity", "crm.logo"), ADD, CHANGE, DELETE)
    | _on(("crm.product",), ADD, CHANGE)
    | _on(("crm.payment", "crm.customercredit", "crm.writeoff"), ADD)
    | {*MONEY_MOVES, "crm.export_journalentry"}
    | _on(("crm.invoicedelivery",), CHANGE)
    | {*INVOICE_MOVES, "crm.export_invoice", "crm.export_payment", "crm.export_customer", "crm.export_deal"}
    | {"crm.approve_deal", "crm.import_product"}
    | _on(("crm.dunninglevel", "crm.dunninghold"), ADD, CHANGE, DELETE)
    | _on(("crm.dispute",), ADD, CHANGE)
    | {*APPROVALS, "crm.close_accountingperiod", "crm.send_dunningletter"}
    | _on(("crm.accountingsettings", "crm.debtornumber", "crm.taxkey"), ADD, CHANGE, DELETE)
    | {"crm.make_accountingexport", "crm.change_ledgeraccount"}
    | _on(PRICE_TABLES, ADD, CHANGE, DELETE)
    | {"crm.activate_contract", "crm.end_contract", "crm.export_contract"}
    | {"hosting.publish_priceplan", "hosting.agree_hostingterms"}
    | _MARKET
)
# Places and machines: what an operator does all day.
_FLEET = (
    _on(PLACE_TABLES, ADD, CHANGE, DELETE)
    | _on(("hosting.minermodel", "hosting.miner", "hosting.meter"), ADD, CHANGE)
    | _on(("hosting.ticket",), ADD, CHANGE)
    | _on(("hosting.repairorder",), CHANGE)
    | {"hosting.work_ticket", "hosting.work_repairorder"}
    | _on(("hosting.minersecret",), VIEW, CHANGE)
    | _on(("hosting.edgedevice",), ADD)
    | _on(("hosting.mineralertrule",), ADD, CHANGE, DELETE)
    | {
        f"hosting.{name}"
        for name in (
            "archive_site", "place_miner", "assign_miner", "switch_miner", "retire_miner", "import_miner",
            "export_miner", "export_minermodel", "enrol_edgedevice", "revoke_edgedevice", "see_quarantinedreading",
            "rotate_leasekey", "record_meterchange", "import_meterreading",
        )
    }
    | _MARKET
    | _on(("curtailment.curtailmentplan", "curtailment.sitecontrol", "curtailment.standingapproval"), ADD, CHANGE)
    | _on(("intelligence.schedulesettings",), ADD, CHANGE)
    | _on(("intelligence.powermode",), ADD, CHANGE, DELETE)
    | {"intelligence.run_schedulerun", "intelligence.apply_schedulerun"}
    | _on(("curtailment.strikerule", "curtailment.peakrule"), ADD, CHANGE, DELETE)
    | {
        "curtailment.approve_curtailmentplan", "curtailment.end_curtailmentplan",
        "curtailment.emergency_curtailmentplan", "curtailment.freeze_sitecontrol", "curtailment.add_dispatch",
        "curtailment.authorise_dispatch", "curtailment.cancel_dispatch", "curtailment.poll_vtnconnection",
        "curtailment.measure_curtailmentevent",
    }
)  # fmt: skip
_WATCH_SYSTEM = _on((*JOB_TABLES, *SCHEDULE_TABLES, *SAFETY_TABLES, *EVENT_TABLES), VIEW)
_ADMIN = (
    _LOOK_AT_BUSINESS
    | _SALES
    | _FINANCE
    | _FLEET
    | _on((*SALES_TABLES, "hosting.minermodel", "hosting.miner", "hosting.meter"), DELETE)
    | _on(("marketdata.coin", "marketdata.priceseries", "intelligence.userminer"), ADD, CHANGE, DELETE)
    | _on(("hosting.servicelevel",), ADD, CHANGE, DELETE)
    | _on(("curtailment.standingapproval",), DELETE)
    | {"curtailment.sign_standingapproval", "curtailment.rotate_programme", "curtailment.secret_vtnconnection"}
    | _on(("curtailment.programme", "curtailment.vtnconnection"), ADD, CHANGE)
    | _on(("curtailment.programmecommitment", "curtailment.vtnresource"), ADD, CHANGE, DELETE)
    | {"hosting.reveal_minersecret"}
    | _on(("crm.numberseries",), ADD, CHANGE)
    | _on(("crm.approvallimit",), ADD, CHANGE, DELETE)
    | _on(("crm.customermembership",), ADD, CHANGE, DELETE)
    | _on(("accounts.user", "accounts.accessgrant"), VIEW, ADD, CHANGE)
    | _on(("crm.invitation",), VIEW, ADD)
    | {"crm.settle_invitation"}
    | _on(("accounts.apikey", "accounts.loginrecord", "accounts.session", "accounts.wallet", "auth.group"), VIEW)
    | _on(("axes.accessattempt", "mfa.authenticator"), VIEW, DELETE)  # unlock a person, remove a lost second factor
    | {"account.view_emailaddress", "accounts.add_apikey"}
    | {"accounts.revoke_apikey", "accounts.end_session", "crm.change_customer_status", "crm.import_customer"}
    | _WATCH_SYSTEM
    | _on(SCHEDULE_TABLES, CHANGE)
    | _on(ALERT_TABLES, VIEW)
    | _on(CHANNEL_TABLES, *FULL)
    | NOTIFY_MOVES
    | {"common.release_hold", "audit.verify_auditbatch"}
    | _on(RETENTION_TABLES, VIEW)
    | _on(("jobs.retentionpolicy",), CHANGE)
    | _on(("jobs.legalhold",), ADD)
    | {"jobs.run_job", "jobs.switch_job", "jobs.run_retention", "jobs.release_legalhold"}
    | {"jobs.retry_duework", "events.redeliver_deadletter", "events.add_replay"}
)

ROLES: tuple[Role, ...] = (
    Role(
        StaffRole.OWNER,
        "Runs the company: everything, including users, roles and access.",
        _names(
            _ADMIN,
            _on(("accounts.user", "accounts.accessgrant"), *FULL),
            _on(("auth.group",), *FULL),
            _on(("crm.numberseries",), *FULL),
            _on(SCHEDULE_TABLES, *FULL),
        ),
    ),
    Role(
        StaffRole.ADMIN,
        "Keeps the system running: all business, users and access, lock-outs and lost second factors; deletes no user, "
        "changes no role, touches no owner.",
        _names(_ADMIN),
    ),
    Role(
        StaffRole.FINANCE,
        "Invoices, credit notes, payments, taxes and legal entities; approves deals.",
        _names(_LOOK_AT_BUSINESS, _FINANCE, _on(JOB_TABLES, VIEW)),
    ),
    Role(
        StaffRole.SALES,
        "Customers, leads, deals, contracts and activities; looks at products, invoices, sites and prices.",
        _names(
            _on((*SALES_TABLES, *PLACE_TABLES, *PRICE_TABLES, *MARKET_TABLES, "hosting.minermodel"), VIEW),
            _on(("crm.invoice", "crm.invoiceline", "crm.invoicedocument", "crm.invoicedelivery"), VIEW),
            {"crm.view_customermembership"},
            _SALES,
        ),
    ),
    Role(
        StaffRole.OPERATIONS,
        "Sites, zones, racks and miners; looks at customers, contracts and prices; watches jobs and tries failed work "
        "again.",
        _names(
            _on(("crm.customer", "crm.deal", "crm.dealline", "crm.contract", "crm.activity", "crm.product"), VIEW),
            _on((*HOSTING_TABLES, *MARKET_TABLES, *CURTAILMENT_TABLES), VIEW),
            _FLEET,
            _on((*JOB_TABLES, *SCHEDULE_TABLES, *ALERT_TABLES, *CHANNEL_TABLES), VIEW),
            {"notify.acknowledge_alert", "notify.redeliver_delivery", "notify.test_channel"},
            _on(("jobs.tablesize",), VIEW),
            {"jobs.retry_duework", "jobs.run_job"},
        ),
    ),
    Role(
        StaffRole.READ_ONLY,
        "Looks at everything of the business, changes nothing; sees neither sign-ins nor keys.",
        _names(_LOOK_AT_BUSINESS, _on(JOB_TABLES, VIEW)),
    ),
)


def all_codenames() -> frozenset[str]:
    """Every permission the table speaks of."""
    return frozenset(name for role in ROLES for name in role.permissions)


def roles_by_name() -> Mapping[str, Role]:
    """The roles, by the name of their group."""
    return {role.name.value: role for role in ROLES}

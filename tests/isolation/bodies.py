"""With which rows and bodies the calls of the matrix succeed."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.isolation.world import Tenant

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
# What is about the world is the same for all; test_shared.py looks at it.
SHARED = frozenset(
    {"network-snapshots", "market-days", "indicators", "difficulty-periods", "price-series", "coins", "forecasts"}
)
# Opened by something other than a person's key; test_edge_doors.py and test_dispatch_doors.py look at them.
DOORS = frozenset({"edge", "dispatches"})
# Which of a tenant's rows stands in the address of a call: the one from which the call would succeed.
ROWS: dict[str, dict[str, str]] = {
    "customers": {"": "customer"},
    "leads": {"": "lead"},
    "deals": {
        "": "approved deal", "submit": "draft deal", "approve": "pending deal", "complete": "signed deal",
        "move": "pending deal", "lines": "pending deal",
    },
    "invoices": {"": "invoice", "issue": "draft invoice", "cancel": "draft invoice", "credit": "open invoice",
                 "write_off": "open invoice"},
    "payments": {"": "payment"},
    "contracts": {"": "contract", "activate": "draft contract", "cancel": "draft contract"},
    "sites": {"": "site", "destroy": "empty site", "archive": "empty site", "use": "archived site"},
    "zones": {"": "zone", "destroy": "empty zone", "archive": "empty zone", "use": "archived zone"},
    "racks": {"": "rack", "destroy": "empty rack"},
    "price-plans": {"": "price plan"},
    "hosting-terms": {"": "terms", "partial_update": "draft terms", "agree": "draft terms"},
    "miner-models": {"": "model"},
    "miners": {"": "miner"},
    "repair-orders": {"": "repair"},
    "usage": {"": "usage of terms"},
    "demand": {"": "demand"},
    "meters": {"": "meter"},
    "meter-readings": {"": "meter reading"},
    "curtailment-plans": {"": "plan"},
    "curtailment-events": {"": "event"},
    "credits": {"": "deposit", "reverse": "untouched deposit"},
    "credit-applications": {"": "application"},
    "refunds": {"": "refund"},
    "write-offs": {"": "write-off"},
    "ageing": {"": "customer"},
    "calculator": {"": "model"},
    "break-even": {"": "model"},
    "portfolio": {"": "user miner"},
    "user-miners": {"": "user miner"},
    "schedules": {"": "schedule"},
    "approvals": {"": "approval", "withdraw": "own approval"},
    "accounting-exports": {"": "export"},
    "attachments": {"": "file"},
    "tickets": {"": "ticket", "reopen": "resolved ticket"},
    "activities": {"": "activity"},
    "webhooks": {"": "webhook", "enable": "quiet webhook"},
    "webhook-deliveries": {"": "message"},
    "api-keys": {"": "spare key"},
}  # fmt: skip

# Collections whose rows do not name their customer.
OWN_ROWS = {
    "attachments": "file",
    "repair-orders": "repair",
    "curtailment-plans": "plan",
    "sites": "site",
    "zones": "zone",
    "price-plans": "price plan",
    "miner-models": "model",
    "user-miners": "user miner",
    "schedules": "schedule",
    "break-even": "model",
    "portfolio": "user miner",
}
# Filters under which the row of a tenant is not found.
NOT_FOUND = {
    ("activities", "lead"), ("deals", "lead"), ("credits", "invoice"), ("credits", "payment"), ("refunds", "payment"),
    ("price-plans", "zone"),
}  # fmt: skip
# What makes a calculation whole, beside the row it is about.
STATED_MARKET = "btc_usd=90000&difficulty=100000000000000&block_height=925000"
CALCULATED = {
    "model": f"{STATED_MARKET}&energy_usd_per_kwh=0.05",
    "price_plan": f"{STATED_MARKET}&hashrate_ths=1&power_w=1",
}


def body_of(resource: str, action: str, tenant: Tenant) -> dict[str, Any]:
    """A body with which the call succeeds on this tenant's rows."""
    customer, invoice = tenant.id("customer"), tenant.id("invoice")
    miners = [tenant.id("miner"), tenant.id("other miner")]
    bodies: dict[tuple[str, str], dict[str, Any]] = {
        ("customers", "create"): {"company_name": "New"},
        ("customers", "partial_update"): {"phone": "1"},
        ("leads", "create"): {"title": "New", "customer": customer},
        ("leads", "partial_update"): {"customer": customer},
        ("leads", "move"): {"to": "contacted"},
        ("deals", "create"): {"customer": customer, "title": "New", "value": "1"},
        ("deals", "partial_update"): {"title": "New"},
        ("deals", "move"): {"to": "proposal"},
        ("deals", "lines"): {"lines": [{"description": "New", "quantity": "2", "unit_price": "3"}]},
        ("deals", "sign"): {"on": "2026-11-20"},
        ("deals", "cancel"): {"reason": "x"},
        ("invoices", "create"): {"deal": tenant.id("signed deal")},
        ("invoices", "credit"): {"reason": "x", "lines": [{"position": 1, "quantity": "0.1"}]},
        ("invoices", "cancel"): {"reason": "x"},
        ("payments", "create"): {"invoice": invoice, "amount": "1", "currency": "USD", "received_on": "2026-11-20"},
        ("payments", "refund"): {"amount": "1", "reason": "x"},
        ("payments", "reverse"): {"reason": "x"},
        ("invoices", "write_off"): {"amount": "1", "kind": "bad_debt", "reason": "x"},
        ("contracts", "create"): {"customer": customer, "number": "New", "title": "New", "starts_on": "2026-11-20"},
        ("contracts", "partial_update"): {"title": "New"},
        ("contracts", "notice"): {"on": "2026-11-20", "ends_on": "2027-06-01"},
        ("contracts", "end"): {"on": "2026-11-20", "reason": "x"},
        ("contracts", "cancel"): {"reason": "x"},
        ("sites", "create"): {"name": "New", "time_zone": "UTC", "capacity_kw": "1"},
        ("sites", "archive"): {"reason": "x"},
        ("sites", "use"): {"reason": "x"},
        ("zones", "archive"): {"reason": "x"},
        ("zones", "use"): {"reason": "x"},
        ("sites", "partial_update"): {"capacity_kw": "2000"},
        ("zones", "create"): {"site": tenant.id("site"), "name": "New", "capacity_kw": "1"},
        ("zones", "partial_update"): {"capacity_kw": "600"},
        ("racks", "create"): {"zone": tenant.id("zone"), "name": "New"},
        ("racks", "partial_update"): {"slots": 30},
        ("price-plans", "create"): {"name": "New", "currency": "USD"},
        ("price-plans", "partial_update"): {"is_active": False},
        ("price-plans", "versions"): {
            "valid_from": "2028-01-01",
            "components": [
                {"kind": "energy", "description": "Day", "price": "0.05", "windows": [{"days": "workdays"}]},
                {"kind": "energy", "description": "Else", "price": "0.04", "other_hours": True},
            ],
        },
        ("price-plans", "publish"): {"version": tenant.id("draft version")},
        ("hosting-terms", "create"): {
            "contract": tenant.id("contract"), "site": tenant.id("site"), "zone": tenant.id("zone"),
            "price_plan": tenant.id("price plan"), "contracted_kw": "5", "valid_from": "2026-11-20",
        },
        ("hosting-terms", "partial_update"): {"contracted_kw": "90"},
        ("hosting-terms", "amend"): {"on": "2026-11-25", "contracted_kw": "130", "reason": "x"},
        ("hosting-terms", "end"): {"on": "2026-11-25", "reason": "x"},
        ("meters", "readings"): {"readings": [{"recorded_at": f"{TOMORROW[:4]}-01-02T10:00:00Z", "power_kw": "1"}]},
        ("miners", "create"): {"serial": "NEW", "model": tenant.id("model")},
        ("miners", "partial_update"): {"purchased_on": "2026-10-01"},
        ("miners", "place"): {"miners": miners, "site": tenant.id("site"), "zone": tenant.id("zone")},
        ("miners", "take_out"): {"miners": miners, "reason": "x"},
        ("miners", "assign"): {"miners": miners, "customer": customer},
        ("miners", "intent"): {"miners": miners, "to": "active", "reason": "x"},
        ("miners", "retire"): {"miners": miners, "reason": "x"},
        ("credits", "create"): {
            "customer": customer, "amount": "1", "currency": "USD", "received_on": "2026-11-20",
        },
        ("credits", "apply"): {"invoice": tenant.id("open invoice"), "amount": "1"},
        ("credits", "refund"): {"amount": "1", "reason": "x"},
        ("credits", "reverse"): {"reason": "x"},
        ("credit-applications", "reverse"): {"reason": "x"},
        ("refunds", "reverse"): {"reason": "x"},
        ("write-offs", "reverse"): {"reason": "x"},
        ("activities", "create"): {
            "customer": customer, "deal": tenant.id("third"), "invoice": invoice, "subject": "New",
        },
        ("tickets", "create"): {
            "customer": customer, "site": tenant.id("site"), "subject": "New", "miners": [tenant.id("miner")],
        },
        ("tickets", "partial_update"): {"site": tenant.id("site")},
        **{("tickets", name): {"body": "x"} for name in ("note", "ask", "resolve", "reopen")},
        ("tickets", "attach"): {"name": "a.txt", "content": "YWJj"},
        ("tickets", "assign"): {"to": str(tenant.root.pk)},
        ("approvals", "reject"): {"note": "x"},
        ("accounting-exports", "create"): {
            "legal_entity": tenant.id("entity"), "kind": "documents", "first": "2026-11", "last": "2026-11",
        },
        ("webhooks", "create"): {
            "customer": customer, "name": "New", "url": "https://hooks.example/x", "kinds": ["invoice.paid"],
        },
        ("webhooks", "partial_update"): {"name": "New"},
        ("user-miners", "create"): {"miner_model": tenant.id("model"), "electricity_cost_usd_per_kwh": "0.05"},
        ("user-miners", "partial_update"): {"quantity": 3},
        ("user-miners", "maintain"): {"on": "2026-11-20"},
        ("schedules", "create"): {"target_date": TOMORROW},
        ("api-keys", "create"): {"name": "New", "scopes": ["invoices:read"]},
    }  # fmt: skip
    return bodies.get((resource, action), {})

"""With which rows and bodies the calls of the matrix succeed."""

from typing import Any

from tests.isolation.world import Tenant

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
    "credits": {"": "deposit", "reverse": "untouched deposit"},
    "credit-applications": {"": "application"},
    "refunds": {"": "refund"},
    "write-offs": {"": "write-off"},
    "ageing": {"": "customer"},
    "approvals": {"": "approval", "withdraw": "own approval"},
    "accounting-exports": {"": "export"},
    "activities": {"": "activity"},
    "webhooks": {"": "webhook", "enable": "quiet webhook"},
    "webhook-deliveries": {"": "message"},
    "api-keys": {"": "spare key"},
}  # fmt: skip


def body_of(resource: str, action: str, tenant: Tenant) -> dict[str, Any]:
    """A body with which the call succeeds on this tenant's rows."""
    customer, invoice = tenant.id("customer"), tenant.id("invoice")
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
        ("approvals", "reject"): {"note": "x"},
        ("accounting-exports", "create"): {
            "legal_entity": tenant.id("entity"), "kind": "documents", "first": "2026-11", "last": "2026-11",
        },
        ("webhooks", "create"): {
            "customer": customer, "name": "New", "url": "https://hooks.example/x", "kinds": ["invoice.paid"],
        },
        ("webhooks", "partial_update"): {"name": "New"},
        ("api-keys", "create"): {"name": "New", "scopes": ["invoices:read"]},
    }  # fmt: skip
    return bodies.get((resource, action), {})

"""Each unsafe call of staff: its address, the power it needs, and a body with which it succeeds."""

from typing import Any

STAFF_CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("/customers/", "add_customer", {"company_name": "New Ltd"}),
    ("/leads/", "add_lead", {"title": "New"}),
    ("/leads/{lead}/move/", "move_lead", {"to": "contacted"}),
    ("/leads/{lead}/convert/", "convert_lead", {}),
    ("/deals/", "add_deal", {"customer": "{customer}", "title": "New", "value": "1"}),
    ("/deals/{deal}/move/", "move_deal", {"to": "proposal"}),
    ("/deals/{deal}/lines/", "change_deal", {"lines": [{"description": "x", "unit_price": "2"}]}),
    ("/deals/{deal}/submit/", "move_deal", {}),
    ("/deals/{pending}/approve/", "approve_deal", {}),
    ("/deals/{approved}/sign/", "sign_deal", {"on": "2026-11-20"}),
    ("/deals/{signed}/complete/", "complete_deal", {}),
    ("/deals/{deal}/cancel/", "cancel_deal", {"reason": "x"}),
    ("/invoices/", "add_invoice", {"deal": "{signed}"}),
    ("/invoices/{draft}/issue/", "issue_invoice", {}),
    ("/invoices/{draft}/cancel/", "cancel_invoice", {"reason": "x"}),
    ("/invoices/{issued}/credit/", "credit_invoice", {"reason": "x"}),
    ("/invoices/{issued}/send/", "send_invoice", {}),
    (
        "/payments/",
        "add_payment",
        {"invoice": "{issued}", "amount": "1", "currency": "USD", "received_on": "2026-11-20"},
    ),
    ("/payments/{payment}/refund/", "refund_payment", {"amount": "1", "reason": "x"}),
    ("/payments/{payment}/reverse/", "reverse_payment", {"reason": "x"}),
    ("/invoices/{issued}/write-off/", "add_writeoff", {"amount": "1", "kind": "bad_debt", "reason": "x"}),
    (
        "/credits/",
        "add_customercredit",
        {"customer": "{customer}", "amount": "1", "currency": "USD", "received_on": "2026-11-20"},
    ),
    ("/credits/{deposit}/apply/", "apply_customercredit", {"invoice": "{issued}", "amount": "1"}),
    ("/credits/{deposit}/refund/", "refund_customercredit", {"amount": "1", "reason": "x"}),
    ("/credits/{untouched}/reverse/", "reverse_customercredit", {"reason": "x"}),
    ("/credit-applications/{application}/reverse/", "reverse_creditapplication", {"reason": "x"}),
    ("/refunds/{refund}/reverse/", "reverse_refund", {"reason": "x"}),
    ("/write-offs/{write_off}/reverse/", "reverse_writeoff", {"reason": "x"}),
    (
        "/accounting-exports/",
        "make_accountingexport",
        {"legal_entity": "{entity}", "kind": "documents", "first": "2026-11", "last": "2026-11"},
    ),
    ("/activities/", "add_activity", {"customer": "{customer}", "subject": "x"}),
]


def filled(path: str, body: dict[str, Any], world: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Address and body with the ids of this world."""
    data = {name: value.format(**world) if isinstance(value, str) else value for name, value in body.items()}
    return path.format(**world), data

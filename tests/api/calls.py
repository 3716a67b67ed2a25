"""Each unsafe call of staff: its address, the power it needs, and a body with which it succeeds."""

from typing import Any

from tests.isolation.bodies import TOMORROW

STEEL_CALLS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "/contracts/",
        "add_contract",
        {"customer": "{customer}", "number": "N", "title": "x", "starts_on": "2026-11-20"},
    ),
    ("/contracts/{draft_contract}/activate/", "activate_contract", {}),
    ("/contracts/{contract}/notice/", "end_contract", {"on": "2026-11-20", "ends_on": "2027-06-01"}),
    ("/contracts/{contract}/end/", "end_contract", {"on": "2026-11-20", "reason": "x"}),
    ("/contracts/{draft_contract}/cancel/", "end_contract", {"reason": "x"}),
    ("/sites/", "hosting.add_site", {"name": "New", "time_zone": "UTC", "capacity_kw": "1"}),
    ("/sites/{empty_site}/archive/", "hosting.archive_site", {"reason": "x"}),
    ("/sites/{archived_site}/use/", "hosting.archive_site", {"reason": "x"}),
    ("/zones/", "hosting.add_zone", {"site": "{site}", "name": "New", "capacity_kw": "1"}),
    ("/zones/{empty_zone}/archive/", "hosting.archive_site", {"reason": "x"}),
    ("/zones/{archived_zone}/use/", "hosting.archive_site", {"reason": "x"}),
    ("/racks/", "hosting.add_rack", {"zone": "{zone}", "name": "New"}),
    ("/price-plans/", "hosting.add_priceplan", {"name": "New", "currency": "USD"}),
    ("/price-plans/{price_plan}/versions/", "hosting.publish_priceplan", {"valid_from": "2028-01-01"}),
    ("/price-plans/{price_plan}/publish/", "hosting.publish_priceplan", {"version": "{draft_version}"}),
    (
        "/hosting-terms/",
        "hosting.add_hostingterms",
        {
            "contract": "{contract}", "site": "{site}", "price_plan": "{price_plan}", "contracted_kw": "1",
            "valid_from": "2026-11-20",
        },
    ),
    ("/hosting-terms/{draft_terms}/agree/", "hosting.agree_hostingterms", {}),
    (
        "/hosting-terms/{terms}/amend/",
        "hosting.agree_hostingterms",
        {"on": "2026-11-25", "contracted_kw": "130", "reason": "x"},
    ),
    ("/hosting-terms/{terms}/end/", "hosting.agree_hostingterms", {"on": "2026-11-25", "reason": "x"}),
    ("/miners/", "hosting.add_miner", {"serial": "NEW", "model": "{model}"}),
    ("/miners/place/", "hosting.place_miner", {"miners": ["{miner}"], "site": "{site}", "zone": "{zone}"}),
    ("/miners/take-out/", "hosting.place_miner", {"miners": ["{miner}"], "reason": "x"}),
    ("/miners/assign/", "hosting.assign_miner", {"miners": ["{miner}"], "customer": "{customer}"}),
    ("/miners/intent/", "hosting.switch_miner", {"miners": ["{miner}"], "to": "active", "reason": "x"}),
    ("/miners/retire/", "hosting.retire_miner", {"miners": ["{miner}"], "reason": "x"}),
    ("/tickets/", "hosting.add_ticket", {"customer": "{customer}", "subject": "x", "miners": ["{miner}"]}),
    ("/tickets/{ticket}/note/", "hosting.work_ticket", {"body": "x"}),
    ("/tickets/{ticket}/attach/", "hosting.work_ticket", {"name": "a.txt", "content": "YWJj"}),
    ("/tickets/{ticket}/assign/", "hosting.work_ticket", {"to": "{root}"}),
    ("/tickets/{ticket}/begin/", "hosting.work_ticket", {}),
    ("/tickets/{ticket}/ask/", "hosting.work_ticket", {"body": "x"}),
    ("/tickets/{ticket}/resolve/", "hosting.work_ticket", {"body": "x"}),
    ("/tickets/{ticket}/close/", "hosting.work_ticket", {}),
    ("/user-miners/", "intelligence.add_userminer", {"miner_model": "{model}", "electricity_cost_usd_per_kwh": "0.05"}),
    ("/schedules/", "intelligence.add_userminer", {"target_date": TOMORROW}),
    ("/user-miners/{user_miner}/maintain/", "intelligence.change_userminer", {"on": "2026-11-20"}),
    ("/tickets/{resolved_ticket}/reopen/", "hosting.work_ticket", {"body": "x"}),
]  # fmt: skip
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
    *STEEL_CALLS,
    ("/activities/", "add_activity", {"customer": "{customer}", "subject": "x"}),
]


def filled(path: str, body: dict[str, Any], world: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Address and body with the ids of this world."""

    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(one) for one in value]
        return value.format(**world) if isinstance(value, str) else value

    return path.format(**world), {name: fill(value) for name, value in body.items()}

"""Examples of the API's documentation; a test holds them against the schema."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

CUSTOMER_ID = "0199f3a1-7c1e-7b52-9d3e-2f6a41c07d11"
DEAL_ID = "0199f3a2-10aa-7f0c-8a41-6c1b5d2e9f33"
INVOICE_ID = "0199f3a4-5be2-7c6d-b0c4-91d7e2a6f844"
LEAD_ID = "0199f39f-02d4-7a9b-8e55-3c9f7d1b2a66"
USER_ID = "0199f390-4411-7d2f-9b07-5a1c3e8d7f22"
CREATED = "2026-11-02T09:15:00.000000Z"


def shown(**body: Any) -> OpenApiExample:
    """Of an answer."""
    return OpenApiExample("answer", value=body, response_only=True)


def sent(**body: Any) -> OpenApiExample:
    """Of a body."""
    return OpenApiExample("request", value=body, request_only=True)


CUSTOMER = shown(
    id=CUSTOMER_ID,
    number="K7XW2M",
    company_name="Aurora Mining AG",
    contact_name="Alice Berg",
    email="office@aurora.example",
    billing_email="billing@aurora.example",
    phone="+49 431 1234",
    street="Kaistraße 1",
    postal_code="24103",
    city="Kiel",
    region="",
    country="DE",
    tax_id="",
    vat_id="DE123456789",
    buyer_reference="PO-4711",
    leitweg_id="",
    invoice_format="facturx",
    electronic_address="",
    electronic_address_scheme="EM",
    status="active",
    payment_terms_days=14,
    currency="EUR",
    time_zone="Europe/Berlin",
    language="de",
    created_at=CREATED,
    updated_at=CREATED,
)
LEAD = shown(
    id=LEAD_ID,
    title="2 MW in Kiel",
    name="Gregor Holm",
    company="Gamma Compute",
    email="gregor@gamma.example",
    phone="",
    customer=None,
    status="qualified",
    source="referral",
    score=70,
    value="120000.00",
    currency="EUR",
    time_zone="Europe/Berlin",
    owner=USER_ID,
    lost_reason="",
    converted_at=None,
    internal_note="Has power, wants a date.",
    created_at=CREATED,
    updated_at=CREATED,
)
_DEAL: dict[str, Any] = {
    "id": DEAL_ID,
    "customer": CUSTOMER_ID,
    "title": "Hosting of 200 machines",
    "status": "signed",
    "value": "1200.00",
    "currency": "EUR",
    "signed_on": "2026-11-02",
    "completed_at": None,
    "created_at": CREATED,
    "updated_at": CREATED,
}
DEAL_SUMMARY = shown(**_DEAL)
DEAL_LINE = {
    "position": 1,
    "description": "Set-up of a machine",
    "quantity": "200",
    "unit_code": "C62",
    "unit_price": "6",
}
DEAL = shown(**_DEAL, lines=[DEAL_LINE])
_INVOICE: dict[str, Any] = {
    "id": INVOICE_ID,
    "number": "INV-K7XW2M-2026-0001",
    "kind": "deal",
    "status": "sent",
    "customer": CUSTOMER_ID,
    "deal": DEAL_ID,
    "corrects": None,
    "currency": "EUR",
    "net_total": "1200.00",
    "tax_total": "228.00",
    "gross_total": "1428.00",
    "paid_total": "0.00",
    "credited_total": "0.00",
    "applied_total": "0.00",
    "written_off_total": "0.00",
    "surplus_total": "0.00",
    "outstanding": "1428.00",
    "issued_on": "2026-11-03",
    "due_on": "2026-11-17",
    "paid_on": None,
    "created_at": CREATED,
    "updated_at": CREATED,
}
INVOICE_SUMMARY = shown(**_INVOICE)
INVOICE = shown(
    **_INVOICE,
    language="de",
    service_from=None,
    service_to=None,
    payment_terms_days=14,
    buyer_reference="PO-4711",
    former_total=None,
    note="",
    seller={"name": "Nordlicht Hosting GmbH", "city": "Kiel", "country": "DE", "vat_id": "DE123456789"},
    buyer={"name": "Aurora Mining AG", "city": "Kiel", "country": "DE"},
    lines=[
        {
            "position": 1,
            "description": "Set-up of a machine",
            "service_from": None,
            "service_to": None,
            "quantity": "200",
            "unit_code": "C62",
            "unit_price": "6",
            "net_amount": "1200.00",
            "tax_category": "S",
            "tax_rate": "19",
            "exemption_reason": "",
            "exemption_code": "",
        }
    ],
    document={
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "size": 48211,
        "rendered_at": CREATED,
    },
    e_invoice={
        "sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
        "size": 5320,
        "rendered_at": CREATED,
    },
)
PAYMENT = shown(
    id="0199f3a9-8d10-7e3a-a5b6-7d8c9e0f1a77",
    customer=CUSTOMER_ID,
    invoice=INVOICE_ID,
    amount="1428.00",
    currency="EUR",
    received_on="2026-11-12",
    method="bank_transfer",
    reference="INV-K7XW2M-2026-0001",
    rate=None,
    settled_amount=None,
    reversed_on=None,
    created_at=CREATED,
)
ACTIVITY = shown(
    id="0199f3ab-3f21-7b4c-9c7d-8e9f0a1b2c88",
    kind="note",
    subject="Machines arrive on Monday",
    body="Two lorries, about 9:00.",
    customer=CUSTOMER_ID,
    deal=None,
    invoice=None,
    occurred_at=CREATED,
    created_at=CREATED,
)
DELIVERY = OpenApiExample(
    "answer",
    value={
        "id": "0199f3ac-6a32-7c5d-8d8e-9f0a1b2c3d99",
        "invoice": INVOICE_ID,
        "recipient": "billing@aurora.example",
        "status": "queued",
        "created_at": CREATED,
    },
    response_only=True,
    status_codes=["202"],
)
ME = shown(
    id=USER_ID,
    email="alice@aurora.example",
    name="Alice Berg",
    role="client",
    customers=[{"id": CUSTOMER_ID, "number": "K7XW2M", "company_name": "Aurora Mining AG", "role": "customer_admin"}],
    key={
        "id": "0199f3ad-1b43-7d6e-9e9f-0a1b2c3d4eaa",
        "name": "Reporting",
        "prefix": "Ab3dE9xZ",
        "scopes": ["invoices:read"],
        "expires_at": None,
    },
)
CUSTOMER_INPUT = sent(company_name="Aurora Mining AG", email="office@aurora.example", country="DE", currency="EUR")
CUSTOMER_CHANGE = sent(contact_name="Alice Berg", phone="+49 431 1234", billing_email="billing@aurora.example")
LEAD_INPUT = sent(
    title="2 MW in Kiel", company="Gamma Compute", email="gregor@gamma.example", value="120000.00", currency="EUR"
)
LEAD_CHANGE = sent(score=70)
LEAD_MOVE = sent(to="lost", reason="Went to a competitor")
DEAL_INPUT = sent(customer=CUSTOMER_ID, title="Hosting of 200 machines", value="1200.00", currency="EUR")
DEAL_CHANGE = sent(expected_close_on="2026-12-15")
DEAL_LINES = sent(
    lines=[
        {"product": "HOST-10KW", "quantity": "12"},
        {"description": "Set-up of 40 machines", "quantity": "1", "unit_code": "C62", "unit_price": "1800"},
    ]
)
DEAL_MOVE = sent(to="negotiation")
SIGN = sent(on="2026-11-02")
REASON = sent(reason="The customer withdrew")
INVOICE_INPUT = sent(deal=DEAL_ID)
ISSUE = sent(send=True)
CREDIT = sent(reason="Ten machines were not delivered", lines=[{"position": 1, "quantity": "10"}])
SEND = sent(recipient="billing@aurora.example")
PAYMENT_INPUT = sent(
    invoice=INVOICE_ID, amount="1428.00", currency="EUR", received_on="2026-11-12", reference="INV-K7XW2M-2026-0001"
)
ACTIVITY_INPUT = sent(customer=CUSTOMER_ID, subject="Machines arrive on Monday", body="Two lorries, about 9:00.")

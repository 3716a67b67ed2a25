"""Each verb leaves its trail: audit rows with actor, request and reason, its activity, its event."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from pghistory.models import Context

from accounts.models import User
from crm.domain import (
    activities,
    customers,
    deals,
    deliveries,
    edits,
    invoicing,
    issuing,
    leads,
    memberships,
    overdue,
    payments,
)
from crm.models import Activity, Customer, Deal, DealLine, Invoice, InvoiceDelivery, Lead, Payment
from hashinsight.common.audit import audit_context
from hashinsight.common.context import request_id_scope
from hashinsight.events.models import OutboxEvent
from tests import factories
from tests.factories import NOW, TODAY

pytestmark = pytest.mark.django_db
MODELS = (Customer, Lead, Deal, Invoice, Payment, Activity, InvoiceDelivery)


def _signed(by: User) -> Deal:
    return factories.signed_deal(by=by, customer=factories.CustomerFactory())


def _draft(by: User) -> Invoice:
    return factories.draft_invoice(by=by, customer=factories.CustomerFactory())


def _issued(by: User) -> Invoice:
    return factories.issued_invoice(by=by, customer=factories.CustomerFactory())


def _pay(invoice: Invoice, by: User) -> Any:
    return payments.record_payment(
        invoice, amount=invoice.gross_total, currency="USD", received_on=TODAY, by=by, on=TODAY, at=NOW
    )


# verb: what it starts from, the verb, its events in order, its activities in order, its reason
VERBS: dict[str, tuple[Callable[[User], Any], Callable[[Any, User], Any], list[str], list[str], str]] = {
    "create_customer": (
        lambda by: None,
        lambda row, by: customers.create_customer(company_name="x", by=by, at=NOW),
        ["customer.created"],
        [],
        "",
    ),
    "change_status": (
        lambda by: factories.CustomerFactory(),
        lambda row, by: customers.change_status(row, to="inactive", by=by, reason="gone"),
        ["customer.changed"],
        [],
        "gone",
    ),
    "create_lead": (
        lambda by: None,
        lambda row, by: leads.create_lead(title="x", by=by, at=NOW),
        ["lead.created"],
        ["lead_created"],
        "",
    ),
    "move_lead": (
        lambda by: factories.LeadFactory(),
        lambda row, by: leads.move_lead(row, to="lost", by=by, at=NOW, reason="too dear"),
        ["lead.moved"],
        ["lead_status"],
        "too dear",
    ),
    "convert_lead": (
        lambda by: factories.LeadFactory(),
        lambda row, by: leads.convert_lead(row, by=by, at=NOW),
        ["customer.created", "lead.converted"],
        ["lead_converted"],
        "",
    ),
    "create_deal": (
        lambda by: factories.CustomerFactory(),
        lambda row, by: deals.create_deal(customer=row, title="x", value=1, by=by, at=NOW),
        ["deal.created"],
        [],
        "",
    ),
    "change_lead": (
        lambda by: factories.LeadFactory(),
        lambda row, by: edits.change_lead(row, changes={"company": "y"}, by=by),
        ["lead.updated"],
        [],
        "",
    ),
    "change_deal": (
        lambda by: factories.DealFactory(),
        lambda row, by: edits.change_deal(row, changes={"title": "y"}, by=by),
        ["deal.updated"],
        [],
        "",
    ),
    "set_lines": (
        lambda by: factories.DealFactory(),
        lambda row, by: deals.set_lines(
            row, lines=[DealLine(description="Rack", quantity=1, unit_price=Decimal(2))], by=by
        ),
        ["deal.updated"],
        [],
        "",
    ),
    "cancel_deal": (
        lambda by: factories.DealFactory(),
        lambda row, by: deals.cancel_deal(row, by=by, at=NOW, reason="no power"),
        ["deal.moved"],
        ["deal_status"],
        "no power",
    ),
    "complete_deal": (
        _signed,
        lambda row, by: deals.complete_deal(row, by=by, at=NOW),
        ["deal.moved", "invoice.drafted"],
        ["deal_status"],
        "",
    ),
    "cancel_draft": (
        _draft,
        lambda row, by: invoicing.cancel_draft(row, by=by, reason="typo"),
        ["invoice.cancelled"],
        [],
        "typo",
    ),
    "issue_invoice": (
        _draft,
        lambda row, by: issuing.issue_invoice(row, by=by, on=TODAY, at=NOW),
        ["invoice.issued"],
        ["invoice_issued"],
        "",
    ),
    "credit_invoice": (
        _issued,
        lambda row, by: issuing.credit_invoice(row, by=by, on=TODAY, at=NOW, reason="broken"),
        ["credit_note.issued", "invoice.cancelled"],
        ["credit_note_issued", "invoice_cancelled"],
        "broken",
    ),
    "record_payment": (_issued, _pay, ["payment.recorded", "invoice.paid"], ["payment_recorded", "invoice_paid"], ""),
    "mark_overdue": (
        _issued,
        lambda row, by: overdue.mark_customer(row.customer_id, on=TODAY.replace(year=2027), at=NOW),
        ["invoice.overdue"],
        ["invoice_overdue"],
        "",
    ),
    "queue_delivery": (
        _issued,
        lambda row, by: deliveries.queue_delivery(row, recipient="a@b.example", at=NOW),
        [],
        [],
        "",
    ),
}  # fmt: skip


def _trail() -> tuple[list[Any], list[str], list[str]]:
    rows = [
        (model.__name__, row.pgh_label, row.pgh_context_id)
        for model in MODELS
        for row in model.pgh_event_model.objects.order_by("pgh_id")
    ]
    return (
        rows,
        list(OutboxEvent.objects.order_by("id").values_list("kind", flat=True)),
        list(Activity.objects.order_by("id").values_list("kind", flat=True)),
    )


@pytest.mark.parametrize("name", VERBS)
def test_each_verb_leaves_audit_event_and_activity(name: str, root: User, legal_entity: Any) -> None:
    arrange, verb, events, kinds, reason = VERBS[name]
    row = arrange(root)
    rows_before, events_before, kinds_before = _trail()
    with request_id_scope(f"request-of-{name}"), audit_context(actor=root, source="test"):
        verb(row, root)
    rows, found_events, found_kinds = _trail()
    assert found_events[len(events_before) :] == events
    assert found_kinds[len(kinds_before) :] == kinds
    added = [one for one in rows if one not in rows_before]
    assert len(added) >= 1
    labels = Context.objects.in_bulk({context for _model, _label, context in added})
    assert {labels[context].metadata["actor"] for _m, _l, context in added} == {str(root.pk)}
    assert {labels[context].metadata["request_id"] for _m, _l, context in added} == {f"request-of-{name}"}
    if reason:
        assert reason in {label.metadata.get("reason", "") for label in labels.values()}
    assert set(OutboxEvent.objects.order_by("id").values_list("request_id", flat=True)[len(events_before) :]) <= {
        f"request-of-{name}"
    }


def test_an_activity_of_two_customers_or_of_nobody_is_refused(
    root: User, alice: User, customer_a: Customer, customer_b: Customer
) -> None:
    deal = factories.DealFactory(customer=customer_b)
    for fields, by in (
        ({"customer": customer_a, "deal": deal}, root),
        ({}, root),
        ({"lead": factories.LeadFactory()}, alice),
        ({"customer": customer_a, "kind": "invoice_paid"}, root),
    ):
        with pytest.raises(activities.ActivityRefused):
            activities.create_activity(**{"kind": "note", "subject": "x", "by": by, "at": NOW, **fields})
    with pytest.raises(ValidationError):
        activities.create_activity(kind="note", subject="", customer=customer_a, by=root, at=NOW)
    mine = activities.create_activity(kind="call", subject="Hello", customer=customer_a, by=alice, at=NOW)
    ours = activities.create_activity(kind="call", subject="Hello", deal=deal, by=root, at=NOW)
    assert (mine.client_visible, ours.client_visible, ours.customer) == (True, False, customer_b)


def test_who_a_lead_becomes(root: User, legal_entity: Any) -> None:
    """By address first, then by a name that is unique and has no other address; else somebody new."""

    def become(company: str, email: str) -> int:
        return leads.convert_lead(factories.LeadFactory(company=company, email=email), by=root, at=NOW).customer_id

    first = become("One", "a@one.example")
    nameless = factories.CustomerFactory(company_name="Two", email=None).pk
    assert become("Another name", "A@ONE.example") == first
    assert become("ONE", "") == first
    assert become("two", "b@two.example") == nameless
    assert become("One", "other@else.example") not in (first, nameless)
    assert become("One", "") not in (first, nameless), "two are called so now"


def test_a_membership_leaves_audit_rows(root: User, customer_a: Customer) -> None:
    from crm.models import CustomerMembership

    with audit_context(actor=root):
        member = memberships.grant_membership(factories.UserFactory(), customer_a, role="customer_viewer", by=root)
        memberships.revoke_membership(member, by=root)
    rows = CustomerMembership.pgh_event_model.objects.order_by("pgh_id")
    assert list(rows.values_list("pgh_label", "pgh_context__metadata__actor")) == [
        ("insert", str(root.pk)),
        ("delete", str(root.pk)),
    ]

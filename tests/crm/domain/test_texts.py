"""Names and reasons as people type them: every script and emoji is kept, what cannot be kept is refused clearly."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from crm.domain import activities, customers, deals, invoicing, issuing, leads
from crm.domain.texts import TextRefused
from crm.models import Customer, DealLine
from hashinsight.events.models import OutboxEvent
from tests import factories
from tests.factories import NOW, TODAY

pytestmark = pytest.mark.django_db
NAMES = [
    "Zoë & Söhne <b>",
    "电力 有限公司",
    "شركة الطاقة",
    "🚀" * 200,
    "x" * 200,
    "O'Neil; DROP TABLE",
    "=1+1",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_goes_through_the_whole_story_unchanged(name: str, root: User, legal_entity: Any) -> None:
    lead = leads.create_lead(title=name, company=name, email="x@y.example", by=root, at=NOW, value=5)
    deal = leads.convert_lead(lead, by=root, at=NOW)
    deals.submit_deal(deal, by=root, at=NOW)
    deals.approve_deal(deal, by=root, at=NOW)
    deals.sign_deal(deal, by=root, on=TODAY, at=NOW)
    Customer.objects.filter(pk=deal.customer_id).update(country="US")
    invoice = issuing.issue_invoice(deals.complete_deal(deal, by=root, at=NOW), by=root, on=TODAY, at=NOW)
    assert (invoice.buyer["name"], invoice.lines.get().description) == (name, name)


@pytest.mark.parametrize("name", ["a\x00b", "bell\x07", "del\x7f", "\u202eevil", "x" * 201, ""], ids=repr)
def test_a_name_that_cannot_be_kept_is_refused_and_nothing_is_written(name: str, root: User, legal_entity: Any) -> None:
    customer = factories.CustomerFactory()
    for write in (
        lambda: customers.create_customer(company_name=name, by=root, at=NOW),
        lambda: leads.create_lead(title=name, by=root, at=NOW),
        lambda: deals.create_deal(customer=customer, title=name, value=1, by=root, at=NOW),
    ):
        with pytest.raises(ValidationError):
            write()
    assert (Customer.objects.count(), OutboxEvent.objects.count()) == (1, 0)


@pytest.mark.parametrize("text", ["a\x00b", "bell\x07"], ids=repr)
def test_a_reason_that_cannot_be_kept_or_printed_is_refused(text: str, root: User, customer_a: Customer) -> None:
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    draft = factories.draft_invoice(by=root, customer=customer_a)
    writes: list[Callable[[], Any]] = [
        lambda: leads.move_lead(factories.LeadFactory(), to="lost", by=root, at=NOW, reason=text),
        lambda: deals.cancel_deal(factories.DealFactory(), by=root, at=NOW, reason=text),
        lambda: deals.move_stage(factories.DealFactory(), to="closed_lost", by=root, at=NOW, reason=text),
        lambda: customers.change_status(factories.CustomerFactory(), to="inactive", by=root, reason=text),
        lambda: invoicing.cancel_draft(draft, by=root, reason=text),
        lambda: issuing.credit_invoice(invoice, by=root, on=TODAY, at=NOW, reason=text),
        lambda: activities.create_activity(kind="note", subject="x", body=text, customer=customer_a, by=root, at=NOW),
    ]
    before = OutboxEvent.objects.count()
    for write in writes:
        with pytest.raises(TextRefused):
            write()
    assert OutboxEvent.objects.count() == before
    with pytest.raises(ValidationError):
        activities.create_activity(kind="note", subject=text, customer=customer_a, by=root, at=NOW)
    with pytest.raises(ValidationError):
        deals.set_lines(factories.DealFactory(), lines=[DealLine(description=text, quantity=1, unit_price=1)])
    with pytest.raises(ValidationError):
        customers.change_contact(customer_a, changes={"phone": text}, by=root)


def test_long_reasons_are_kept_in_full_in_the_activity(root: User) -> None:
    deal = deals.cancel_deal(factories.DealFactory(), by=root, at=NOW, reason="why " * 100)
    assert (len(deal.cancel_reason), deal.activities.get().body) == (200, "why " * 100)


def test_a_client_changes_contact_data_and_nothing_else(root: User, customer_a: Customer) -> None:
    changed = customers.change_contact(customer_a, changes={"phone": "+49 431 1", "contact_name": "Zoë 🚀"}, by=root)
    assert (changed.phone, changed.contact_name, changed.version) == ("+49 431 1", "Zoë 🚀", 2)
    for name in ("company_name", "status", "vat_id", "legal_entity", "id", "nonsense"):
        with pytest.raises(customers.CustomerRefused):
            customers.change_contact(customer_a, changes={name: "x"}, by=root)
    with pytest.raises(ValidationError):
        customers.change_contact(customer_a, changes={"billing_email": "no address"}, by=root)
    assert customer_a.reload().version == 2

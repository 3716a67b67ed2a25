"""Only what was agreed is billed: a deal has to be signed, and a cancelled one leaves no draft behind."""

import pytest

from accounts.models import User
from crm.domain import deals, invoicing, issuing
from crm.enums import DealStatus
from crm.models import Customer, Deal, Invoice
from tests import factories
from tests.factories import NOW, TODAY

pytestmark = pytest.mark.django_db


def deal_in(status: str, customer: Customer, by: User) -> Deal:
    """A deal that came to ``status`` by its moves."""
    deal = factories.DealFactory(customer=customer)
    if status == "cancelled":
        return deals.cancel_deal(deal, by=by, at=NOW, reason="x")
    steps = {
        "pending": lambda: deals.submit_deal(deal, by=by, at=NOW),
        "approved": lambda: deals.approve_deal(deal, by=by, at=NOW),
        "signed": lambda: deals.sign_deal(deal, by=by, on=TODAY, at=NOW),
        "completed": lambda: deals.complete_deal(deal, by=by, at=NOW),
    }
    for name, step in steps.items():
        if deal.reload().status == status:
            break
        step()
        assert deal.reload().status == name
    return deal


@pytest.mark.parametrize("status", sorted(set(DealStatus.values)))
def test_a_deal_is_billed_from_its_signature_on(status: str, customer_a: Customer, root: User) -> None:
    factories.LegalEntityFactory()
    deal = deal_in(status, customer_a, root)
    if status in ("signed", "completed"):
        assert invoicing.draft_from_deal(deal, by=root, at=NOW) == invoicing.draft_from_deal(deal, by=root, at=NOW)
        assert Invoice.objects.count() == 1
        return
    with pytest.raises(invoicing.InvoiceRefused, match="only a signed deal is billed"):
        invoicing.draft_from_deal(deal, by=root, at=NOW)
    assert Invoice.objects.count() == 0


def test_a_draft_goes_with_its_deal(customer_a: Customer, root: User) -> None:
    factories.LegalEntityFactory()
    deal = factories.signed_deal(by=root, customer=customer_a)
    draft = invoicing.draft_from_deal(deal, by=root, at=NOW)
    deals.cancel_deal(deal, by=root, at=NOW, reason="the site was sold")
    assert (draft.reload().status, draft.cancel_reason) == ("cancelled", "the site was sold")
    with pytest.raises(invoicing.InvoiceRefused, match="only a signed deal is billed"):
        invoicing.draft_from_deal(deal, by=root, at=NOW)


def test_a_billed_deal_is_credited_before_it_is_cancelled(customer_a: Customer, root: User) -> None:
    factories.LegalEntityFactory()
    deal = factories.signed_deal(by=root, customer=customer_a)
    invoice = issuing.issue_invoice(invoicing.draft_from_deal(deal, by=root, at=NOW), by=root, on=TODAY, at=NOW)
    with pytest.raises(deals.DealRefused, match="credit that first"):
        deals.cancel_deal(deal, by=root, at=NOW, reason="x")
    assert deal.reload().status == "signed"
    issuing.credit_invoice(invoice, by=root, on=TODAY, at=NOW, reason="x")
    assert deals.cancel_deal(deal, by=root, at=NOW, reason="x").status == "cancelled"

"""Moves of leads, deals, customers and memberships by their pages."""

from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import User
from crm.domain import payments
from crm.models import Activity, Customer, Deal, Invoice, Lead
from tests import factories
from tests.admin.conftest import SignIn, seen, texts
from tests.admin.forms import confirm, url
from tests.factories import NOW, TODAY


def test_converting_a_lead_says_which_customer_and_goes_to_the_deal(seller: User, sign_in: SignIn) -> None:
    lead = factories.LeadFactory(company="Quarz AG", title="40 machines")
    client = sign_in(seller)
    assert "Quarz AG (new)" in client.get(url("lead", lead.pk, "convert")).content.decode()
    page = confirm(client, url("lead", lead.pk, "convert"))
    deal = Deal.objects.get()
    assert page.redirect_chain[-1][0] == f"/admin/crm/deal/{deal.pk}/change/"
    assert deal.customer.company_name == "Quarz AG"
    assert Activity.objects.filter(kind="lead_converted", created_by=seller).count() == 1


def test_a_won_lead_is_converted_again_only_where_its_draft_was_deleted(seller: User, sign_in: SignIn) -> None:
    lead = factories.LeadFactory(company="Quarz AG", title="40 machines")
    client = sign_in(seller)
    address, page = url("lead", lead.pk, "convert"), url("lead", lead.pk, "change")
    confirm(client, address)
    assert client.get(address).status_code == 409
    assert address not in client.get(page).content.decode()
    deal = Deal.objects.get()
    Activity.objects.filter(deal=deal).delete()
    deal.delete()
    assert address in client.get(page).content.decode()
    assert "a new one is made for the same customer" in client.get(address).content.decode()
    done = confirm(client, address)
    assert texts(done) == ["The draft of its deal had been deleted; “40 machines” is new."]
    assert Deal.objects.get().customer == deal.customer


def test_losing_a_lead_needs_a_reason(as_root: Client) -> None:
    lead = factories.LeadFactory()
    address = url("lead", lead.pk, "lose")
    assert as_root.post(address, {"seen": seen(as_root.get(address))}).status_code == 200
    confirm(as_root, address, reason="no power at the site")
    lead.refresh_from_db()
    assert (lead.status, lead.lost_reason) == ("lost", "no power at the site")


def test_moving_a_lead_offers_only_what_is_allowed(as_root: Client) -> None:
    lead = factories.LeadFactory()
    address = url("lead", lead.pk, "move")
    choices = [value for value, _label in as_root.get(address).context["form"].fields["to"].choices]
    assert choices == ["contacted", "qualified", "negotiation"]
    refused = as_root.post(address, {"seen": seen(as_root.get(address)), "to": "won"})
    assert refused.status_code == 200
    confirm(as_root, address, to="qualified")
    lead.refresh_from_db()
    assert lead.status == "qualified"
    assert [v for v, _l in as_root.get(address).context["form"].fields["to"].choices] == ["negotiation"]


def test_a_deal_goes_all_the_way_by_its_buttons(as_root: Client, customer_a: Customer) -> None:
    deal = factories.DealFactory(customer=customer_a)
    confirm(as_root, url("deal", deal.pk, "submit"))
    confirm(as_root, url("deal", deal.pk, "return"), reason="price is wrong")
    confirm(as_root, url("deal", deal.pk, "submit"))
    confirm(as_root, url("deal", deal.pk, "approve"))
    confirm(as_root, url("deal", deal.pk, "sign"), on=str(TODAY))
    page = confirm(as_root, url("deal", deal.pk, "complete"))
    deal.refresh_from_db()
    assert (deal.status, deal.stage) == ("completed", "closed_won")
    invoice = Invoice.objects.get()
    assert page.redirect_chain[-1][0] == f"/admin/crm/invoice/{invoice.pk}/change/"


def test_a_deal_offers_exactly_the_moves_of_its_state(as_root: Client, customer_a: Customer, root: User) -> None:
    deal = factories.DealFactory(customer=customer_a)

    def buttons() -> set[str]:
        shown = as_root.get(f"/admin/crm/deal/{deal.pk}/change/").context["house_buttons"]
        return {button["url"].rstrip("/").rpartition("/")[2] for button in shown}

    assert buttons() == {"stage", "submit", "lose", "cancel"}
    confirm(as_root, url("deal", deal.pk, "submit"))
    assert buttons() == {"stage", "approve", "return", "lose", "cancel"}
    confirm(as_root, url("deal", deal.pk, "lose"), reason="went elsewhere")
    deal.refresh_from_db()
    assert (deal.stage, deal.status, deal.cancel_reason) == ("closed_lost", "cancelled", "went elsewhere")
    assert buttons() == set()


@pytest.mark.parametrize("page", ["approve", "return", "sign", "complete"])
def test_moves_a_draft_deal_cannot_make_are_refused(as_root: Client, customer_a: Customer, page: str) -> None:
    deal = factories.DealFactory(customer=customer_a)
    shown = as_root.get(url("deal", deal.pk, page))
    assert shown.status_code == 409
    data = {"seen": seen(shown), "reason": "x", "on": str(TODAY)}
    assert as_root.post(url("deal", deal.pk, page), data).status_code == 409
    deal.refresh_from_db()
    assert deal.status == "draft"


def test_a_deal_is_not_signed_in_the_future(as_root: Client, root: User, customer_a: Customer) -> None:
    deal = factories.signed_deal(by=root, customer=customer_a)
    other = factories.DealFactory(customer=customer_a)
    for page in ("submit", "approve"):
        confirm(as_root, url("deal", other.pk, page))
    address = url("deal", other.pk, "sign")
    page = as_root.post(address, {"seen": seen(as_root.get(address)), "on": "2999-01-01"})
    assert "This day lies in the future." in page.content.decode()
    other.refresh_from_db()
    assert (other.status, deal.status) == ("approved", "signed")


def test_deactivating_a_customer_with_open_invoices_is_refused(
    as_root: Client, root: User, customer_a: Customer
) -> None:
    issued = factories.issued_invoice(by=root, customer=customer_a)
    address = url("customer", issued.customer_id, "deactivate")
    page = as_root.get(address)
    assert "1,000.00\xa0USD" in page.content.decode()
    refused = as_root.post(address, {"seen": seen(page), "reason": "left"})
    assert refused.status_code == 409
    payments.record_payment(issued, amount=Decimal(1000), currency="USD", received_on=TODAY, by=root, on=TODAY, at=NOW)
    confirm(as_root, address, reason="left")
    assert Customer.objects.get(pk=issued.customer_id).status == "inactive"
    assert as_root.get(address).status_code == 409
    confirm(as_root, url("customer", issued.customer_id, "activate"), reason="came back")
    assert Customer.objects.get(pk=issued.customer_id).status == "active"


def test_revoking_a_membership_takes_row_and_grant(as_root: Client, alice: User) -> None:
    membership = alice.memberships.get()
    page = confirm(as_root, url("customermembership", membership.pk, "revoke"), reason="left the company")
    assert texts(page) == ["The membership was revoked."]
    assert alice.memberships.count() == 0
    assert alice.customeruserpermission_set.count() == 0


def test_lost_leads_in_bulk_with_one_reason(as_root: Client) -> None:
    open_lead, other = factories.LeadFactory(), factories.LeadFactory()
    page = confirm(as_root, f"/admin/crm/lead/lose/?ids={open_lead.pk}-{other.pk}", reason="cleaning up")
    assert set(Lead.objects.values_list("status", "lost_reason")) == {("lost", "cleaning up")}
    assert texts(page) == ["2 leads were marked as lost."]

"""Change forms: new and changed rows go through the domain, stale forms are refused, dependants are named."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from crm.domain import deals
from crm.models import Activity, Customer, Deal, Invoice, InvoiceLine, Lead, LegalEntity, Product, TaxCode, TaxRate
from hashinsight.events.models import OutboxEvent
from tests import factories
from tests.admin.conftest import texts
from tests.admin.forms import errors, page_data, save
from tests.factories import NOW


def kinds() -> list[str]:
    return list(OutboxEvent.objects.order_by("id").values_list("kind", flat=True))


# --- create, change, delete -----------------------------------------------------------------------------------
def test_a_new_customer_is_made_by_the_domain(as_root: Client) -> None:
    page = save(as_root, "/admin/crm/customer/add/", company_name="Quarz AG", country="DE", email="a@quarz.example")
    assert page.status_code == 200
    customer = Customer.objects.get()
    assert (customer.company_name, customer.status) == ("Quarz AG", "active")
    assert kinds() == ["customer.created"]


def test_a_changed_customer_leaves_event_and_history(as_root: Client, root: User, customer_a: Customer) -> None:
    save(as_root, f"/admin/crm/customer/{customer_a.pk}/change/", city="Kiel")
    assert Customer.objects.get(pk=customer_a.pk).city == "Kiel"
    assert kinds() == ["customer.changed"]
    event = Customer.pgh_event_model.objects.filter(pgh_obj_id=customer_a.pk).latest("pgh_id")
    assert (event.city, event.pgh_context.metadata["actor"]) == ("Kiel", str(root.pk))


def test_the_status_of_a_customer_cannot_be_typed(as_root: Client, customer_a: Customer) -> None:
    save(as_root, f"/admin/crm/customer/{customer_a.pk}/change/", status="inactive")
    assert Customer.objects.get(pk=customer_a.pk).status == "active"


@pytest.mark.parametrize(
    ("field", "value"),
    [("company_name", ""), ("company_name", "x" * 201), ("email", "nobody"), ("country", "Germany"),
     ("time_zone", "Mars/Base"), ("mining_capacity_mw", "-1"), ("payment_terms_days", "9999"),
     ("company_name", "a\x00b"), ("contact_name", "bell\x07"), ("currency", "DOGE")],
)  # fmt: skip
def test_bad_input_is_a_form_error(as_root: Client, field: str, value: str) -> None:
    page = save(as_root, "/admin/crm/customer/add/", **{"company_name": "Quarz AG", field: value})
    assert errors(page)
    assert Customer.objects.count() == 0


def test_emoji_in_a_name_are_fine(as_root: Client) -> None:
    save(as_root, "/admin/crm/customer/add/", company_name="Mine ⛏️ 中 Łódź")
    assert Customer.objects.get().company_name == "Mine ⛏️ 中 Łódź"


def test_a_new_lead_leaves_activity_and_event(as_root: Client, root: User) -> None:
    save(as_root, "/admin/crm/lead/add/", title="40 machines", company="Quarz AG")
    assert Lead.objects.get().status == "new"
    assert Activity.objects.get().created_by == root
    assert kinds() == ["lead.created"]


def test_a_deal_for_an_inactive_customer_is_refused_on_the_form(as_root: Client, customer_a: Customer) -> None:
    Customer.objects.filter(pk=customer_a.pk).update(status="inactive")
    page = save(as_root, "/admin/crm/deal/add/", title="x", customer=customer_a.pk, value="10")
    assert errors(page) == ["Aurora Mining AG is inactive."]
    assert 'value="x"' in page.content.decode()
    assert Deal.objects.count() == 0


def test_the_value_of_a_deal_follows_its_lines(as_root: Client, customer_a: Customer) -> None:
    product = factories.ProductFactory(unit_price=Decimal("12.50"), name="Rack space")
    deal = factories.DealFactory(customer=customer_a)
    line = {"lines-0-position": 1, "lines-0-product": product.pk, "lines-0-quantity": "4", "lines-0-unit_code": "C62"}
    save(as_root, f"/admin/crm/deal/{deal.pk}/change/", **{"lines-TOTAL_FORMS": 1}, **line)
    deal.refresh_from_db()
    assert deal.value == Decimal("50.00")
    assert (deal.lines.get().description, deal.lines.get().unit_price) == ("Rack space", Decimal("12.50"))


def test_a_line_without_product_needs_text_and_price(as_root: Client, customer_a: Customer) -> None:
    deal = factories.DealFactory(customer=customer_a)
    line = {"lines-0-position": 1, "lines-0-quantity": "0", "lines-0-unit_code": "C62"}
    page = save(as_root, f"/admin/crm/deal/{deal.pk}/change/", **{"lines-TOTAL_FORMS": 1}, **line)
    assert sorted(errors(page)) == ["Choose a product or fill this in."] * 2 + ["The quantity must be greater than 0."]


def test_an_approved_deal_is_settled(as_root: Client, root: User, customer_a: Customer) -> None:
    deal = factories.DealFactory(customer=customer_a)
    deals.submit_deal(deal, by=root, at=NOW)
    deals.approve_deal(deal, by=root, at=NOW)
    save(as_root, f"/admin/crm/deal/{deal.pk}/change/", value="1", title="other", internal_note="called them")
    deal.refresh_from_db()
    assert (deal.value, deal.internal_note) == (Decimal("1000.00"), "called them")
    assert deal.title != "other"


# --- drafts ---------------------------------------------------------------------------------------------------
def test_a_new_invoice_is_a_draft_of_a_deal(as_root: Client, root: User, customer_a: Customer) -> None:
    deal = factories.signed_deal(by=root, customer=customer_a)
    started = as_root.get(f"/admin/crm/invoice/add/?deal={deal.pk}", follow=True)
    assert started.redirect_chain[0][0] == f"/admin/crm/invoice/new/?deal={deal.pk}"
    made = as_root.post("/admin/crm/invoice/new/", {"seen": started.context["seen"], "deal": deal.pk}, follow=True)
    draft = Invoice.objects.get()
    assert (draft.deal, draft.status) == (deal, "draft")
    assert texts(made) == [f"The draft {draft.reference} is ready."]
    again = as_root.post("/admin/crm/invoice/new/", {"seen": started.context["seen"], "deal": deal.pk}, follow=True)
    assert Invoice.objects.count() == 1
    assert again.status_code == 200


def test_totals_and_tax_of_a_draft_follow_its_lines(as_root: Client, root: User, customer_a: Customer) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    code = factories.standard_tax()
    line = draft.lines.get()
    save(
        as_root,
        f"/admin/crm/invoice/{draft.pk}/change/",
        **{"lines-0-quantity": "3", "lines-0-unit_price": "10.005", "lines-0-tax_code": code.pk},
    )
    draft.refresh_from_db()
    line.refresh_from_db()
    assert (line.net_amount, line.tax_rate) == (Decimal("30.02"), Decimal(19))
    assert (draft.net_total, draft.tax_total, draft.gross_total) == (
        Decimal("30.02"),
        Decimal("5.70"),
        Decimal("35.72"),
    )


def test_a_tax_code_without_a_rate_is_an_error_on_the_form(as_root: Client, root: User, customer_a: Customer) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    code = TaxCode.objects.create(code="empty", name="No rate", category="S")
    address = f"/admin/crm/invoice/{draft.pk}/change/"
    page = save(as_root, address, **{"lines-0-tax_code": code.pk, "note": "keep what I typed"})
    assert "has no rate on" in errors(page)[0]
    assert "keep what I typed" in page.content.decode()
    draft.refresh_from_db()
    assert (draft.note, draft.lines.get().tax_code) == ("", None)


def test_an_issued_invoice_shows_no_field_to_type_in(as_root: Client, root: User, customer_a: Customer) -> None:
    issued = factories.issued_invoice(by=root, customer=customer_a)
    page = as_root.get(f"/admin/crm/invoice/{issued.pk}/change/")
    assert list(page.context["adminform"].form.fields) == []
    assert as_root.post(f"/admin/crm/invoice/{issued.pk}/change/", {"note": "x"}).status_code == 403
    assert as_root.post(f"/admin/crm/invoice/{issued.pk}/delete/", {"post": "yes"}).status_code == 403
    issued.refresh_from_db()
    assert issued.note == ""


def test_selected_issued_invoices_cannot_be_deleted(as_root: Client, root: User, customer_a: Customer) -> None:
    issued = factories.issued_invoice(by=root, customer=customer_a)
    data = {"action": "delete_selected", "_selected_action": [issued.pk], "post": "yes"}
    as_root.post("/admin/crm/invoice/", data)
    assert Invoice.objects.count() == 1


def test_a_draft_can_be_deleted_with_its_lines(as_root: Client, root: User, customer_a: Customer) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    as_root.post(f"/admin/crm/invoice/{draft.pk}/delete/", {"post": "yes"})
    assert (Invoice.objects.count(), InvoiceLine.objects.count()) == (0, 0)


# --- stale forms ----------------------------------------------------------------------------------------------
def test_a_stale_form_is_refused_and_overwrites_nothing(as_root: Client, customer_a: Customer) -> None:
    address = f"/admin/crm/customer/{customer_a.pk}/change/"
    mine = page_data(as_root.get(address))
    Customer.objects.filter(pk=customer_a.pk).update(city="Oslo")
    page = as_root.post(address, {**mine, "phone": "0123"})
    assert "Somebody else changed this customer" in errors(page)[0]
    assert 'value="0123"' in page.content.decode()
    fresh = Customer.objects.get(pk=customer_a.pk)
    assert (fresh.city, fresh.phone) == ("Oslo", "")
    still = as_root.post(address, {**page_data(page), "phone": "0123"})
    assert errors(still), "sending the refused form once more must not get through"


def test_a_form_without_the_version_is_refused(as_root: Client, customer_a: Customer) -> None:
    address = f"/admin/crm/customer/{customer_a.pk}/change/"
    data = page_data(as_root.get(address))
    del data["version_seen"]
    assert errors(as_root.post(address, data))


def test_a_changed_line_makes_other_open_forms_stale(as_root: Client, root: User, customer_a: Customer) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    address = f"/admin/crm/invoice/{draft.pk}/change/"
    mine = page_data(as_root.get(address))
    save(as_root, address, **{"lines-0-description": "their text"})
    page = as_root.post(address, {**mine, "lines-0-description": "my text"})
    assert "Somebody else changed this invoice" in errors(page)[0]
    assert draft.lines.get().description == "their text"


# --- deleting -------------------------------------------------------------------------------------------------
def test_what_stands_in_the_way_of_deleting_is_named(as_root: Client, root: User, customer_a: Customer) -> None:
    issued = factories.issued_invoice(by=root, customer=customer_a)
    page = as_root.get(f"/admin/crm/customer/{customer_a.pk}/delete/")
    assert issued.number in page.content.decode()
    as_root.post(f"/admin/crm/customer/{customer_a.pk}/delete/", {"post": "yes"})
    assert Customer.objects.filter(pk=customer_a.pk).exists()


def test_thousands_of_dependants_are_not_all_listed(as_root: Client, customer_a: Customer) -> None:
    Deal.objects.bulk_create(Deal(customer=customer_a, title=f"Deal {n}", value=1) for n in range(60))
    page = as_root.get(f"/admin/crm/customer/{customer_a.pk}/delete/")
    assert len(page.context["protected"]) == 26
    assert page.context["protected"][-1] == "… and 35 more"


def test_a_customer_without_anything_can_be_deleted(as_root: Client, customer_a: Customer) -> None:
    as_root.post(f"/admin/crm/customer/{customer_a.pk}/delete/", {"post": "yes"})
    assert not Customer.objects.filter(pk=customer_a.pk).exists()


# --- the rest of the master data ------------------------------------------------------------------------------
def test_rates_of_a_tax_code_cannot_overlap(as_root: Client) -> None:
    code = factories.standard_tax()
    line = {"rates-1-rate": "21", "rates-1-valid_from": "2025-01-01", "rates-1-valid_to": ""}
    page = save(as_root, f"/admin/crm/taxcode/{code.pk}/change/", **{"rates-TOTAL_FORMS": 2}, **line)
    assert "Another rate of this tax code is valid in that period." in " ".join(errors(page))
    assert TaxRate.objects.count() == 1


def test_a_new_product_is_made_by_the_domain(as_root: Client) -> None:
    save(as_root, "/admin/crm/product/add/", code="KW", name="Power", unit_price="45.5")
    assert Product.objects.get().unit_price == Decimal("45.5")


def test_activities_of_the_house_are_not_editable(as_root: Client, root: User, customer_a: Customer) -> None:
    factories.issued_invoice(by=root, customer=customer_a)
    written = Activity.objects.get(kind="invoice_issued")
    page = as_root.get(f"/admin/crm/activity/{written.pk}/change/")
    assert list(page.context["adminform"].form.fields) == []
    assert as_root.post(f"/admin/crm/activity/{written.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_note_is_made_by_the_domain(as_root: Client, root: User, customer_a: Customer) -> None:
    save(as_root, "/admin/crm/activity/add/", subject="Called", kind="call", customer=customer_a.pk)
    note = Activity.objects.get()
    assert (note.kind, note.created_by) == ("call", root)
    assert kinds() == ["activity.created"]


def test_a_membership_comes_with_its_grant(as_root: Client, customer_a: Customer) -> None:
    user = factories.UserFactory()
    save(as_root, "/admin/crm/customermembership/add/", user=user.pk, customer=customer_a.pk, role="customer_admin")
    assert user.memberships.get().role == "customer_admin"
    assert user.customeruserpermission_set.count() == 2
    membership = user.memberships.get()
    save(as_root, f"/admin/crm/customermembership/{membership.pk}/change/", role="customer_viewer")
    assert user.customeruserpermission_set.count() == 1


def test_staff_cannot_become_members(as_root: Client, clerk: User, customer_a: Customer) -> None:
    page = save(
        as_root, "/admin/crm/customermembership/add/", user=clerk.pk, customer=customer_a.pk, role="customer_viewer"
    )
    assert "is staff and cannot be a member" in errors(page)[0]


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)


def _upload(name: str, content: bytes) -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile(name, content)


def test_a_logo_is_checked_and_kept_by_its_hash(as_root: Client, legal_entity: LegalEntity) -> None:
    address = f"/admin/crm/legalentity/{legal_entity.pk}/change/"
    page = save(as_root, address, new_logo=_upload("logo.svg", b"<svg onload='x'/>"))
    assert errors(page)
    page = save(as_root, address, new_logo=_upload("logo.png", PNG))
    assert page.status_code == 200
    assert not page.context.get("errors")
    legal_entity.refresh_from_db()
    assert legal_entity.logo is not None
    assert bytes(legal_entity.logo.content) == PNG
    save(as_root, address, remove_logo="on")
    legal_entity.refresh_from_db()
    assert legal_entity.logo is None


def test_an_edited_lead_and_an_edited_deal_are_told_once(as_root: Client, customer_a: Customer) -> None:
    lead, deal = factories.LeadFactory(), factories.DealFactory(customer=customer_a)
    save(as_root, f"/admin/crm/lead/{lead.pk}/change/", company="Quarz AG")
    save(as_root, f"/admin/crm/deal/{deal.pk}/change/", title="Forty machines")
    assert kinds() == ["lead.updated", "deal.updated"]
    save(as_root, f"/admin/crm/deal/{deal.pk}/change/")
    assert kinds() == ["lead.updated", "deal.updated"], "nothing was changed, so nothing is told"


def test_a_settled_value_is_read_as_money(as_root: Client, root: User, customer_a: Customer) -> None:
    deal = factories.DealFactory(customer=customer_a, value=Decimal("1234.5"))
    page = as_root.get(f"/admin/crm/deal/{deal.pk}/change/").content.decode()
    assert 'value="1234.50"' in page
    deals.approve_deal(deals.submit_deal(deal, by=root, at=NOW), by=root, at=NOW)
    page = as_root.get(f"/admin/crm/deal/{deal.pk}/change/").content.decode()
    assert "1,234.50\u00a0USD" in page
    assert "1234.50000000" not in page.replace(",", "")

"""What the issue page says before it is too late: each warning names its line, and none stands in the way."""

from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from accounts.models import User
from crm.domain.taxes import NOT_SUBJECT_REASON
from crm.models import Customer, Invoice, InvoiceLine, LegalEntity, TaxCode
from tests import factories
from tests.admin.conftest import SignIn, seen
from tests.admin.forms import url
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
UNTAXED = (
    "Line 1 “Racks” has no tax code: “Not subject to VAT” will be printed. If VAT is due, "
    "choose a tax code for the line, its product or the customer first."
)


@pytest.fixture
@standing
def draft(root: User, customer_a: Customer) -> Invoice:
    return factories.draft_invoice(by=root, customer=customer_a, title="Racks")


@pytest.fixture
def client(biller: User, sign_in: SignIn) -> Client:
    return sign_in(biller)


def warned(client: Client, address: str) -> list[str]:
    page = client.get(address)
    assert page.status_code == 200
    assert all(str(text) in page.content.decode() for text in page.context["effect"].warnings)
    return [str(text) for text in page.context["effect"].warnings]


def issue_page(draft: Invoice) -> str:
    return url("invoice", draft.pk, "issue")


def reverse_charge() -> TaxCode:
    code: TaxCode = TaxCode.objects.create(code="rc", name="Reverse charge", category="AE", exemption_reason="§ 13b")
    return code


def test_a_line_without_tax_code_is_named_and_can_still_be_issued(client: Client, draft: Invoice) -> None:
    assert warned(client, issue_page(draft)) == [UNTAXED]
    client.post(issue_page(draft), {"seen": seen(client.get(issue_page(draft)))})
    draft.refresh_from_db()
    assert draft.status == "sent"
    assert draft.lines.get().exemption_reason == NOT_SUBJECT_REASON


@pytest.mark.parametrize("holder", ["line", "customer", "product"])
def test_a_code_on_line_customer_or_product_is_enough(holder: str, client: Client, draft: Invoice) -> None:
    code = factories.standard_tax()
    if holder == "line":
        draft.lines.update(tax_code=code)
    elif holder == "customer":
        Customer.objects.filter(pk=draft.customer_id).update(tax_code=code)
    else:
        draft.lines.update(product=factories.ProductFactory(tax_code=code))
    assert warned(client, issue_page(draft)) == []


def test_missing_address_account_and_ids_are_told(client: Client, draft: Invoice) -> None:
    draft.lines.update(tax_code=reverse_charge())
    Customer.objects.filter(pk=draft.customer_id).update(email=None, billing_email="", vat_id="ATU12345678")
    LegalEntity.objects.update(iban="", vat_id="")
    assert warned(client, issue_page(draft)) == [
        "Line 1 “Racks” is reverse charge, but our legal entity has no VAT id.",
        "No e-mail address is known: the invoice will not be sent.",
        "Our legal entity has no bank account: the paper tells nobody where to pay.",
    ]


def test_reverse_charge_without_the_customers_id_has_no_button(client: Client, draft: Invoice) -> None:
    draft.lines.update(tax_code=reverse_charge())
    page = client.get(issue_page(draft))
    assert page.status_code == 409
    assert "reverse charge needs the customer" in page.content.decode()


def test_many_at_once_name_each_draft_and_line(
    client: Client, root: User, draft: Invoice, customer_b: Customer
) -> None:
    other = factories.draft_invoice(by=root, customer=customer_b, title="Power")
    other.lines.update(tax_code=reverse_charge(), tax_category="AE")
    Customer.objects.filter(pk=customer_b.pk).update(email=None, billing_email="", vat_id="", invoice_format="facturx")
    LegalEntity.objects.update(iban="")
    entity = LegalEntity.objects.get()
    assert warned(client, f"/admin/crm/invoice/issue/?ids={draft.pk}-{other.pk}") == [
        f"{other}: Line 1 “Power” is reverse charge, but the customer has no VAT id: it will be refused.",
        f"{other} will be refused, its e-invoice still needs: VAT id of the customer (Customers › Invoicing).",
        f"{draft}, line 1 “Racks” has no tax code: it will say “Not subject to VAT”.",
        f"{entity} has no bank account: its papers tell nobody where to pay.",
        "1 customer has no e-mail address; this invoice will not be sent.",
    ]


def test_of_very_many_untaxed_lines_ten_are_named(client: Client, root: User, draft: Invoice) -> None:
    InvoiceLine.objects.bulk_create(
        InvoiceLine(invoice=draft, position=place, description="x", unit_price=1) for place in range(2, 15)
    )
    found = warned(client, f"/admin/crm/invoice/issue/?ids={draft.pk}")
    assert [text for text in found if "line 10 " in text] != []
    assert found[-1] == "4 more lines have no tax code."


def test_the_look_ahead_asks_as_often_for_three_drafts_as_for_one(
    client: Client, root: User, draft: Invoice, customer_a: Customer, django_assert_num_queries: Any
) -> None:
    more = [factories.draft_invoice(by=root, customer=customer_a) for _ in range(2)]
    client.get(issue_page(draft))
    with django_assert_num_queries(6):
        client.get(f"/admin/crm/invoice/issue/?ids={draft.pk}")
    with django_assert_num_queries(6):
        client.get("/admin/crm/invoice/issue/?ids=" + "-".join(str(one.pk) for one in (draft, *more)))


def test_the_parties_countries_are_named_in_the_readers_language(client: Client, draft: Invoice) -> None:
    facts = dict(client.get(issue_page(draft)).context["effect"].facts)
    assert "Germany" in facts["from"]
    with override("de"):
        german = client.get(issue_page(draft), headers={"accept-language": "de"})
    assert "Deutschland" in german.content.decode()

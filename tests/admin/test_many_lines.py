"""Documents with more lines than one page shows: edited portion by portion, and nothing of the rest is touched."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from crm.domain import invoicing
from crm.models import Customer, Deal, DealLine, Invoice, InvoiceLine
from hashinsight.common.admin.inlines import PagedInline
from tests import factories
from tests.admin.forms import errors, page_data
from tests.factories import TODAY
from tests.support.standing import standing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_broker")]
MANY, PORTION = 528, 25


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of a hundred lines takes seconds to draw; a quarter of that shows the same."""
    assert PagedInline.per_page == 100
    monkeypatch.setattr(PagedInline, "per_page", PORTION)


@pytest.fixture
@standing
def draft(root: User, customer_a: Customer) -> Invoice:
    """528 lines of 1.00 each: more than a request may bring."""
    made = factories.draft_invoice(by=root, customer=customer_a)
    made.lines.all().delete()
    InvoiceLine.objects.bulk_create(
        InvoiceLine(invoice=made, position=place, description=f"Meter {place}", quantity=1, unit_price=1)
        for place in range(1, MANY + 1)
    )
    return invoicing.recalculate(made, on=TODAY)


@pytest.fixture
@standing
def address(draft: Invoice) -> str:
    """Its page."""
    return f"/admin/crm/invoice/{draft.pk}/change/"


def lines_of(draft: Invoice) -> list[tuple[int, str]]:
    return list(draft.lines.order_by("position").values_list("position", "description"))


def test_a_page_shows_a_portion_and_leads_to_the_others(as_root: Client, address: str) -> None:
    first: Any = as_root.get(address)
    assert len(first.context["inline_admin_formsets"][0].formset.forms) == PORTION
    assert "lines-page=22#lines-group" in first.content.decode()
    last: Any = as_root.get(f"{address}?lines-page=22")
    forms = last.context["inline_admin_formsets"][0].formset.forms
    assert [form.instance.description for form in forms] == ["Meter 526", "Meter 527", "Meter 528"]
    assert "hx-get" not in last.content.decode().split('id="lines-group"')[1].split("</nav>")[0]


def test_changing_adding_and_deleting_leaves_all_other_lines_alone(
    as_root: Client, draft: Invoice, address: str
) -> None:
    before = lines_of(draft)
    portion = f"{address}?lines-page=22"
    data = page_data(as_root.get(portion))
    changes = {
        "lines-0-description": "Changed", "lines-1-DELETE": "on", "lines-TOTAL_FORMS": "4",
        "lines-3-position": "529", "lines-3-description": "Added", "lines-3-quantity": "2", "lines-3-unit_price": "5",
        "lines-3-unit_code": "C62", "_continue": "1",
    }  # fmt: skip
    answer = as_root.post(portion, {**data, **changes})
    assert answer.status_code == 302, errors(answer)
    assert answer["Location"].endswith("/change/?lines-page=22")
    wanted = [*before[:525], (526, "Changed"), (527, "Meter 528"), (528, "Added")]
    assert lines_of(draft) == wanted
    draft.refresh_from_db()
    assert draft.net_total == Decimal(MANY - 1 + 10)


def test_a_line_of_another_portion_is_not_changed(as_root: Client, draft: Invoice, address: str) -> None:
    before = lines_of(draft)
    other = draft.lines.get(position=MANY)
    data = page_data(as_root.get(address))
    answer = as_root.post(address, {**data, "lines-0-id": str(other.pk), "lines-0-description": "stolen"})
    assert answer.status_code == 200
    formset = answer.context["inline_admin_formsets"][0].formset
    assert "does not stand on this page any more" in formset.non_form_errors()[0]
    assert lines_of(draft) == before


@pytest.mark.parametrize("page", ["99", "0", "-1", "x", "²"])
def test_a_portion_that_is_none_is_the_first(as_root: Client, address: str, page: str) -> None:
    shown: Any = as_root.get(f"{address}?lines-page={page}")
    assert shown.context["inline_admin_formsets"][0].formset.forms[0].instance.description == "Meter 1"


def test_no_request_makes_more_forms_than_there_may_be(as_root: Client, draft: Invoice, address: str) -> None:
    data = page_data(as_root.get(address))
    page: Any = as_root.post(address, {**data, "lines-TOTAL_FORMS": "99999", "lines-INITIAL_FORMS": "99999"})
    assert page.status_code == 200
    assert len(page.context["inline_admin_formsets"][0].formset.forms) <= 500
    assert draft.lines.count() == MANY


def test_lines_of_a_deal_come_in_portions_as_well(as_root: Client, customer_a: Customer) -> None:
    deal = factories.DealFactory(customer=customer_a, value=0)
    DealLine.objects.bulk_create(
        DealLine(deal=deal, position=place, description=f"Rack {place}", quantity=1, unit_price=2)
        for place in range(1, 602)
    )
    portion = f"/admin/crm/deal/{deal.pk}/change/?lines-page=25"
    answer = as_root.post(portion, {**page_data(as_root.get(portion)), "lines-0-unit_price": "12"})
    assert answer.status_code == 302, errors(answer)
    assert (Deal.objects.get(pk=deal.pk).value, deal.lines.count()) == (Decimal(1212), 601)

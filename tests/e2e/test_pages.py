"""Pages as a browser loads them: nothing is fetched from elsewhere, nothing is missing."""

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from crm.models import Customer
from tests import factories
from tests.e2e.conftest import Traffic, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_no_page_fetches_anything_from_elsewhere_or_in_vain(
    page: Page, traffic: Traffic, root: User, customer_a: Customer
) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    page.goto("/accounts/login/")
    sign_in(page, root)
    for address, heading in (
        ("/admin/", "Pipeline by stage"),
        ("/admin/crm/invoice/", draft.reference),
        (f"/admin/crm/invoice/{draft.pk}/change/", draft.reference),
        (f"/admin/crm/invoice/{draft.pk}/issue/", "Issue now"),
        ("/accounts/home/", root.name),
        ("/api/v1/docs/", "/api/v1/invoices/"),
    ):
        page.goto(address)
        expect(page.get_by_text(heading).first).to_be_visible()
        expect(page.locator("link[rel=icon]").first).to_be_attached()
    page.wait_for_load_state("networkidle")
    assert traffic.troubles == []
    assert any(address.endswith("/schema/") for address in traffic.addresses), "the watch saw no request of a script"
    assert page.request.get("/favicon.ico").ok


def test_the_watch_notices_what_leaves_and_what_is_missing(page: Page, traffic: Traffic) -> None:
    """The control: a planted picture from elsewhere, a missing page and a broken script are all seen."""
    page.route("http://elsewhere.example/**", lambda route: route.abort())
    page.goto("/accounts/login/")
    page.set_content('<img src="http://elsewhere.example/a.png"><script>throw new Error("planted")</script>')
    page.goto("/no/such/page/")
    seen = "\n".join(traffic.troubles)
    for expected in ("leaves this machine: http://elsewhere.example/a.png", "planted", "404 http"):
        assert expected in seen, (expected, traffic.troubles)

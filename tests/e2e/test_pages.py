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
        ("/api/v1/docs/", "/api/v1/activities/"),  # the page draws what is in sight
    ):
        page.goto(address)
        expect(page.get_by_text(heading).first).to_be_visible(timeout=30_000)  # the page of the API is long
        expect(page.locator("link[rel=icon]").first).to_be_attached()
    page.wait_for_load_state("networkidle")
    assert traffic.troubles == []
    assert any(address.endswith("/schema/") for address in traffic.addresses), "the watch saw no request of a script"
    assert page.request.get("/favicon.ico").ok


def test_the_watch_notices_what_leaves_and_what_is_missing(page: Page, traffic: Traffic) -> None:
    """The control: a planted picture from elsewhere, a missing page and a broken script are all seen."""
    page.route("http://elsewhere.example/**", lambda route: route.abort())
    page.goto("/accounts/login/")
    page.set_content('<img src="http://elsewhere.example/a.png">')
    page.evaluate("""() => void setTimeout(() => { throw new Error("planted") }, 0)""")
    page.wait_for_timeout(50)
    page.goto("/no/such/page/")
    seen = "\n".join(traffic.troubles)
    for expected in ("leaves this machine: http://elsewhere.example/a.png", "planted", "404 http"):
        assert expected in seen, (expected, traffic.troubles)


PLANT = """() => {
    const script = document.createElement("script");
    script.textContent = "window.planted = true";
    const mark = document.createElement("p");
    mark.setAttribute("onclick", "window.planted = true");
    const style = document.createElement("style");
    style.textContent = "body { display: none }";
    document.body.append(script, mark, style);
    mark.click();
    return [window.planted === true, getComputedStyle(document.body).display];
}"""


@pytest.mark.parametrize("address", ["/accounts/home/", "/admin/", "/api/v1/docs/"])
def test_planted_code_and_styles_do_not_run(page: Page, traffic: Traffic, root: User, address: str) -> None:
    """The control of the content policy: a script, a handler and a style that stand in the page itself."""
    sign_in(page, root)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    assert traffic.troubles == []
    ran, display = page.evaluate(PLANT)
    page.wait_for_timeout(100)
    assert (ran, display == "none") == (False, False)
    told = {text.split()[3] for text in traffic.troubles if "content policy: " in text}
    assert told == {"script-src-elem", "script-src-attr", "style-src-elem"}


def test_only_the_back_office_may_evaluate_text(page: Page, traffic: Traffic, root: User) -> None:
    sign_in(page, root)
    # In a timer: what the test itself sends in is let through by the browser.
    evaluate = """() => new Promise(done => setTimeout(() => {
        try { done(new Function("return 1")()) } catch (error) { done(error.name) }
    }, 0))"""
    found = {}
    for address in ("/accounts/home/", "/admin/", "/api/v1/docs/"):
        page.goto(address)
        found[address] = page.evaluate(evaluate)
    assert found == {"/accounts/home/": "EvalError", "/admin/": 1, "/api/v1/docs/": "EvalError"}

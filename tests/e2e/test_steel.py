"""Sites, zones, plans and machines in a browser: made, edited, put away, taken out of the world, and refused."""

import re
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from crm.models import LegalEntity
from hosting.models import Miner, MinerModel, PricePlan, PricePlanVersion, Site, Zone
from tests.e2e.conftest import Traffic, sign_in
from tests.e2e.test_story import action, confirm

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def save(page: Page) -> None:
    """Press the form's own button; the list or page that follows says it was done."""
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text(re.compile("was (added|changed) successfully")).first).to_be_visible()


def choose(page: Page, field: str, words: str) -> None:
    """Look for a row in a field that searches, as somebody who types."""
    page.locator(f"#id_{field} + .select2").click()
    page.locator(".select2-search__field").fill(words)
    page.locator(".select2-results__option", has_text=words).first.click()


def add_site(page: Page) -> Site:
    page.goto("/admin/hosting/site/add/")
    page.locator("#id_name").fill("Odessa")
    page.locator("#id_time_zone").fill("America/Chicago")
    page.locator("#id_capacity_kw").fill("1000")
    save(page)
    return Site.objects.get(name="Odessa")


def add_zone(page: Page, name: str, kw: str) -> Zone:
    page.goto("/admin/hosting/zone/add/")
    choose(page, "site", "Odessa")
    page.locator("#id_name").fill(name)
    page.locator("#id_capacity_kw").fill(kw)
    save(page)
    return Zone.objects.get(name=name)


def delete(page: Page, address: str) -> None:
    page.goto(f"{address}/delete/")
    page.get_by_role("button", name=re.compile("Yes")).click()
    expect(page.get_by_text("was deleted successfully").first).to_be_visible()


def test_a_site_is_made_edited_archived_and_deleted_with_what_hangs_on_it_last(
    page: Page, traffic: Traffic, root: User, legal_entity: LegalEntity
) -> None:
    sign_in(page, root)
    site = add_site(page)
    zone = add_zone(page, "Hall 1", "100")

    page.goto(f"/admin/hosting/site/{site.pk}/change/")
    page.locator("#id_location").fill("Odessa, Texas")
    save(page)
    assert Site.objects.get().location == "Odessa, Texas"

    page.goto(f"/admin/hosting/zone/{zone.pk}/change/")
    action(page, "Archive")
    page.locator("#id_reason").fill("Fire protection")
    page.get_by_role("button", name="Archive", exact=True).click()
    expect(page.get_by_text("archived").first).to_be_visible()
    assert Zone.objects.get().status == "inactive"
    action(page, "Take into use")
    page.locator("#id_reason").fill("Sprinklers are in")
    confirm(page, "Take into use", "In use: machines can be placed there.")

    page.goto(f"/admin/hosting/site/{site.pk}/delete/")
    expect(page.get_by_text("Hall 1").first).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Yes"))).to_have_count(0)
    delete(page, f"/admin/hosting/zone/{zone.pk}")
    delete(page, f"/admin/hosting/site/{site.pk}")
    assert not Site.objects.exists()
    assert traffic.troubles == []


def test_editing_a_plan_in_use_makes_a_version(page: Page, traffic: Traffic, root: User) -> None:
    sign_in(page, root)
    page.goto("/admin/hosting/priceplan/add/")
    page.locator("#id_name").fill("Standard")
    page.locator("#id_currency").select_option("USD")
    save(page)
    plan = PricePlan.objects.get()

    page.goto(f"/admin/hosting/priceplan/{plan.pk}/change/")
    action(page, "New version")
    page.locator("#id_valid_from").fill("2026-01-01")
    confirm(page, "Draft it", "The draft is there.")
    page.get_by_role("link", name=re.compile("Add another")).click()
    row = "components-0"
    page.locator(f"#id_{row}-position").fill("1")
    page.locator(f"#id_{row}-kind").select_option("energy")
    page.locator(f"#id_{row}-description").fill("Energy")
    page.locator(f"#id_{row}-price").fill("0.06")
    page.get_by_role("button", name="Save and continue editing").click()
    action(page, "Publish")
    confirm(page, "Publish", "The version is published.")
    first = PricePlanVersion.objects.get()
    page.goto(f"/admin/hosting/priceplanversion/{first.pk}/change/")
    expect(page.locator(f"#id_{row}-price")).to_have_count(0)  # what is used never changes

    page.goto(f"/admin/hosting/priceplan/{plan.pk}/change/")
    action(page, "New version")
    page.locator("#id_valid_from").fill("2026-12-01")
    confirm(page, "Draft it", "The draft is there.")
    page.locator(f"#id_{row}-price").fill("0.07")
    page.get_by_role("button", name="Save and continue editing").click()
    action(page, "Publish")
    confirm(page, "Publish", "The version is published.")
    prices = PricePlanVersion.objects.order_by("number").values_list("components__price", flat=True)
    assert list(prices) == [Decimal("0.06"), Decimal("0.07")]
    assert PricePlanVersion.objects.get(pk=first.pk).valid_to is not None

    page.goto(f"/admin/hosting/priceplan/{plan.pk}/delete/")
    expect(page.get_by_role("button", name=re.compile("Yes"))).to_have_count(0)
    assert PricePlan.objects.count() == 1
    assert traffic.troubles == []


def test_a_machine_too_many_is_refused_by_so_many_kilowatts(page: Page, traffic: Traffic, root: User) -> None:
    sign_in(page, root)
    MinerModel.objects.create(name="S21 200T", manufacturer="Bitmain", hashrate_ths=200, power_w=3500)
    add_site(page)
    add_zone(page, "Closet", "3")
    page.goto("/admin/hosting/miner/add/")
    page.locator("#id_manufacturer").fill("Bitmain")
    page.locator("#id_serial").fill("SN1")
    choose(page, "model", "S21 200T")
    save(page)
    page.goto(f"/admin/hosting/miner/{Miner.objects.get().pk}/change/")
    action(page, "Place or move")
    page.locator("#id_site").select_option(label="Odessa")
    page.locator("#id_zone").select_option(label="Odessa / Closet")
    page.get_by_role("button", name="Place them", exact=True).click()
    expect(page.get_by_text(re.compile(r"0\.5 kW")).first).to_be_visible()
    assert Miner.objects.get().zone is None
    assert [text for text in traffic.troubles if "409" not in text] == []

"""The market in a browser: a chart with the names of its lines, prices from a file, a calculation, own machines."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from hosting.models import MinerModel
from intelligence.models import UserMiner
from marketdata.models import PricePoint, PriceSeries
from tests.e2e.conftest import Traffic, sign_in
from tests.e2e.test_steel import choose, save
from tests.marketdata.world import build_market

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Of a chart on the page: the names over it, and how its axis writes a figure.
SEEN = """() => { const chart = Chart.getChart(document.querySelector("canvas.chart"));
    return [chart.legend.options.display, chart.legend.legendItems.map(one => one.text),
            chart.scales.y.ticks.map(one => one.label)] }"""


def upload(page: Page, text: str) -> None:
    page.locator("input[type=file]").set_input_files(
        {"name": "prices.csv", "mimeType": "text/csv", "buffer": text.encode()}
    )
    page.get_by_role("button", name="Try it (dry run)").click()


def import_prices(page: Page, series: PriceSeries) -> None:
    """A file that is none, then one with a broken line, which is left out."""
    page.goto(f"/admin/marketdata/priceseries/{series.pk}/change/")
    page.get_by_role("link", name="Import prices").click()
    upload(page, "when,price\n2026-01-01,1\n")
    expect(page.get_by_text("no column of time").first).to_be_visible()
    before = PricePoint.objects.count()
    upload(page, "datetime_utc,price\n2026-01-01T00:00,11.5\n2026-01-01T01:00,much\n2026-01-01T02:00,-3\n")
    expect(page.get_by_text("'much' is no number")).to_be_visible()
    expect(page.get_by_role("heading", name="Gaps")).to_be_visible()
    assert PricePoint.objects.count() == before
    page.get_by_role("button", name="Import it").click()
    expect(page.get_by_text("2 new, 0 changed, 0 were there already, 1 lines left out.")).to_be_visible()
    values = PricePoint.objects.filter(starts_at__lt=datetime(2026, 2, 1, tzinfo=UTC)).order_by("starts_at")
    assert list(values.values_list("value", flat=True)) == [Decimal("11.5"), Decimal(-3)]


def test_from_the_market_to_a_portfolio(page: Page, traffic: Traffic, root: User) -> None:
    series = build_market(datetime.now(UTC) - timedelta(minutes=5))["series"]
    model = MinerModel.objects.create(
        name="S21 200T", manufacturer="Bitmain", hashrate_ths=200, power_w=3500, list_price_usd=3000
    )
    sign_in(page, root)
    page.goto("/admin/marketdata/networksnapshot/market/")
    expect(page.get_by_role("heading", name="Retargets")).to_be_visible()
    page.wait_for_function("Chart.getChart(document.querySelector('canvas.chart'))")
    shown, names, ticks = page.evaluate(SEEN)
    assert (shown, names) == (True, ["close (USD)", "upper band (USD)", "lower band (USD)"])
    assert all(re.fullmatch(r"\d\d,\d{3} USD", tick) for tick in ticks), ticks
    page.get_by_role("link", name="1 year").click()
    page.wait_for_url(re.compile("span="))

    import_prices(page, series)

    page.goto("/admin/hosting/minermodel/calculator/")
    page.locator("#id_model").select_option(label=str(model))
    page.locator("#id_energy_usd_per_kwh").fill("0.05")
    page.get_by_role("button", name="Calculate").click()
    expect(page.get_by_text("break-even price of energy")).to_be_visible()
    expect(page.get_by_text("3,000.00\u00a0USD").first).to_be_visible()

    page.goto("/admin/intelligence/userminer/add/")
    choose(page, "user", root.name)
    choose(page, "miner_model", "S21")
    page.locator("#id_custom_name").fill("Garage")
    page.locator("#id_quantity").fill("3")
    page.locator("#id_electricity_cost_usd_per_kwh").fill("0.05")
    save(page)
    row = UserMiner.objects.get()
    assert (row.user, row.quantity, row.actual_hashrate_ths, row.actual_price_usd) == (root, 3, 200, 3000)

    page.goto("/admin/intelligence/userminer/portfolio/")
    page.locator("#id_user").select_option(label=str(root))
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("cell", name="Garage")).to_be_visible()
    expect(page.get_by_role("cell", name="600", exact=True)).to_be_visible()
    assert traffic.troubles == []

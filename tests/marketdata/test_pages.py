"""Each line of a chart stands in the file beside it."""

import csv
import json
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from hashinsight.common.admin.charting import shortened
from tests.marketdata.world import build_market

MARKET = "/admin/marketdata/networksnapshot/market/"
# Lines of each chart, by the column of its file and what the picture divides by.
LINES = {
    "close (USD)": ("close_usd", 1), "upper band (USD)": ("bb_upper", 1), "lower band (USD)": ("bb_lower", 1),
    "difficulty (T)": ("difficulty", 1e12), "hashprice (USD/PH/d)": ("hashprice_usd_per_ph_day", 1),
    "RSI (14)": ("rsi", 1), "MACD (USD)": ("macd", 1), "signal (USD)": ("macd_signal", 1),
}  # fmt: skip


def signed_in(person: User) -> Client:
    """In the back office."""
    client = Client()
    client.force_login(person)
    return client


def rows(client: Any, address: str) -> list[dict[str, str]]:
    """What a file holds."""
    answer = client.get(address)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(answer.content.decode().splitlines()))


def column(found: list[dict[str, str]], name: str, scale: float = 1) -> list[float | None]:
    """As a picture draws it."""
    return [shortened(float(row[name]) / scale) if row[name] else None for row in found]


@pytest.mark.parametrize("span", ["month", "quarter", "year", "all"])
def test_each_line_of_the_market_is_a_column(db: None, root: User, span: str) -> None:
    build_market(timezone.now())
    client = signed_in(root)
    drawn = set()
    for curve in client.get(f"{MARKET}?span={span}").context["curves"]:
        found = rows(client, MARKET + curve["csv"])
        for line in json.loads(curve["data"])["datasets"]:
            name, scale = LINES[line["label"]]
            assert line["data"] == column(found, name, scale), line["label"]
            assert any(value is not None for value in line["data"]), line["label"]
            drawn.add(line["label"])
    assert drawn == set(LINES)


def test_the_line_of_a_series_is_a_column(db: None, root: User, now: datetime) -> None:
    series = build_market(timezone.now())["series"]
    client = signed_in(root)
    page = f"/admin/marketdata/priceseries/{series.pk}/chart/"
    context = client.get(page).context
    (line,) = json.loads(context["data"])["datasets"]
    assert line["data"] == column(rows(client, page + context["csv"]), "value")
    assert len(line["data"]) == 36

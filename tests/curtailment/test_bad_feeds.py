"""Feeds that go wrong in every way, over real sockets and with real rows: nothing is ever switched off by them.

The rule would switch off within a window. Each feed tells the truth first, so that the rule knows what is usual.
"""

import csv
import gzip
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from accounts.models import User
from curtailment.domain.rules.evaluating import stale_inputs
from curtailment.domain.rules.keeping import create_rule
from curtailment.domain.rules.strikes import evaluate_strike
from curtailment.models import CurtailmentPlan, StrikeRule
from hosting.models import Site
from marketdata.clients.http import Asker
from marketdata.domain.asking_series import SeriesNotAnswered, ask_series
from marketdata.domain.watching import stale_series
from marketdata.enums import Adapter
from marketdata.models import PriceSeries
from tests.curtailment.agreed import KW, stand_by
from tests.curtailment.site import Ground
from tests.marketdata.services import Services, services_at

FOLDER = (
    Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(__file__).parents[3] / "shared" / "data") / "electricity"
)
FILE = FOLDER / "ercot_hb_south_15min.csv.gz"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.sample,
    pytest.mark.skipif(not FILE.is_file(), reason=f"NO SAMPLE DATA in {FOLDER}: set HASHINSIGHT_SAMPLE_DATA"),
]
QUARTER = timedelta(minutes=15)
Row = tuple[datetime, Decimal]
CHICAGO = ZoneInfo("America/Chicago")


def real_rows(first: str, count: int) -> list[Row]:
    """ERCOT South hub in real time, USD/MWh, from a local quarter on."""
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as file:
        rows = [(one["timestamp_local"], one["rtm_usd_mwh"]) for one in csv.DictReader(file)]
    place = next(n for n, (moment, _value) in enumerate(rows) if moment == first)
    return [
        (datetime.fromisoformat(moment).replace(tzinfo=CHICAGO).astimezone(UTC), Decimal(value))
        for moment, value in rows[place : place + count]
    ]


def body(rows: list[Row], currency: str = "USD") -> bytes:
    """As the feed writes it."""
    data = [{"t": start.isoformat(), "v": str(value)} for start, value in rows]
    return json.dumps({"meta": {"currency": currency}, "data": data}).encode()


class Feed:
    """A feed behind an address, a series that asks for it, a rule that looks at the series."""

    def __init__(self, ground: Ground, services: Services, **fields: Any) -> None:
        self.ground, self.services = ground, services
        self.rows = real_rows("2024-07-01 00:00:00", 3 * 96)  # three days between 9 and 48 USD
        self.series = PriceSeries.objects.create(
            code="south", name="South", currency="USD", step_minutes=15, adapter=Adapter.JSON, known_from="end",
            mapping={"rows": "data", "start": "t", "value": "v", "currency": "meta.currency"},
            url=f"http://127.0.0.1:{services.port}/feed", stale_after_minutes=45,
        )  # fmt: skip
        self.now = self.rows[191][0] + QUARTER
        self.says(body(self.rows[:192]))
        ask_series(self.series, at=self.now, asker_for=self.asker)
        self.rule = create_rule(
            StrikeRule, by=None, at=self.now, name="Dear", site=ground.site, series=self.series, strike=Decimal("0.06"),
            goal_kw=KW * 5, windows_off=1, windows_on=1, stale_after_minutes=30, **fields,
        )  # fmt: skip

    def asker(self, url: str) -> Asker:
        return Asker(url, seconds=0.15, sleep=lambda seconds: None)

    def says(self, content: bytes, status: int = 200) -> None:
        self.services.says("/feed", content, status)

    def since(self, n: int, *, times: int = 1) -> list[Row]:
        """The rows since the rule looks, so many times as high."""
        return [(start, value * times) for start, value in self.rows[192 : n + 1]]

    def hours(self, count: int, say: Callable[["Feed", int], None]) -> list[str]:
        """So many hours of quarters; ``say`` sets what the feed answers. Gives what asking came to."""
        said = []
        for n in range(192, 192 + count * 4):
            self.now = self.rows[n][0] + QUARTER
            say(self, n)
            try:
                stored = ask_series(self.series, at=self.now, asker_for=self.asker)
                said.append(f"{stored.new} new")
            except SeriesNotAnswered as error:
                said.append(str(error).partition(":")[0])
            evaluate_strike(self.rule, at=self.now)
        return said


def silent(feed: Feed, n: int) -> None:
    def sleepy(heard: Any) -> Any:
        time.sleep(0.4)
        return 200, {}, body(feed.rows[: n + 1])

    feed.services.instead["/feed"] = sleepy


CASES: dict[str, tuple[Callable[[Feed, int], None], str, str]] = {
    "timeout": (silent, "no_answer", "stale"),
    "500": (lambda feed, n: feed.says(b"{}", 500), "status", "stale"),
    "html": (lambda feed, n: feed.says(b"<html><body>9999</body></html>"), "html", "stale"),
    "empty": (lambda feed, n: feed.says(body([])), "empty", "stale"),
    "stale": (lambda feed, n: feed.says(body(feed.rows[:192])), "0 new", "stale"),
    "ten times": (lambda feed, n: feed.says(body(feed.since(n, times=10))), "1 new", "jump"),
    "negative": (lambda feed, n: feed.says(body(feed.since(n, times=-1))), "1 new", ""),
    "wrong currency": (lambda feed, n: feed.says(body(feed.since(n, times=4), "EUR")), "currency", "stale"),
}  # fmt: skip


@pytest.fixture
def services(settings: Any) -> Iterator[Services]:
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with services_at(datetime(2024, 7, 3, tzinfo=UTC)) as found:
        yield found


@pytest.fixture
def feed(ground: Ground, services: Services, root: User, alice_of_staff: User) -> Feed:
    Site.objects.filter(pk=ground.site.pk).update(time_zone="America/Chicago")
    ground.site.refresh_from_db()
    ground.now = datetime(2024, 7, 2, tzinfo=UTC)
    stand_by(ground, root, alice_of_staff)
    return Feed(ground, services)


def truth(feed: Feed, n: int) -> None:
    feed.says(body(feed.since(n)))


@pytest.mark.parametrize("name", CASES)
def test_a_feed_that_goes_wrong_switches_nothing_off(feed: Feed, name: str) -> None:
    say, outcome, doubt = CASES[name]
    said = feed.hours(1, say)
    assert set(said) == {outcome}
    assert not CurtailmentPlan.objects.exists()
    feed.rule.refresh_from_db()
    assert feed.rule.state["doubt"] == doubt
    assert len(list(stale_inputs(feed.now))) == (doubt != "")
    assert bool(list(stale_series(feed.now))) == (doubt == "stale")


def test_the_same_rows_told_rightly_switch_off_what_is_dear(feed: Feed) -> None:
    """The control: the rule sees, and acts."""
    StrikeRule.objects.filter(pk=feed.rule.pk).update(strike=Decimal("0.02"))
    feed.hours(24, truth)
    assert CurtailmentPlan.objects.filter(cause="price", created_by=None).exists()


def test_without_the_guard_ten_times_the_price_would_switch_off(feed: Feed) -> None:
    """What the median is for: a rule that believes everything falls for it."""
    StrikeRule.objects.filter(pk=feed.rule.pk).update(median_times=Decimal(1000))
    feed.hours(1, CASES["ten times"][0])
    assert CurtailmentPlan.objects.exists()

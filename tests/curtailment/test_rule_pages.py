"""Rules as operators write them, and the pages that say what each would have done."""

import csv
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from curtailment.domain.rules.keeping import create_rule
from curtailment.models import CurtailmentPlan, PeakRule, RuleExecution, StrikeRule
from marketdata.models import PriceSeries
from tests import factories
from tests.curtailment.agreed import KW
from tests.curtailment.market import QUARTER, feed, look_at_all, make_series, mined
from tests.curtailment.site import Ground
from tests.curtailment.test_peaks import MW

pytestmark = pytest.mark.django_db
STRIKES, PEAKS = "/admin/curtailment/strikerule", "/admin/curtailment/peakrule"
D = Decimal


@pytest.fixture
def frozen(now: datetime) -> Iterator[datetime]:
    """Pages happen now."""
    with time_machine.travel(now, tick=False):
        yield now


@pytest.fixture
def operator(db: None) -> Client:
    """Writes rules."""
    names = [
        f"curtailment.{verb}_{model}"
        for model in ("strikerule", "peakrule")
        for verb in ("view", "add", "change", "delete")
    ]
    user = factories.give_permissions(
        factories.UserFactory(is_staff=True), *names, "curtailment.view_ruleexecution", "hosting.view_site",
        "curtailment.view_curtailmentplan", "marketdata.view_priceseries",
    )  # fmt: skip
    client = Client()
    client.force_login(user, backend="accounts.backends.TimeLimitedBackend")
    return client


def common(ground: Ground, series: PriceSeries, **fields: Any) -> dict[str, Any]:
    """What both forms send."""
    return {
        "name": "Evenings", "is_active": "on", "site": ground.site.pk, "series": series.pk, "goal": "by",
        "goal_kw": "7",
        "selection": "efficiency", "longest_minutes": "240", "priority": "50", "weekdays": ["0", "1", "2", "3", "4"],
        "time_from": "16:00", "time_to": "21:00", "stale_after_minutes": "45", "median_times": "5", "median_days": "7",
        "own_safe_state": "hold", "own_safe_minutes": "60", **fields,
    }  # fmt: skip


def strike_form(ground: Ground, series: PriceSeries, **fields: Any) -> dict[str, Any]:
    given = {
        "basis": "price", "strike": "0.1", "high_strike": "0.2", "resume_below": "", "resume_margin_percent": "5",
        "pool_fee_percent": "0", "windows_off": "3", "windows_on": "3", "network_per_kwh": "0.01",
        "ancillary_per_kwh": "0", "losses_percent": "0",
    }  # fmt: skip
    return common(ground, series, **{**given, **fields})


def test_a_strike_price_is_written_changed_and_taken_away(ground: Ground, operator: Client, frozen: datetime) -> None:
    series = make_series("hub")
    assert operator.get(f"{STRIKES}/add/").status_code == 200
    sent = operator.post(f"{STRIKES}/add/", strike_form(ground, series))
    assert sent.status_code == 302, sent.context["errors"]
    rule = StrikeRule.objects.get()
    assert (rule.name, rule.weekdays, rule.strike, rule.resume_below, rule.created_at) == (
        "Evenings", [0, 1, 2, 3, 4], D("0.1"), None, frozen,
    )  # fmt: skip
    shown = operator.get(f"{STRIKES}/{rule.pk}/change/")
    assert shown.status_code == 200
    assert "wants nothing" in operator.get(f"{STRIKES}/").content.decode()
    changes = strike_form(ground, series, strike="0.12", version_seen=str(rule.version))
    assert operator.post(f"{STRIKES}/{rule.pk}/change/", changes).status_code == 302
    rule.refresh_from_db()
    assert rule.strike == D("0.12")
    assert operator.post(f"{STRIKES}/{rule.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not StrikeRule.objects.exists()


@pytest.mark.parametrize(
    ("fields", "name", "text"),
    [
        ({"strike": ""}, "strike", "State the strike"), ({"goal_kw": ""}, "goal_kw", "how much"),
        ({"weekdays": []}, "weekdays", "required"), ({"resume_below": "0.11"}, "__all__", "in this order"),
        ({"stale_after_minutes": "10"}, "stale_after_minutes", "always be stale"),
    ],
)  # fmt: skip
def test_errors_stand_where_they_are(
    ground: Ground, operator: Client, fields: dict[str, Any], name: str, text: str
) -> None:
    sent = operator.post(f"{STRIKES}/add/", strike_form(ground, make_series("hub"), **fields))
    assert sent.status_code == 200
    assert text in " ".join(sent.context["adminform"].form.errors[name])
    assert not StrikeRule.objects.exists()


def test_a_series_in_another_currency_is_refused_at_its_field(ground: Ground, operator: Client) -> None:
    sent = operator.post(f"{STRIKES}/add/", strike_form(ground, make_series("hub", currency="EUR")))
    assert sent.context["adminform"].form.errors["series"] == ["The series is in EUR, the site reckons in USD."]


def past(ground: Ground, now: datetime) -> StrikeRule:
    """Three days at 40 USD; yesterday one hour of 120 and a quarter of 900; a rule for ten machines."""
    series = make_series("hub")
    feed(series, [40] * 4 * 72, end=now - timedelta(hours=24))
    feed(series, [40] * 4 + [120] * 4 + [40] * 20 + [900] + [40] * 67, end=now)
    return create_rule(
        StrikeRule, by=None, at=now, name="Evenings", site=ground.site, series=series, strike=D("0.1"), windows_off=1,
        windows_on=2, goal_kw=KW * 10,
    )  # fmt: skip


def test_what_a_rule_would_have_done(ground: Ground, operator: Client, frozen: datetime) -> None:
    """Off from the end of the first dear quarter to the end of the second cheap one: an hour and a quarter."""
    mined(frozen - timedelta(hours=1), hours=1)
    rule = past(ground, frozen)
    shown = operator.get(f"{STRIKES}/{rule.pk}/replay/")
    assert shown.status_code == 200
    facts = dict(shown.context["facts"])
    mean = (3 * D("0.12") + 2 * D("0.04")) / 5
    kwh = KW * 10 * D("1.25")
    assert (facts["times off"], facts["hours off"]) == ("1", "1.25")
    assert facts["which would have cost"].replace("\xa0", " ") == f"{round(kwh * mean, 2)} USD"
    assert shown.context["warnings"] == ["1 interval would not have been believed: more than 5 times the median."]
    ((row,),) = [table.rows for table in shown.context["tables"]]
    assert row[2] == "1.25"
    lines = list(
        csv.DictReader(operator.get(f"{STRIKES}/{rule.pk}/replay/?days=30&csv=1").content.decode().splitlines())
    )
    start = frozen - timedelta(hours=24) + timedelta(minutes=75)
    assert [(one["start_utc"], one["end_utc"]) for one in lines] == [
        (start.isoformat(), (start + timedelta(minutes=75)).isoformat())
    ]
    assert D(lines[0]["avoided"]) == pytest.approx(kwh * mean)
    assert D(lines[0]["forgone_usd_now"]) > 0
    assert not CurtailmentPlan.objects.exists()
    assert not RuleExecution.objects.exists()


def test_a_strike_that_is_never_believed_is_told(ground: Ground, operator: Client, frozen: datetime) -> None:
    rule = past(ground, frozen)
    StrikeRule.objects.filter(pk=rule.pk).update(high_strike=D("0.25"))
    shown = operator.get(f"{STRIKES}/{rule.pk}/replay/")
    said = " ".join(shown.context["warnings"]).replace("\xa0", " ")
    assert "Prices above 0.20 USD are not believed now, and 0.25 USD is above" in said


def test_a_rule_without_data_says_so(ground: Ground, operator: Client, frozen: datetime) -> None:
    rule = create_rule(
        StrikeRule, by=None, at=frozen, name="x", site=ground.site, series=make_series("hub"), strike=D(1), goal_kw=KW
    )
    shown = operator.get(f"{STRIKES}/{rule.pk}/replay/?days=7")
    assert shown.context["warnings"] == ["The series has no values of these days."]
    by_model = create_rule(
        StrikeRule, by=None, at=frozen, name="y", site=ground.site, series=rule.series, basis="break_even",
        goal_kw=None,
    )  # fmt: skip
    assert operator.get(f"{STRIKES}/{by_model.pk}/replay/").status_code == 200


def test_a_peak_rule_is_written_and_shows_its_peaks(ground: Ground, operator: Client, frozen: datetime) -> None:
    series = make_series("grid", **MW)
    feed(series, [50_000] * 4 * 48, end=frozen - timedelta(hours=6))
    feed(series, [60_000, 64_000, 66_000, 64_000] + [50_000] * 20, end=frozen)
    data = common(
        ground, series, months=["11"], interval_minutes="15", period="month", peaks="1", one_a_day="on",
        near_percent="97",
        floor_mw="60000", lead_minutes="30", lag_minutes="30", valid_from="2026-11-01", valid_to="", forecast_series="",
        weekdays=[str(day) for day in range(7)], time_from="00:00", time_to="00:00",
    )  # fmt: skip
    sent = operator.post(f"{PEAKS}/add/", data)
    assert sent.status_code == 302, sent.context["errors"]
    rule = PeakRule.objects.get()
    assert "1 by month, 15 min" in operator.get(f"{PEAKS}/").content.decode()
    shown = operator.get(f"{PEAKS}/{rule.pk}/peaks/?days=30")
    assert dict(shown.context["facts"])["peaks it would have been off for"] == "1 / 1"
    would, were = shown.context["tables"]
    assert [row[0] for row in would.rows] == ["2026-11"]
    assert [(row[0], row[2], row[3]) for row in were.rows] == [("2026-11", "66,000", "0 kW")]
    # A restated load is what counts in the end; what the rule would have done goes by what was known first.
    feed(series, [66_500], end=frozen - timedelta(hours=5, minutes=15), at=frozen - timedelta(minutes=1))
    shown = operator.get(f"{PEAKS}/{rule.pk}/peaks/?days=30")
    would, were = shown.context["tables"]
    assert (would.rows[0][2], would.rows[0][3], were.rows[0][2]) == ("66,000", "yes", "66,500")
    file = operator.get(f"{PEAKS}/{rule.pk}/peaks/?csv=1").content.decode().splitlines()
    assert len(file) == 2
    bad = operator.post(f"{PEAKS}/add/", {**data, "valid_from": "2026-12-01", "valid_to": "2026-11-01"})
    assert bad.context["adminform"].form.errors["valid_to"] == ["A period must end after it begins."]


def test_decisions_are_listed_by_rule(ground: Ground, operator: Client, frozen: datetime) -> None:
    rule = past(ground, frozen)
    with time_machine.travel(frozen + QUARTER, tick=False):
        feed(rule.series, [150], end=frozen + QUARTER)
        assert look_at_all(frozen + QUARTER) == 1
        listed = operator.get(f"/admin/curtailment/ruleexecution/?rule_id={rule.public_id}")
        assert "wants machines off" in listed.content.decode()
        (row,) = RuleExecution.objects.all()
        shown = operator.get(f"/admin/curtailment/ruleexecution/{row.pk}/change/")
        assert "0.15000" in shown.content.decode()
        assert "wants machines off" in operator.get(f"{STRIKES}/").content.decode()
        plan = operator.get(f"/admin/curtailment/curtailmentplan/{row.plan_id}/change/").content.decode()
        assert f"/ruleexecution/?plan__id__exact={row.plan_id}" in plan
        assert operator.get(f"/admin/curtailment/ruleexecution/?plan__id__exact={row.plan_id}").status_code == 200


def test_who_only_looks_changes_nothing(ground: Ground, frozen: datetime, make_looker: Callable[[], Client]) -> None:
    rule = past(ground, frozen)
    client = make_looker()
    assert client.get(f"{STRIKES}/{rule.pk}/replay/").status_code == 200
    assert client.post(f"{STRIKES}/{rule.pk}/change/", {}).status_code == 403
    assert client.get(f"{STRIKES}/add/").status_code == 403


@pytest.fixture
def make_looker(db: None) -> Callable[[], Client]:
    """Somebody who sees rules."""

    def make() -> Client:
        user: User = factories.give_permissions(factories.UserFactory(is_staff=True), "curtailment.view_strikerule")
        client = Client()
        client.force_login(user, backend="accounts.backends.TimeLimitedBackend")
        return client

    return make

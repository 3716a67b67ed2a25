"""The optimiser's page of a site, its file, the button that turns a schedule into plans, and who may press it."""

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from curtailment.domain.strategies import Strategy, register_strategy
from curtailment.models import CurtailmentPlan
from hashinsight.common.admin.display import money_text
from hashinsight.jobs.models import DueWork
from hosting.models import MinerModel, Site, Zone
from intelligence.admin.schedule_figures import gap_text, strike_text
from intelligence.domain.schedule_scoring import score_run
from intelligence.domain.scheduling import plan_day
from intelligence.models import ScheduleRun, ScheduleSettings
from marketdata.models import PriceSeries
from tests.curtailment.site import Ground
from tests.intelligence.schedule_world import CHEAP, evening, ground_with_market, network, prices, set_up
from tests.intelligence.test_schedule_scores import measure

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]
Signed = Callable[[User], Client]
LOOK = ("hosting.view_site", "intelligence.view_schedulerun")


@pytest.fixture
def world(root: User, now: datetime) -> tuple[Ground, PriceSeries, ScheduleRun]:
    ground, series = ground_with_market(root, now)
    on = (now + timedelta(days=1)).date()
    prices(series, on, evening, at=now)
    set_up(ground.site)
    return ground, series, plan_day(ground.site, on, at=now)


def page_of(ground: Ground, run: ScheduleRun | None = None, more: str = "") -> str:
    url = reverse("admin:hosting_site_schedule", args=[ground.site.pk])
    return f"{url}?day={run.target_date}{more}" if run else url


def test_the_page_shows_a_day_with_its_reasons_and_rivals(
    world: tuple[Ground, PriceSeries, ScheduleRun], sign_in: Signed, staff: Callable[..., User]
) -> None:
    ground, _series, _run = world
    answer = sign_in(staff(*LOOK)).get(page_of(ground))
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "Thirsty, Hall 0, 17:00 to 20:00: 5 off, energy 0.4000 &gt; break-even 0.0492 USD per kWh" in text
    assert text.count('class="hi-gantt-shutdown"') == 4
    assert 'viewBox="0 0 1000 118"' in text  # a figure with a comma is none for a browser
    assert "17:00 to 20:00: 5 of 5 off" in text
    assert "proven optimum" in text
    rivals = answer.context["money"]
    assert [row[0] for row in rivals] == ["this schedule", "always on", "each class at its break-even"]
    assert "Turn into plans" not in text
    assert "Plan anew" not in text


def test_each_page_of_a_schedule_goes_by_the_clock_of_its_site_and_says_so(
    sign_in: Signed, root: User, now: datetime
) -> None:
    ground, series = ground_with_market(root, now)
    chicago, on = ZoneInfo("America/Chicago"), (now + timedelta(days=1)).date()
    Site.objects.filter(pk=ground.site.pk).update(time_zone=chicago.key)
    ground.site.refresh_from_db()
    for day in (on, on + timedelta(days=1)):
        prices(series, day, evening, at=now)
    set_up(ground.site)
    run = plan_day(ground.site, on, at=now)
    step = run.entries.order_by("starts_at", "pk")[0]
    known, begins = (f"{moment.astimezone(chicago):%Y-%m-%d %H:%M}" for moment in (run.known_at, step.starts_at))
    pages = {
        page_of(ground, run): known,
        reverse("admin:intelligence_schedulerun_change", args=[run.pk]): known,
        reverse("admin:intelligence_scheduleentry_change", args=[step.pk]): begins,
        reverse("admin:intelligence_schedulerun_apply", args=[run.pk]): "",
    }
    for page, moment in pages.items():
        text = sign_in(root).get(page).content.decode()
        assert f"All times on this page are by the clock of {ground.site}: America/Chicago (now UTC-0" in text
        assert moment in text
    assert str(step) == f"{run} {begins[-5:]} run"  # the heading of its page
    steps = sign_in(root).get(reverse("admin:intelligence_scheduleentry_changelist") + f"?run__id__exact={run.pk}")
    assert f"{begins} C" in steps.content.decode()


def test_the_row_of_a_schedule_names_the_currency_of_its_figures(
    world: tuple[Ground, PriceSeries, ScheduleRun], sign_in: Signed, root: User
) -> None:
    _ground, _series, run = world
    text = sign_in(root).get(reverse("admin:intelligence_schedulerun_change", args=[run.pk])).content.decode()
    for figure in (run.profit, run.bound, run.revenue, run.energy_cost, run.always_on_profit):
        assert money_text(figure, "USD") in text
    assert gap_text(run) in text
    assert strike_text(ScheduleRun(strike_price=Decimal("0.061234"), currency="USD")) == "0.0612\N{NO-BREAK SPACE}USD"
    assert (strike_text(run), gap_text(ScheduleRun())) == ("", "")


def test_the_file_holds_every_step(world: tuple[Ground, PriceSeries, ScheduleRun], sign_in: Signed, root: User) -> None:
    ground, _series, run = world
    answer = sign_in(root).get(page_of(ground, run, "&csv=1"))
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert len(rows) == 96
    assert {row["action"] for row in rows if row["starts_at_utc"].endswith("T18:00:00+00:00")} == {"shutdown"}
    total = sum(Decimal(row["expected_profit"]) for row in rows)
    assert total == pytest.approx(run.profit, abs=Decimal("0.001"))


def test_a_day_is_asked_for_by_those_who_may(
    world: tuple[Ground, PriceSeries, ScheduleRun], sign_in: Signed, staff: Callable[..., User]
) -> None:
    ground, _series, run = world
    assert sign_in(staff(*LOOK)).post(page_of(ground, run)).status_code == 403
    client = sign_in(staff(*LOOK, "intelligence.run_schedulerun"))
    assert client.post(page_of(ground, run)).status_code == 302
    work = DueWork.objects.get(kind="intelligence.plan_day")
    assert work.queue == "default"  # a minute of a solver must not stand in the way of sign-in mails
    shown = client.get(page_of(ground, run)).content.decode()
    assert "This day is being planned" in shown
    assert 'http-equiv="refresh"' in shown
    refused = client.post(f"{page_of(ground)}?day=2020-01-01", follow=True).content.decode()
    assert "This day is over at West." in refused


def test_days_nobody_can_mean_are_today(
    world: tuple[Ground, PriceSeries, ScheduleRun], sign_in: Signed, root: User
) -> None:
    ground, _series, run = world
    for day in ("2026-13-45", "x", "9999-12-31", "0001-01-01", ""):
        assert sign_in(root).get(f"{page_of(ground)}?day={day}").context["run"] == run
    empty = sign_in(root).get(f"{page_of(ground)}?day=2026-11-01").content.decode()
    assert "There is no schedule of this day." in empty


def test_one_click_makes_the_plans(
    world: tuple[Ground, PriceSeries, ScheduleRun], sign_in: Signed, staff: Callable[..., User]
) -> None:
    ground, _series, run = world
    url = reverse("admin:intelligence_schedulerun_apply", args=[run.pk])
    assert sign_in(staff(*LOOK)).get(url).status_code == 403
    person = staff(*LOOK, "intelligence.apply_schedulerun", "curtailment.approve_curtailmentplan")
    client = sign_in(person)
    assert url in client.get(page_of(ground, run)).content.decode()
    shown = client.get(url)
    assert shown.status_code == 200
    assert "wait for a second person" in shown.content.decode()
    done = client.post(url, {"seen": shown.context["seen"]}, follow=True)
    assert "1 plan was made." in done.content.decode()
    plan = CurtailmentPlan.objects.get()
    assert plan.approvals.get().by == person
    text = client.get(page_of(ground, run)).content.decode()
    assert str(plan) in text
    assert "Turn into plans" not in text
    assert client.post(url, {"seen": shown.context["seen"]}).status_code == 409
    assert CurtailmentPlan.objects.count() == 1


def test_who_may_not_approve_makes_plans_that_wait(
    world: tuple[Ground, PriceSeries, ScheduleRun], sign_in: Signed, staff: Callable[..., User]
) -> None:
    _ground, _series, run = world
    url = reverse("admin:intelligence_schedulerun_apply", args=[run.pk])
    client = sign_in(staff(*LOOK, "intelligence.apply_schedulerun"))
    client.post(url, {"seen": client.get(url).context["seen"]})
    assert not CurtailmentPlan.objects.get().approvals.exists()


def test_what_binds_has_a_shadow_price(root: User, now: datetime, sign_in: Signed) -> None:
    ground, series = ground_with_market(root, now)
    prices(series, now.date() + timedelta(days=1), lambda _hour: CHEAP, at=now)
    Zone.objects.filter(pk=ground.zones[0].pk).update(capacity_kw=Decimal(20))
    set_up(ground.site, demand_charge_per_kw=Decimal(1))
    plan_day(ground.site, now.date() + timedelta(days=1), at=now)
    answer = sign_in(root).get(page_of(ground))
    assert {row[0] for row in answer.context["shadow"]} == {"peak of the month", "zone Hall 0"}
    assert "peak of the month so far" in answer.content.decode().lower()


def test_a_day_in_the_safe_state_says_so_in_red(root: User, now: datetime, sign_in: Signed) -> None:
    ground, series = ground_with_market(root, now)
    prices(series, now.date(), lambda hour: None if hour == 15 else CHEAP, at=now)
    set_up(ground.site)
    plan_day(ground.site, now.date(), at=now)
    text = sign_in(root).get(page_of(ground)).content.decode()
    assert 'role="alert"><strong>safe state: something is not known</strong>' in text
    assert "1 of 14 prices are not known" in text


def test_what_came_of_a_day_stands_on_its_page(
    world: tuple[Ground, PriceSeries, ScheduleRun], sign_in: Signed, root: User
) -> None:
    ground, _series, run = world
    measure(ground, run, watts=3600, ths=140, off=range(17, 20))
    network(run.starts_at)
    score_run(run, at=run.ends_at + timedelta(hours=4))
    answer = sign_in(root).get(page_of(ground, run))
    names = [name for name, _value in answer.context["scores"]]
    assert names[:3] == ["actual profit", "against expected", "against always on, as prices came"]
    assert "measured" in answer.context["power"]


def test_what_a_schedule_wants_stands_on_the_live_page_too(
    world: tuple[Ground, PriceSeries, ScheduleRun], sign_in: Signed, root: User
) -> None:
    ground, _series, _run = world
    answer = sign_in(root).get(reverse("admin:hosting_site_curtailment", args=[ground.site.pk]))
    assert [row[:4] for row in answer.context["ahead"]] == [
        ("schedule of the optimiser", "2026-11-21 17:00", "2026-11-21 20:00", "70 kW")
    ]
    again = Strategy("schedule", "another", lambda _site, _at: [])
    with pytest.raises(ValueError, match="registered twice"):
        register_strategy(again)


def test_lists_and_settings_open(world: tuple[Ground, PriceSeries, ScheduleRun], sign_in: Signed, root: User) -> None:
    ground, _series, run = world
    client = sign_in(root)
    for name in ("schedulerun", "scheduleentry", "schedulesettings"):
        assert client.get(reverse(f"admin:intelligence_{name}_changelist")).status_code == 200
    assert client.get(reverse("admin:intelligence_schedulerun_change", args=[run.pk])).status_code == 200
    entry = run.entries.first()
    assert entry is not None
    assert client.get(reverse("admin:intelligence_scheduleentry_change", args=[entry.pk])).status_code == 200
    row = ScheduleSettings.objects.get(site=ground.site)
    row.adder_per_kwh = Decimal("0.004")
    row.save()
    url = reverse("admin:intelligence_schedulesettings_change", args=[row.pk])
    shown = client.get(url)
    assert 'value="0.004"' in shown.content.decode()
    form = shown.context["adminform"].form
    data = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    saved = client.post(url, {**data, "version_seen": "2", "demand_charge_per_kw": "12.5", "uses_modes": "on"})
    assert saved.status_code == 302, saved.context["adminform"].form.errors
    row.refresh_from_db()
    assert (row.demand_charge_per_kw, row.uses_modes, row.adder_per_kwh) == (
        Decimal("12.5"), True, Decimal("0.004")
    )  # fmt: skip


@pytest.mark.parametrize("days", [1, 3])
def test_the_list_asks_as_often_for_three_as_for_one(
    root: User, now: datetime, sign_in: Signed, days: int, django_assert_num_queries: Callable[..., object]
) -> None:
    ground, series = ground_with_market(root, now)
    prices(series, now.date(), evening, at=now, days=3)
    set_up(ground.site)
    for number in range(days):
        plan_day(ground.site, now.date() + timedelta(days=number), at=now)
    client = sign_in(root)
    client.get(reverse("admin:intelligence_schedulerun_changelist"))
    with django_assert_num_queries(QUERIES):  # type: ignore[attr-defined]
        client.get(reverse("admin:intelligence_schedulerun_changelist"))


QUERIES = 4


def test_a_day_that_only_throttles_is_turned_into_plans_too(root: User, now: datetime, sign_in: Signed) -> None:
    ground, series = ground_with_market(root, now)
    MinerModel.objects.get(name="Thirsty").power_modes.create(
        name="eco", power_w=2000, hashrate_ths=80, source="measured"
    )
    on = (now + timedelta(days=1)).date()
    prices(series, on, lambda hour: Decimal(62) if hour in (17, 18) else Decimal(5), at=now)
    set_up(ground.site, uses_modes=True)
    run = plan_day(ground.site, on, at=now)
    assert not run.entries.filter(machines_off__gt=0).exists()
    person = sign_in(root)
    assert "Turn into plans" in person.get(page_of(ground, run)).content.decode()
    effect = person.get(reverse("admin:intelligence_schedulerun_apply", args=[run.pk])).content.decode()
    assert "Throttled" in effect
    run.entries.update(by_mode=[])  # as a version before modes kept it: there is nothing to tell machines
    assert "Turn into plans" not in person.get(page_of(ground, run)).content.decode()

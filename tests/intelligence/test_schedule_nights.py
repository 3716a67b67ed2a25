"""Every day of every site is planned once its prices are known, whatever dies on the way, and better when it can."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.models import User
from hashinsight.jobs.models import DueWork
from hosting.models import Miner, Site
from intelligence.domain.schedule_due import PLAN_WORK, ask_for_day, due_days, plan_due
from intelligence.domain.schedule_plans import apply_run
from intelligence.domain.schedule_watch import unplanned_days
from intelligence.domain.scheduling import ScheduleRefused, plan_day
from intelligence.enums import AnswerLabel, ForecastKind
from intelligence.models import ForecastPoint, ForecastRun, ScheduleRun
from intelligence.work import work_on_day
from marketdata.models import NetworkSnapshot, PriceSeries
from tests.curtailment.site import Ground
from tests.intelligence.schedule_world import CHEAP, evening, ground_with_market, network, prices, set_up

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def world(root: User, now: datetime) -> tuple[Ground, PriceSeries]:
    return ground_with_market(root, now)


def days(site: Site, at: datetime) -> list[date]:
    return list(due_days(site, set_up(site), at=at))


def test_tomorrow_is_due_once_all_its_prices_are_published(world: tuple[Ground, PriceSeries], now: datetime) -> None:
    ground, series = world
    today, tomorrow = now.date(), now.date() + DAY
    prices(series, today, evening, at=now)
    assert days(ground.site, now) == [today]
    prices(series, tomorrow, lambda hour: CHEAP if hour else None, at=now)
    assert days(ground.site, now) == [today]
    prices(series, tomorrow, evening, at=now + timedelta(minutes=1))
    at = now + timedelta(minutes=2)
    assert days(ground.site, at) == [today, tomorrow]
    for on in (today, tomorrow):
        plan_day(ground.site, on, at=at)
    assert days(ground.site, at) == []


def test_shortly_before_it_begins_a_day_is_planned_with_what_is_known(
    world: tuple[Ground, PriceSeries], now: datetime
) -> None:
    ground, series = world
    prices(series, now.date(), evening, at=now)
    plan_day(ground.site, now.date(), at=now)
    assert days(ground.site, now.replace(hour=21)) == []
    assert days(ground.site, now.replace(hour=22)) == [now.date() + DAY]


def test_a_day_is_that_of_the_site(world: tuple[Ground, PriceSeries], now: datetime) -> None:
    ground, _series = world
    Site.objects.filter(pk=ground.site.pk).update(time_zone="Pacific/Auckland")
    ground.site.refresh_from_db()
    assert days(ground.site, datetime(2026, 11, 20, 9, 30, tzinfo=UTC)) == [date(2026, 11, 20), date(2026, 11, 21)]
    assert days(ground.site, datetime(2026, 11, 20, 11, 30, tzinfo=UTC)) == [date(2026, 11, 21)]


def test_what_was_in_the_safe_state_is_planned_when_good_data_return(
    world: tuple[Ground, PriceSeries], now: datetime
) -> None:
    ground, series = world
    today = now.date()
    prices(series, today, lambda hour: CHEAP if hour != 20 else None, at=now)
    assert plan_day(ground.site, today, at=now).label == AnswerLabel.SAFE_STATE
    assert days(ground.site, now) == []
    [finding] = unplanned_days(now)
    assert "safe state" in finding.title
    assert "1 of 14 prices are not known" in finding.text
    prices(series, today, evening, at=now + timedelta(hours=1))
    at = now + timedelta(hours=2)
    NetworkSnapshot.objects.all().delete()
    assert days(ground.site, at) == []
    network(at)
    assert days(ground.site, at) == [today]
    plan_day(ground.site, today, at=at)
    assert list(unplanned_days(at)) == []


def test_what_was_forecast_is_planned_again_when_it_is_published(
    world: tuple[Ground, PriceSeries], now: datetime, root: User
) -> None:
    ground, series = world
    today = now.date()
    run = ForecastRun.objects.create(
        kind=ForecastKind.ENERGY, series=series, is_current=True, issued_at=now, computed_at=now, checked_at=now,
        window_from=now - timedelta(days=20), observations=100, model_name="m", model_version="1", data_hash="x",
        expires_at=now + timedelta(days=30),
    )  # fmt: skip
    ForecastPoint.objects.bulk_create(
        ForecastPoint(run=run, horizon=n, at=now.replace(hour=n, minute=0), value=50, lower=1, upper=99, naive=50)
        for n in range(24)
    )
    made = plan_day(ground.site, today, at=now)
    assert set(made.inputs["price_from"]) == {"forecast"}
    assert days(ground.site, now) == []
    prices(series, today, evening, at=now)
    assert days(ground.site, now) == [today]
    apply_run(made, at=now, by=root)  # somebody has decided: it stands until somebody asks
    assert days(ground.site, now) == []


def test_what_was_refused_is_tried_again_later(world: tuple[Ground, PriceSeries], now: datetime) -> None:
    ground, series = world
    prices(series, now.date(), evening, at=now)
    Miner.objects.update(intent="maintenance")
    assert plan_day(ground.site, now.date(), at=now).label == AnswerLabel.REFUSED
    assert days(ground.site, now + timedelta(hours=5)) == []
    assert days(ground.site, now + timedelta(hours=6)) == [now.date()]


def test_a_day_is_asked_for_once_while_it_waits(world: tuple[Ground, PriceSeries], now: datetime, root: User) -> None:
    ground, series = world
    prices(series, now.date(), evening, at=now)
    set_up(ground.site)
    assert plan_due(at=now) == {"West": [now.date().isoformat()]}
    plan_due(at=now + timedelta(hours=1))
    work = DueWork.objects.get(kind=PLAN_WORK)
    assert ask_for_day(ground.site, now.date(), at=now, by=root) == work
    with pytest.raises(ScheduleRefused):
        ask_for_day(ground.site, now.date() - DAY, at=now)


def test_a_site_without_prices_or_switched_off_is_left_alone(world: tuple[Ground, PriceSeries], now: datetime) -> None:
    ground, _series = world
    set_up(ground.site, is_on=False)
    assert plan_due(at=now) == {}
    set_up(ground.site)
    Site.objects.filter(pk=ground.site.pk).update(energy_series=None)
    assert plan_due(at=now) == {"West": "no price series"}
    assert not DueWork.objects.exists()


def test_the_work_is_finished_with_the_schedule_or_not_at_all(
    world: tuple[Ground, PriceSeries], now: datetime, frozen: datetime
) -> None:
    ground, series = world
    prices(series, now.date(), evening, at=now)
    payload = {"site_id": ground.site.pk, "on": now.date().isoformat(), "user_id": None}

    def dies() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work_on_day(payload, dies)
    assert not ScheduleRun.objects.exists()
    done: list[int] = []
    work_on_day(payload, lambda: not done.append(1))
    work_on_day(payload, lambda: not done.append(1))  # a second delivery of the same work
    assert (len(done), ScheduleRun.objects.current().count()) == (2, 1)
    work_on_day({**payload, "on": "2020-01-01"}, lambda: not done.append(1))
    assert len(done) == 3

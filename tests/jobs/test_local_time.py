"""T13: a job at a local hour runs once on each day there, never at an hour that does not exist; beat lives in UTC."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
import time_machine
from celery import current_app
from celery.schedules import crontab
from django.conf import settings

from hashinsight.jobs.domain import locks, runs
from hashinsight.jobs.engine.local_time import instant_of, latest_before, next_after
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.registry import LOCAL_TICK, PeriodicJob, daily_job, periodic_jobs

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2028, 1, 1, tzinfo=UTC)
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",  # changes at midnight
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Chatham",  # 12:45 ahead, changes at 02:45
    "Africa/Casablanca",  # twice a year around Ramadan, backwards first
)
WALLS = (time(2, 30), time(0, 0), time(2, 45), time(23, 59))
JOBS = [daily_job("test", at=wall, zone=zone, description="") for zone in ZONES for wall in WALLS]


@cache
def ticks() -> list[datetime]:
    """Beat's looks at the clock over 24 months."""
    count = int((END - BEGIN) / LOCAL_TICK)
    return [BEGIN + n * LOCAL_TICK for n in range(count)]


def starts(job: PeriodicJob) -> list[datetime]:
    """The periods that begin within the two years, as beat walks from one to the next."""
    found, at = [], job.period_start(BEGIN)
    while (at := job.next_period(at)) < END:
        found.append(at)
    return found


def _days(job: PeriodicJob) -> list[date]:
    zone = ZoneInfo(job.zone)
    first = BEGIN.astimezone(zone).date() - timedelta(days=1)
    days = (first + timedelta(days=n) for n in range(735))
    assert job.wall is not None
    return [day for day in days if BEGIN < (instant_of(day, job.wall, job.zone) or BEGIN) < END]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.zone} {job.wall:%H:%M}")
def test_each_day_of_two_years_has_one_start_at_an_hour_that_exists(job: PeriodicJob) -> None:
    zone, found = ZoneInfo(job.zone), starts(job)
    shown = [start.astimezone(zone) for start in found]
    assert [one.date() for one in shown] == _days(job)
    assert len(found) in (729, 730, 731)
    assert all(one.tzinfo == UTC for one in found)
    moved = [one.replace(tzinfo=None) for one in shown if one.time() != job.wall]
    for one in moved:  # the wanted time was left out that day; the first instant after it is taken
        assert job.wall is not None
        before = (one.replace(tzinfo=zone).astimezone(UTC) - timedelta(seconds=1)).astimezone(zone)
        assert before.replace(tzinfo=None) < datetime.combine(one.date(), job.wall) < one
    assert len(moved) <= 4


@pytest.mark.parametrize("zone", ZONES)
def test_every_tick_of_two_years_agrees_with_that_walk(zone: str) -> None:
    job = daily_job("test", at=time(2, 30), zone=zone, description="")
    seen = dict.fromkeys(job.period_start(at) for at in ticks())
    assert list(seen)[1:] == [one for one in starts(job) if one <= ticks()[-1]]
    assert all(job.period_start(at) <= at < job.next_period(at) for at in ticks()[::97])


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ZONES)
def test_beat_writes_one_row_for_each_day_also_when_it_rings_again_and_again(zone: str) -> None:
    """Around each change of the clocks every tick rings, as a beat without memory would."""
    job = daily_job("test", at=time(2, 30), zone=zone, description="")
    token = locks.take_lock(locks.BEAT, seconds=3600) or 0
    offsets = [at.astimezone(ZoneInfo(zone)).utcoffset() for at in ticks()]
    changes = [at for at, one, two in zip(ticks(), offsets, offsets[1:], strict=False) if one != two]
    assert len(changes) in (2, 3, 4)
    for change in changes:
        for n in range(-36 * 12, 36 * 12, 7):
            at = change + n * LOCAL_TICK
            with time_machine.travel(at, tick=False):
                runs.ring(job, at=at, token=token, seconds=60)
    rows = list(JobRun.objects.values_list("period_start", flat=True))
    days = Counter(start.astimezone(ZoneInfo(zone)).date() for start in rows)
    assert set(days.values()) == {1}
    assert len(days) in (len(changes) * 4, len(changes) * 3 + 2, len(changes) * 3, len(changes) * 4 - 1)


def test_what_is_left_out_happens_right_after_and_what_comes_twice_happens_first() -> None:
    assert instant_of(date(2026, 3, 29), time(2, 30), "Europe/Berlin") == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert instant_of(date(2026, 10, 25), time(2, 30), "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert instant_of(date(2026, 9, 6), time(0, 0), "America/Santiago") == datetime(2026, 9, 6, 4, 0, tzinfo=UTC)


def test_a_date_a_place_never_had_has_no_instant() -> None:
    """Samoa crossed the date line: after 29 December 2011 came the 31st."""
    assert instant_of(date(2011, 12, 30), time(2, 30), "Pacific/Apia") is None
    at = datetime(2011, 12, 30, 11, 0, tzinfo=UTC)
    assert latest_before(at, wall=time(2, 30), zone="Pacific/Apia").astimezone(ZoneInfo("Pacific/Apia")).date() == date(
        2011, 12, 29
    )
    assert next_after(at, wall=time(2, 30), zone="Pacific/Apia").astimezone(ZoneInfo("Pacific/Apia")).date() == date(
        2011, 12, 31
    )


def test_beat_itself_lives_in_utc() -> None:
    assert (current_app.conf.timezone, current_app.conf.enable_utc, settings.TIME_ZONE) == ("UTC", True, "UTC")


def test_no_job_of_the_house_rings_by_a_crontab_in_a_local_zone() -> None:
    assert all(job.tick <= LOCAL_TICK for job in periodic_jobs() if job.wall is not None)


def test_control_a_crontab_in_the_local_zone_runs_wrong() -> None:
    """Celery's own, asked each five minutes whether it is due, over one change of the clocks each way."""
    wrong = []
    for day in (date(2026, 3, 29), date(2026, 10, 25)):
        zone = ZoneInfo("Europe/Berlin")
        at = datetime.combine(day - timedelta(days=2), time(0), tzinfo=UTC)
        now = [at]
        bell = crontab(
            minute="30", hour="2", nowfun=lambda now=now, zone=zone: now[0].astimezone(zone), app=current_app
        )
        last, rung = at.astimezone(zone), []
        for _ in range(5 * 288):
            now[0] += LOCAL_TICK
            if bell.is_due(last).is_due:
                last = now[0].astimezone(zone)
                rung.append(now[0])
        days = Counter(one.astimezone(zone).date() for one in rung)
        shown = [one.astimezone(zone).strftime("%H:%M") for one in rung]
        if set(days.values()) != {1} or len(days) < 5 or set(shown) != {"02:30"}:
            wrong.append((day, shown))
    assert wrong != []

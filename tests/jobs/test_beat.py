"""Beat: one leads, each start is a row first, and an old leader writes nothing."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from celery import current_app
from django.db import OperationalError
from django_celery_beat import schedulers
from django_celery_beat.models import PeriodicTask

from hashinsight.jobs import beat, registry, tasks
from hashinsight.jobs.beat import LeaderScheduler
from hashinsight.jobs.domain import locks, runs
from hashinsight.jobs.models import JobRun, SchedulerLock
from hashinsight.jobs.registry import PeriodicJob
from hashinsight.jobs.schedule import seed_schedules

NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Messages: task and period."""
    found: list[tuple[str, str]] = []

    def send(task: str, *, queue: str, kwargs: Any, headers: dict[str, str]) -> bool:
        found.append((task, headers.get("hi_period", "")))
        return True

    monkeypatch.setattr(beat, "send", send)
    return found


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, clock: Any, db: None) -> PeriodicJob:
    """The only job there is: once a minute, each period counts."""
    one = PeriodicJob("test.minutely", "test.minutely", MINUTE, "A test.", each_period=True)
    monkeypatch.setattr(registry, "_jobs", {one.name: one})
    monkeypatch.setattr(schedulers, "close_old_connections", lambda: None)  # it is the connection of this test
    PeriodicTask.objects.all().delete()
    seed_schedules()
    PeriodicTask.objects.update(last_run_at=NOON - MINUTE)
    return one


@pytest.fixture
def make(job: PeriodicJob, sent: list[Any]) -> Iterator[Callable[[], LeaderScheduler]]:
    """A scheduler that does not write once more when the suite ends."""
    made = []

    def scheduler() -> LeaderScheduler:
        made.append(LeaderScheduler(current_app, lazy=True))
        return made[-1]

    yield scheduler
    for one in made:
        one._finalize.cancel()


@pytest.fixture
def leader(make: Callable[[], LeaderScheduler]) -> LeaderScheduler:
    return make()


def rung(job: PeriodicJob) -> list[tuple[datetime, str, int]]:
    return list(JobRun.objects.order_by("period_start").values_list("period_start", "state", "fencing_token"))


def through(scheduler: LeaderScheduler, count: int = 3) -> None:
    for _ in range(count):
        scheduler.tick()


def lose(scheduler: LeaderScheduler) -> int:
    """Another one has taken over; the old one knows nothing of it."""
    SchedulerLock.objects.update(expires_at="2020-01-01T00:00Z")
    token = locks.take_lock(locks.BEAT, seconds=30)
    assert token is not None
    return token


def test_a_start_is_a_row_under_the_version_of_the_lock_and_one_message(
    leader: LeaderScheduler, job: PeriodicJob, sent: list[Any]
) -> None:
    through(leader)
    assert rung(job) == [(NOON, "due", 1)]
    assert sent == [("test.minutely", NOON.isoformat())]


def test_of_two_beats_one_leads_and_the_other_takes_over(
    make: Callable[[], LeaderScheduler], job: PeriodicJob, clock: Any
) -> None:
    leader, second = make(), make()
    through(leader)
    through(second)
    assert (leader.token, second.token) == (1, None)
    leader.close()
    clock.move_to(NOON + MINUTE)
    through(second)
    assert (leader.token, second.token) == (None, 2)
    assert rung(job) == [(NOON, "due", 1), (NOON + MINUTE, "due", 2)]


def test_an_old_leader_writes_and_sends_nothing_and_notices(
    leader: LeaderScheduler, job: PeriodicJob, sent: list[Any], clock: Any
) -> None:
    through(leader)
    sent.clear()
    lose(leader)
    clock.move_to(NOON + MINUTE)
    leader.tick()
    assert (leader.token, rung(job), sent) == (None, [(NOON, "due", 1)], [])


def test_the_times_of_the_schedules_are_written_down_at_the_end(leader: LeaderScheduler, job: PeriodicJob) -> None:
    through(leader)
    leader.close()
    assert PeriodicTask.objects.values_list("last_run_at", "total_run_count").get() == (NOON, 1)


def test_an_old_leader_does_not_overwrite_the_times_of_the_schedules(leader: LeaderScheduler, job: PeriodicJob) -> None:
    through(leader)
    PeriodicTask.objects.update(last_run_at=NOON + timedelta(hours=1))
    lose(leader)
    leader._dirty.add(job.name)
    leader.sync()
    assert PeriodicTask.objects.get().last_run_at == NOON + timedelta(hours=1)
    assert leader._dirty == {job.name}, "nothing was written"


def test_a_schedule_of_somebodys_own_is_fenced_as_well(
    leader: LeaderScheduler, job: PeriodicJob, sent: list[Any]
) -> None:
    PeriodicTask.objects.update(name="my own")
    through(leader)
    assert sent == [("test.minutely", "")]
    PeriodicTask.objects.update(last_run_at=NOON - MINUTE)
    leader._initial_read, leader._heap = True, None
    lose(leader)
    leader.tick()
    assert (leader.token, len(sent)) == (None, 1)


def test_periods_nobody_rang_for_are_caught_up_where_each_counts(
    leader: LeaderScheduler, job: PeriodicJob, sent: list[Any], clock: Any
) -> None:
    through(leader)
    clock.move_to(NOON + 3 * MINUTE)
    through(leader)
    assert [start for start, *_ in rung(job)] == [NOON + n * MINUTE for n in range(4)]
    assert len(sent) == 4


def test_others_get_one_run_for_all(job: PeriodicJob, clock: Any) -> None:
    plain = PeriodicJob("test.plain", "test.plain", MINUTE, "")
    token = locks.take_lock(locks.BEAT, seconds=30) or 0
    for moment in (NOON, NOON + 5 * MINUTE):
        runs.ring(plain, at=moment, token=token, seconds=30)
    assert [start for start, *_ in rung(plain)] == [NOON, NOON + 5 * MINUTE]
    run = runs.start_run(
        plain.name, period_start=NOON + 5 * MINUTE, at=NOON, claim=timedelta(seconds=330), each_period=False
    )
    assert run is not None
    assert [state for _, state, _ in rung(plain)] == ["missed", "running"]
    assert runs.start_run(plain.name, period_start=NOON, at=NOON, claim=MINUTE, each_period=False) is None


def test_catching_up_ends_somewhere(job: PeriodicJob) -> None:
    token = locks.take_lock(locks.BEAT, seconds=30) or 0
    runs.ring(job, at=NOON, token=token, seconds=30)
    new = runs.ring(job, at=NOON + 1000 * MINUTE, token=token, seconds=30)
    assert (len(new), new[-1].period_start) == (runs.MOST_CAUGHT_UP, NOON + 1000 * MINUTE)


def test_a_run_whose_message_was_lost_is_found_by_the_sweeper(
    leader: LeaderScheduler, job: PeriodicJob, clock: Any, django_capture_on_commit_callbacks: Any
) -> None:
    through(leader)
    for seconds, wanted in ((30, []), (31, [("test.minutely", NOON.isoformat())])):
        clock.move_to(NOON + timedelta(seconds=seconds))
        with django_capture_on_commit_callbacks() as callbacks:
            tasks._retry_runs()
        assert [(one.args[0], one.keywords["headers"]["hi_period"]) for one in callbacks] == wanted


def test_a_database_that_is_away_costs_the_lead_and_not_the_process(
    leader: LeaderScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("terminating connection due to administrator command")

    monkeypatch.setattr(beat.connection, "close", lambda: None)  # it is the connection of this test
    with monkeypatch.context() as patch:
        patch.setattr(locks, "take_lock", away)
        assert leader.tick() == 1.0
    assert leader.token is None
    leader.tick()
    assert leader.token == 1


def test_a_schedule_a_person_gave_another_rhythm_rings_in_that(
    leader: LeaderScheduler, job: PeriodicJob, sent: list[Any], clock: Any
) -> None:
    row = PeriodicTask.objects.get()
    row.interval, _ = type(row.interval)._default_manager.get_or_create(every=600, period="seconds")
    row.last_run_at = NOON
    row.save()
    clock.move_to(NOON + 9 * MINUTE)
    through(leader)
    assert sent == []
    clock.move_to(NOON + 10 * MINUTE)
    through(leader)
    assert len(sent) == 1


def test_a_switched_off_schedule_does_not_ring(leader: LeaderScheduler, sent: list[Any]) -> None:
    PeriodicTask.objects.update(enabled=False)
    through(leader)
    assert sent == []

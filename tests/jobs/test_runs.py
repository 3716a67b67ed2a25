"""Runs of periodic jobs: one per period, whoever starts it; what failed is taken up again."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import TestCase
from django_celery_beat.models import PeriodicTask

from hashinsight.common import retention
from hashinsight.common.models import IdempotencyRecord
from hashinsight.jobs import registry, tasks
from hashinsight.jobs.domain import runs
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.periodic import run_periodic
from hashinsight.jobs.registry import PeriodicJob
from hashinsight.jobs.schedule import in_largest_units, seed_schedules
from tests.factories import NOW
from tests.trust.threads import in_threads

CLAIM = timedelta(seconds=330)
HOUR = NOW.replace(minute=0)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> PeriodicJob:
    """An hourly job."""
    one = PeriodicJob("test.hourly", "test.hourly", timedelta(hours=1), "A test.")
    monkeypatch.setitem(registry._jobs, one.name, one)
    return one


def _start(at: datetime = NOW) -> JobRun | None:
    return runs.start_run("test.hourly", period_start=HOUR, at=at, claim=CLAIM)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("quiet_broker")
def test_two_schedulers_firing_the_same_period_make_exactly_one_run(job: PeriodicJob) -> None:
    """Eight at once: two beats, a redelivered message, and more."""
    effects: list[int] = []

    def fire(index: int) -> Any:
        return run_periodic(job.name, lambda run: effects.append(index) or {"by": index})

    with time_machine.travel(NOW, tick=False):
        results = in_threads(fire, 8)
    assert [one for one in results if isinstance(one, Exception)] == []
    assert len(effects) == 1
    assert [result for result in results if result is not None] == [{"by": effects[0]}]
    assert list(JobRun.objects.values_list("job", "period_start", "state", "attempts")) == [
        ("test.hourly", HOUR, "done", 1)
    ]


@pytest.mark.django_db
def test_the_database_refuses_a_second_row_for_a_period() -> None:
    _start()
    with pytest.raises(IntegrityError, match="jobs_jobrun_job_period"), transaction.atomic():
        JobRun.objects.create(job="test.hourly", period_start=HOUR)


@pytest.mark.django_db
def test_the_next_period_runs_again(job: PeriodicJob, clock: time_machine.Traveller) -> None:
    assert run_periodic(job.name, lambda run: {"n": 1}) == {"n": 1}
    assert run_periodic(job.name, lambda run: {"n": 2}) is None
    clock.move_to(NOW + timedelta(hours=1))
    assert run_periodic(job.name, lambda run: {"n": 3}) == {"n": 3}


@pytest.mark.django_db
def test_a_failed_run_keeps_its_error_and_is_taken_up_again(job: PeriodicJob, clock: time_machine.Traveller) -> None:
    def fail(run: JobRun) -> dict[str, Any]:
        raise RuntimeError("planned")

    with pytest.raises(RuntimeError, match="planned"):
        run_periodic(job.name, fail)
    assert JobRun.objects.values_list("state", "error").get() == ("failed", "RuntimeError: planned")
    assert run_periodic(job.name, lambda run: {"n": 2}) == {"n": 2}
    assert JobRun.objects.values_list("state", "error", "attempts").get() == ("done", "", 2)


@pytest.mark.django_db
def test_a_run_is_left_alone_while_it_beats_and_taken_over_when_it_stops() -> None:
    first = _start()
    assert first is not None
    assert runs.beat(first, at=NOW + timedelta(seconds=300))
    assert _start(NOW + timedelta(seconds=630)) is None
    second = _start(NOW + timedelta(seconds=631))
    assert second is not None
    assert second.attempts == 2
    assert [
        runs.beat(first, at=NOW),
        runs.finish_run(first, at=NOW, result={}),
        runs.fail_run(first, at=NOW, error=""),
    ] == [
        False,
        False,
        False,
    ]
    assert runs.finish_run(second, at=NOW, result={}) is True


@pytest.mark.django_db
def test_a_run_that_always_fails_is_given_up() -> None:
    for _ in range(runs.MAX_ATTEMPTS):
        run = _start()
        assert run is not None
        runs.fail_run(run, at=NOW, error="x")
    assert _start() is None


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("state", "age", "woken"), [("failed", 0, 1), ("running", 331, 1), ("running", 10, 0), ("done", 0, 0)]
)
def test_the_sweeper_starts_a_failed_or_dead_run_of_this_period_again(
    state: str, age: int, woken: int, job: PeriodicJob
) -> None:
    JobRun.objects.create(job=job.name, period_start=HOUR, state=state, heartbeat_at=NOW - timedelta(seconds=age))
    JobRun.objects.create(job=job.name, period_start=HOUR - timedelta(hours=1), state="failed")
    with TestCase.captureOnCommitCallbacks() as sent:
        result = tasks.sweep()
    assert result is not None
    assert result["runs"] == woken
    assert [one.args[0] for one in sent] == [job.task] * woken


@pytest.mark.parametrize(
    ("every", "at", "start"),
    [
        (timedelta(seconds=15), datetime(2026, 11, 20, 9, 30, 14, 999, UTC), datetime(2026, 11, 20, 9, 30, tzinfo=UTC)),
        (timedelta(hours=1), datetime(2026, 11, 20, 9, 59, 59, tzinfo=UTC), datetime(2026, 11, 20, 9, tzinfo=UTC)),
        (timedelta(days=1), datetime(2026, 11, 20, 0, 0, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)),
    ],
)
def test_periods_are_counted_in_utc(every: timedelta, at: datetime, start: datetime) -> None:
    assert PeriodicJob("x", "x", every, "").period_start(at) == start


@pytest.mark.django_db
def test_schedules_are_seeded_once_and_a_persons_edit_stays() -> None:
    names = {one.name for one in registry.periodic_jobs()}
    seed_schedules()
    assert set(PeriodicTask.objects.filter(name__in=names).values_list("name", flat=True)) == names
    PeriodicTask.objects.filter(name="crm.check_overdue").update(enabled=False)
    assert seed_schedules() == 0
    assert PeriodicTask.objects.get(name="crm.check_overdue").enabled is False


@pytest.mark.parametrize(
    ("tick", "said"),
    [(timedelta(days=28), (28, "days")), (timedelta(hours=1), (1, "hours")), (timedelta(seconds=90), (90, "seconds")),
     (timedelta(minutes=10), (10, "minutes"))],
)  # fmt: skip
def test_a_schedule_is_kept_in_the_largest_units(tick: timedelta, said: tuple[int, str]) -> None:
    assert in_largest_units(tick) == said


@pytest.mark.django_db
def test_old_answers_go_in_small_portions_and_running_claims_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    old = [
        IdempotencyRecord(
            owner="x",
            key=str(number),
            fingerprint="x",
            claim_token=uuid4(),
            claimed_until=NOW - timedelta(hours=30),
            created_at=NOW - timedelta(hours=30, minutes=number),
        )
        for number in range(25)
    ]
    IdempotencyRecord.objects.bulk_create(old)
    IdempotencyRecord.objects.filter(key="7").update(claimed_until=NOW + timedelta(seconds=1))
    IdempotencyRecord.objects.filter(key="8").update(created_at=NOW - timedelta(hours=24))
    portions = []

    def forget(*, at: datetime) -> int:
        portions.append(retention.forget_answers(at=at, most=10))
        return portions[-1]

    monkeypatch.setattr(tasks, "retention", SimpleNamespace(forget_answers=forget))
    with time_machine.travel(NOW, tick=False):
        assert tasks.forget_answers() == {"deleted": 23}
        assert tasks.forget_answers() is None, "once a day"
    assert portions == [10, 10, 3, 0]
    assert set(IdempotencyRecord.objects.values_list("key", flat=True)) == {"7", "8"}
    assert registry.periodic_job("jobs.forget_answers").every == timedelta(days=1)

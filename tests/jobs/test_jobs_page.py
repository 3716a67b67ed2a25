"""The page of all jobs: how they stand, run now, on and off; the tile says the same."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.cache import cache
from django.db import connection
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from django_celery_beat.models import PeriodicTask

from accounts.models import User
from hashinsight import dashboard
from hashinsight.common.tiles import tiles_for
from hashinsight.jobs import registry
from hashinsight.jobs.domain import locks, runs, switching
from hashinsight.jobs.domain.status import all_job_states, job_status
from hashinsight.jobs.enums import RunState
from hashinsight.jobs.models import JobRun, JobSwitch
from hashinsight.jobs.registry import PeriodicJob, periodic_job
from hashinsight.jobs.schedule import seed_schedules
from tests.cast import staff
from tests.factories import NOW

pytestmark = pytest.mark.django_db
PAGE = "/admin/jobs/jobrun/overview/"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def schedules() -> None:
    cache.clear()
    seed_schedules()


@pytest.fixture
def as_root(root: User, client: Client) -> Client:
    client.force_login(root)
    return client


@pytest.fixture
def as_watcher(client: Client) -> Client:
    """May look, may neither run nor switch."""
    client.force_login(staff("w@hashinsight.example", "W", "jobs.view_jobrun", "django_celery_beat.view_periodictask"))
    return client


def _run(job: str, *, ago: timedelta, took: float = 1.0, state: str = "done", error: str = "") -> JobRun:
    begin = timezone.now() - ago
    return JobRun.objects.create(
        job=job,
        period_start=begin,
        started_at=begin,
        heartbeat_at=begin,
        finished_at=begin + timedelta(seconds=took),
        state=state,
        error=error,
    )


def _address(name: str, page: str) -> str:
    return f"/admin/django_celery_beat/periodictask/{PeriodicTask.objects.get(name=name).pk}/{page}/"


def _confirm(client: Client, address: str, **data: str) -> Any:
    """Look, then press the button."""
    seen = re.search(r'name="seen" value="(\w+)"', client.get(address).content.decode())
    assert seen, "the page has no button"
    with TestCase.captureOnCommitCallbacks() as sent:
        response = client.post(address, {"seen": seen[1], **data}, follow=True)
    return response, [one for one in sent if getattr(one, "args", None)]


def test_the_page_names_every_job_and_what_is_wrong(as_root: Client) -> None:
    _run("jobs.sweep", ago=timedelta(seconds=20))
    _run("crm.check_overdue", ago=timedelta(minutes=1), state="failed", error="ValueError: planned")
    text = as_root.get(PAGE).content.decode()
    assert [name for name in (job.name for job in registry.periodic_jobs()) if name not in text] == []
    assert "ValueError: planned" in text
    assert "No beat has ever led" in text
    locks.take_lock(locks.BEAT, seconds=60)
    assert "Led by process" in as_root.get(PAGE).content.decode()


def test_a_heartbeat_is_red_when_it_is_late(as_root: Client) -> None:
    _run("jobs.sweep", ago=timedelta(seconds=20))
    assert "hi-nowrap hi-late" not in as_root.get(PAGE).content.decode()
    JobRun.objects.all().delete()
    _run("jobs.sweep", ago=timedelta(minutes=10))
    assert "hi-nowrap hi-late" in as_root.get(PAGE).content.decode()


def test_page_and_tile_have_one_source(root: User) -> None:
    _run("jobs.sweep", ago=timedelta(minutes=10), state="failed", error="x")
    tile = next(one for one in tiles_for(root) if one.key == "jobs.runs")
    states = {status.job.name: (status.is_late, status.is_failed) for status in all_job_states(at=timezone.now())}
    assert {row["name"]: (row["is_late"], row["is_failed"]) for row in tile.numbers()["rows"]} == states
    assert {row["name"]: (row["is_late"], row["is_failed"]) for row in dashboard.job_runs()["rows"]} == states


def test_the_states_cost_three_queries_however_many_jobs_and_runs() -> None:
    for minutes in range(60):
        _run("jobs.sweep", ago=timedelta(minutes=minutes))
    with CaptureQueriesContext(connection) as caught:
        all_job_states(at=timezone.now())
    assert len(caught) == 3


def test_duration_and_its_trend() -> None:
    job = periodic_job("jobs.sweep")
    for n in range(10):
        _run(job.name, ago=timedelta(minutes=n), took=4)
    for n in range(10, 20):
        _run(job.name, ago=timedelta(minutes=n), took=1)
    status = job_status(job, at=timezone.now())
    assert (status.seconds, status.seconds_before) == (4.0, 1.0)


def test_run_now_asks_a_worker_for_this_period_and_names_the_person(as_root: Client, root: User) -> None:
    response, sent = _confirm(as_root, _address("crm.check_overdue", "run"))
    run = JobRun.objects.get(job="crm.check_overdue")
    job = periodic_job("crm.check_overdue")
    assert (run.state, run.asked_by, run.is_manual) == ("due", str(root), False)
    assert run.period_start == job.period_start(run.started_at)
    assert [one.args[0] for one in sent] == ["crm.check_overdue"]
    assert response.redirect_chain[-1][0] == PAGE
    assert LogEntry.objects.filter(user=root, change_message__contains="Run job now").count() == 1


def test_a_second_run_of_a_served_period_is_a_row_of_its_own() -> None:
    job = PeriodicJob("test.daily", "test.daily", timedelta(days=1), "")
    first = runs.ask_for_run(job, by="a", at=NOW)
    JobRun.objects.filter(pk=first.pk).update(state=RunState.DONE)
    second = runs.ask_for_run(job, by="b", at=NOW + HOUR)
    assert (second.period_start, second.is_manual, second.asked_by) == (NOW + HOUR, True, "b")
    assert runs.start_run(job.name, period_start=second.period_start, at=NOW, claim=HOUR) is not None


@pytest.mark.parametrize("state", ["due", "running"])
def test_a_job_that_waits_or_runs_is_not_asked_for_again(state: str) -> None:
    job = PeriodicJob("test.daily", "test.daily", timedelta(days=1), "")
    JobRun.objects.filter(pk=runs.ask_for_run(job, by="a", at=NOW).pk).update(state=state)
    with pytest.raises(runs.JobBusy):
        runs.ask_for_run(job, by="b", at=NOW + HOUR)
    assert JobRun.objects.count() == 1


def test_switching_off_and_on_is_kept_with_its_reason(as_root: Client, root: User) -> None:
    _confirm(as_root, _address("crm.check_overdue", "switch-off"), reason="month end")
    assert PeriodicTask.objects.get(name="crm.check_overdue").enabled is False
    _run("crm.check_overdue", ago=timedelta(days=30))
    status = job_status(periodic_job("crm.check_overdue"), at=timezone.now())
    assert (status.is_enabled, status.is_late, status.next_at) == (False, False, None)
    assert "switched off" in as_root.get(PAGE).content.decode()
    _confirm(as_root, _address("crm.check_overdue", "switch-on"), reason="done")
    assert PeriodicTask.objects.get(name="crm.check_overdue").enabled is True
    assert list(JobSwitch.objects.order_by("pk").values_list("job", "is_enabled", "switched_by", "reason")) == [
        ("crm.check_overdue", False, str(root), "month end"),
        ("crm.check_overdue", True, str(root), "done"),
    ]


def test_what_stands_that_way_already_is_refused(root: User) -> None:
    schedule = PeriodicTask.objects.get(name="crm.check_overdue")
    with pytest.raises(switching.SwitchedAlready):
        switching.switch_job(schedule, enabled=True, reason="x", by=root, at=NOW)


def test_looking_is_not_running(as_watcher: Client) -> None:
    text = as_watcher.get(PAGE).content.decode()
    assert "jobs.sweep" in text
    assert "Run now" not in text
    for page in ("run", "switch-off"):
        assert as_watcher.get(_address("jobs.sweep", page)).status_code == 403
        assert as_watcher.post(_address("jobs.sweep", page), {"reason": "x"}).status_code == 403
    assert JobRun.objects.count() == 0


def test_without_the_right_to_look_there_is_no_page(client: Client) -> None:
    client.force_login(staff("n@hashinsight.example", "N"))
    assert client.get(PAGE).status_code == 403


def test_what_a_job_is_for_is_said_in_the_readers_language(as_root: Client) -> None:
    with translation.override("de"):  # so that what the request leaves behind is undone
        page = as_root.get(PAGE, headers={"accept-language": "de"}).content.decode()
    assert "Hält fest, wie groß jede Tabelle ist" in page
    assert "stündlich" in page
    assert PeriodicTask.objects.get(name="jobs.measure_tables").description.startswith("Notes how large")

"""Health pages, figures and the doctor: words for people, 503 and exit codes for machines, no secrets."""

import shutil
from collections import namedtuple
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError
from django.test import Client, override_settings
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from hashinsight.events.domain import relays
from hashinsight.events.models import OutboxEvent
from hashinsight.health import checks, doctor
from hashinsight.health.checks import BEHIND, SERVING, Unwell, run_checks
from hashinsight.jobs.domain import locks
from hashinsight.jobs.models import DueWork, JobRun
from hashinsight.jobs.registry import periodic_jobs
from hashinsight.jobs.schedule import seed_schedules

pytestmark = pytest.mark.django_db
SECRET = "postgresql://user:hunter2@db"
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything works: a beat leads, the sweeper ran, relays serve all lanes, the broker answers."""
    now = timezone.now()
    seed_schedules()
    locks.take_lock(locks.BEAT, seconds=600)
    for job in periodic_jobs():
        JobRun.objects.create(
            job=job.name, period_start=job.period_start(now), state="done", started_at=now, finished_at=now
        )
    for lane in checks.events.lanes_without_relay(at=now):
        relays.start_relay(f"test-{lane}", lane=lane, at=now)
    monkeypatch.setattr(checks, "check_broker", lambda: None)
    monkeypatch.setitem(SERVING, "broker", lambda: None)


def test_a_house_in_order_is_ready(client: Client, well: None) -> None:
    response = client.get("/health/ready")
    assert (response.status_code, response.json()["wrong"]) == (200, [])
    assert set(response.json()["checks"]) == {*SERVING, *BEHIND}
    assert client.get("/health/live").json() == {"status": "ok"}


def _no_lead() -> None:
    locks.give_back_lock(locks.BEAT, token=1)


def _silent_workers() -> None:
    JobRun.objects.filter(job="jobs.sweep").update(finished_at=timezone.now() - timedelta(minutes=5))


def _late_job() -> None:
    long_ago = timezone.now() - timedelta(days=9)
    JobRun.objects.filter(job="crm.check_overdue").update(period_start=long_ago)


def _old_event() -> None:
    OutboxEvent.objects.create(
        kind="x", aggregate_type="x", aggregate_id="1", payload={}, created_at=timezone.now() - timedelta(hours=1)
    )


def _old_work() -> None:
    DueWork.objects.create(kind="x", key="1", queue="interactive", not_before=timezone.now() - timedelta(minutes=10))


@pytest.mark.parametrize(
    ("trouble", "name", "words"),
    [
        (_no_lead, "beat", "no beat leads"),
        (_silent_workers, "workers", "no worker has finished a job for 5 minutes"),
        (_late_job, "jobs", "late: crm.check_overdue"),
        (_old_event, "relay", "an event waits for 60 minutes"),
        (_old_work, "queues", "interactive work waits for 10 minutes"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_else(
    client: Client, well: None, trouble: Callable[[], None], name: str, words: str
) -> None:
    trouble()
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert [line for line in response.json()["wrong"] if not line.startswith(f"{name}: {words}")] == []
    assert response.json()["checks"][name]["ok"] is False
    assert client.get("/health/serving").status_code == 200, "requests can still be answered"


def test_a_full_disk_is_named(client: Client, well: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 10**12 - 10**8, 10**8))
    assert client.get("/health/ready").json()["wrong"] == ["disk: only 95 MB are free where files are kept"]


def test_a_broker_that_is_away_keeps_requests_away_and_its_address_secret(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://user:hunter2@127.0.0.1:1/0")
    response = client.get("/health/serving")
    assert response.status_code == 503
    assert response.json()["wrong"] == ["broker: broker cannot be reached"]
    assert "hunter2" not in response.content.decode()


def test_words_of_libraries_go_to_the_log_and_not_to_the_page(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise DatabaseError(f"cannot connect to {SECRET}")

    (outcome,) = run_checks({"database": broken})
    assert (outcome.ok, outcome.words) == (False, "database cannot be reached")
    assert SECRET in caplog.text


# --- figures --------------------------------------------------------------------------------------------------
def _figures(client: Client, **headers: str) -> dict[tuple[str, str], float]:
    response = client.get("/metrics", headers=headers)
    assert response.status_code == 200
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def test_figures_tell_requests_work_jobs_and_events(client: Client, well: None) -> None:
    _old_work()
    _old_event()
    before = _figures(client).get(("hashinsight_requests_total", "GET,health/live,200"), 0)
    client.get("/health/live")
    client.get("/nothing-here-4711")
    found = _figures(client)
    assert found[("hashinsight_requests_total", "GET,health/live,200")] == before + 1
    assert found[("hashinsight_due_work", "interactive,pending")] == 1
    assert 590 < found[("hashinsight_due_work_oldest_seconds", "interactive,pending")] < 700
    assert found[("hashinsight_outbox_pending", "")] == 1
    assert 3500 < found[("hashinsight_outbox_lag_seconds", "")] < 3700
    assert found[("hashinsight_job_late", "jobs.sweep")] == 0
    assert (found[("hashinsight_beat_leads", "")], found[("hashinsight_database_up", "")]) == (1, 1)
    assert not any("4711" in labels for _, labels in found), "addresses callers choose make no figures"


@pytest.mark.parametrize(
    ("token", "given", "address", "extra", "status"),
    [
        ("", "", "127.0.0.1", {}, 200),
        ("", "", "10.1.2.3", {}, 403),
        ("", "", "127.0.0.1", {"HTTP_X_FORWARDED_FOR": "8.8.8.8"}, 403),
        ("s3cret", "Bearer s3cret", "10.1.2.3", {}, 200),
        ("s3cret", "Bearer s3creT", "127.0.0.1", {}, 403),
        ("s3cret", "", "127.0.0.1", {}, 403),
        ("s3cret", "Bearer ümlaut", "10.1.2.3", {}, 403),
    ],
)
def test_figures_are_for_this_machine_or_the_token(
    client: Client, token: str, given: str, address: str, extra: dict[str, str], status: int
) -> None:
    sent: dict[str, Any] = {"REMOTE_ADDR": address, **extra}
    if given:
        sent["HTTP_AUTHORIZATION"] = given
    with override_settings(METRICS_TOKEN=token):
        assert client.get("/metrics", **sent).status_code == status


def test_a_database_that_is_away_leaves_the_figures_of_requests(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**kwargs: Any) -> None:
        raise DatabaseError("away")

    monkeypatch.setattr("hashinsight.health.metrics.all_job_states", away)
    found = _figures(client)
    assert found[("hashinsight_database_up", "")] == 0
    assert any(name == "hashinsight_requests_total" for name, _ in found)


# --- doctor ---------------------------------------------------------------------------------------------------
@pytest.fixture
def one_question(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    def ask(look: Callable[[], None]) -> None:
        monkeypatch.setattr(
            "hashinsight.health.management.commands.doctor.SETUP", [doctor.Question("thing", look, "Do this.")]
        )

    return ask


def test_the_doctor_says_what_to_do_and_fails(one_question: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def look() -> None:
        raise Unwell("it is broken")

    one_question(look)
    with pytest.raises(SystemExit) as ended:
        call_command("doctor")
    out = capsys.readouterr().out
    assert ended.value.code == 1
    assert "WRONG  thing        it is broken" in out
    assert "→ Do this." in out


def test_the_doctor_is_content_with_what_is_well(one_question: Any, capsys: pytest.CaptureFixture[str]) -> None:
    one_question(lambda: None)
    call_command("doctor")
    assert "All 1 are well." in capsys.readouterr().out


@pytest.mark.parametrize("question", [one for one in doctor.SETUP if one.name not in {"broker", "settings"}],
                         ids=lambda one: one.name)  # fmt: skip
def test_the_suite_itself_is_well(question: doctor.Question) -> None:
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    question.look()


def test_a_clock_that_is_wrong_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = timezone.now()
    monkeypatch.setattr(doctor.timezone, "now", lambda: real + timedelta(minutes=2))
    with pytest.raises(Unwell, match=r"differ by 1[12]"):
        doctor.look_at_clock()

"""Policies, holds, dry runs, batches, reports: what people see and may do."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import User
from crm.models import Customer
from hashinsight.jobs import registry, retention, tasks
from hashinsight.jobs.domain import retention as retaining
from hashinsight.jobs.models import JobRun, LegalHold, RetentionPolicy, RetentionReport
from tests import factories
from tests.cast import staff
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "quiet_broker")]
POLICIES = "/admin/jobs/retentionpolicy/"
HOLDS = "/admin/jobs/legalhold/"


@pytest.fixture
def policy() -> RetentionPolicy:
    retaining.seed_policies()
    return RetentionPolicy.objects.get(kind="jobs.runs")


@pytest.fixture
def as_root(root: User, client: Client) -> Client:
    client.force_login(root)
    return client


def _old_runs(count: int, days: int = 30) -> None:
    at = NOW - timedelta(days=days)
    JobRun.objects.bulk_create(
        JobRun(job="x", period_start=at + timedelta(seconds=n), started_at=at, state="done") for n in range(count)
    )


def test_each_kind_gets_a_policy_once_and_what_a_person_set_stays(policy: RetentionPolicy) -> None:
    assert set(RetentionPolicy.objects.values_list("kind", flat=True)) == {kind.name for kind in retention.kinds()}
    RetentionPolicy.objects.filter(pk=policy.pk).update(keep_days=99)
    assert retaining.seed_policies() == 0
    assert RetentionPolicy.objects.get(pk=policy.pk).keep_days == 99


def test_a_minimum_that_rises_lifts_the_policy(policy: RetentionPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    RetentionPolicy.objects.filter(pk=policy.pk).update(minimum_days=1, keep_days=1)
    retaining.seed_policies()
    assert RetentionPolicy.objects.values_list("minimum_days", "keep_days").get(pk=policy.pk) == (2, 2)


def test_below_the_minimum_is_refused_by_domain_and_database(policy: RetentionPolicy, root: User) -> None:
    with pytest.raises(retaining.BelowMinimum, match="at least 2 days"):
        retaining.change_policy(policy, keep_days=1, is_enabled=True, by=root, at=NOW)
    with pytest.raises(IntegrityError, match="jobs_retention_minimum"), transaction.atomic():
        RetentionPolicy.objects.filter(pk=policy.pk).update(keep_days=1)


def test_batches_are_bounded_and_add_up(policy: RetentionPolicy, django_assert_max_num_queries: Any) -> None:
    _old_runs(25)
    asked = []
    report = retaining.run_policy(policy, at=NOW, go_on=lambda: bool(asked.append(1)) or True, batch=10)
    assert (report.due_count, report.deleted_count, len(asked), JobRun.objects.count()) == (25, 25, 3, 0)
    assert report.finished_at is not None


def test_a_run_that_is_told_to_stop_leaves_the_rest_for_tomorrow(policy: RetentionPolicy) -> None:
    _old_runs(25)
    assert retaining.run_policy(policy, at=NOW, go_on=lambda: False, batch=10).deleted_count == 10
    assert JobRun.objects.count() == 15


def test_a_run_cut_off_and_begun_again_has_one_report_that_adds_up(policy: RetentionPolicy) -> None:
    _old_runs(25)

    class Cut(Exception):
        pass

    def cut() -> bool:
        raise Cut

    with pytest.raises(Cut):
        retaining.run_policy(policy, at=NOW, go_on=cut, run_id=7, batch=10)
    report = retaining.run_policy(policy, at=NOW, go_on=lambda: True, run_id=7, batch=10)
    assert (report.deleted_count, RetentionReport.objects.count(), JobRun.objects.count()) == (25, 1, 0)


def test_a_policy_that_is_switched_off_deletes_nothing(policy: RetentionPolicy) -> None:
    _old_runs(3)
    RetentionPolicy.objects.filter(pk=policy.pk).update(is_enabled=False)
    assert tasks.retention_run() == {"deleted": 0}
    assert JobRun.objects.filter(job="x").count() == 3


def test_one_broken_policy_stops_none_of_the_others(policy: RetentionPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    _old_runs(3)

    def broken(before: Any, held: Any) -> Any:
        raise RuntimeError("planned")

    first = retention.find_kind("accounts.login_records")
    assert first is not None
    changed = retention.RetentionKind(**{**vars(first), "rows": broken})
    monkeypatch.setitem(retention._kinds, first.name, changed)
    with pytest.raises(retaining.PoliciesFailed, match=r"accounts\.login_records"):
        tasks.retention_run()
    assert JobRun.objects.filter(job="x").count() == 0
    errors = RetentionReport.objects.exclude(error="").values_list("kind", "error")
    assert list(errors) == [("accounts.login_records", "RuntimeError: planned")]


def test_it_runs_once_a_night_in_the_zone_of_the_house() -> None:
    job = registry.periodic_job("jobs.retention")
    assert (str(job.wall), job.zone) == ("02:30:00", "UTC")


# --- holds ----------------------------------------------------------------------------------------------------
def test_a_hold_names_what_it_found_and_stands_once(customer_a: Customer, root: User) -> None:
    hold = retaining.place_hold("crm.customer", text=" aurora mining ag ", reason="court", by=root, at=NOW)
    assert (hold.key, hold.label, hold.placed_by) == (str(customer_a.pk), "Aurora Mining AG", str(root))
    with pytest.raises(retaining.HeldAlready):
        retaining.place_hold("crm.customer", text="Aurora Mining AG", reason="again", by=root, at=NOW)
    retaining.release_hold(hold, reason="over", by=root, at=NOW)
    with pytest.raises(retaining.ReleasedAlready):
        retaining.release_hold(hold, reason="over", by=root, at=NOW)
    retaining.place_hold("crm.customer", text="Aurora Mining AG", reason="anew", by=root, at=NOW)
    assert LegalHold.objects.count() == 2


@pytest.mark.parametrize(("subject", "text"), [("crm.customer", "nobody"), ("crm.invoice", ""), ("x.y", "z")])
def test_a_hold_on_nothing_is_refused(subject: str, text: str, root: User, customer_a: Customer) -> None:
    with pytest.raises(retaining.NothingFound):
        retaining.place_hold(subject, text=text, reason="x", by=root, at=NOW)


def test_a_customer_brings_its_invoices_along(customer_a: Customer, customer_b: Customer, root: User) -> None:
    mine = factories.issued_invoice(by=root, customer=customer_a)
    factories.issued_invoice(by=root, customer=customer_b)
    retaining.place_hold("crm.customer", text=customer_a.company_name, reason="x", by=root, at=NOW)
    held = retaining.held_now()
    assert held.of("crm.invoice") == {str(mine.pk)}
    assert held.ids("crm.customer") == [customer_a.pk]


# --- pages ----------------------------------------------------------------------------------------------------
def test_a_person_edits_a_policy_within_its_limits(as_root: Client, policy: RetentionPolicy) -> None:
    address = f"{POLICIES}{policy.pk}/change/"
    text = as_root.get(address).content.decode()
    assert "journal entries" in text, "what no policy reaches is named"
    version = re.search(r'name="(\w*version\w*)" value="(\d+)"', text)
    extra = {version[1]: version[2]} if version else {}
    refused = as_root.post(address, {"keep_days": "1", "is_enabled": "on", **extra})
    assert "At least 2 days" in refused.content.decode()
    as_root.post(address, {"keep_days": "20", "is_enabled": "on", **extra})
    assert RetentionPolicy.objects.get(pk=policy.pk).keep_days == 20
    history = RetentionPolicy.pgh_event_model.objects.filter(pgh_obj_id=policy.pk, keep_days=20)
    assert history.count() == 1


def test_policies_can_neither_be_added_nor_deleted(as_root: Client, policy: RetentionPolicy) -> None:
    assert as_root.get(f"{POLICIES}add/").status_code == 403
    assert as_root.post(f"{POLICIES}{policy.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_dry_run_shows_counts_and_examples_and_deletes_nothing(as_root: Client, policy: RetentionPolicy) -> None:
    _old_runs(7)
    address = f"{POLICIES}{policy.pk}/dry-run/"
    text = as_root.get(address).content.decode()
    assert "x 2026-10-21 09:30" in text
    seen = re.search(r'name="seen" value="(\w+)"', text)
    assert seen
    as_root.post(address, {"seen": seen[1]})
    report = RetentionReport.objects.get()
    assert (report.is_dry_run, report.due_count, report.deleted_count, len(report.examples)) == (True, 7, 0, 5)
    assert JobRun.objects.count() == 7


def test_a_hold_is_placed_and_released_on_its_pages(as_root: Client, customer_a: Customer) -> None:
    bad = as_root.post(f"{HOLDS}add/", {"subject": "crm.customer", "text": "nobody", "reason": "court"})
    assert "Nothing is called" in bad.content.decode()
    as_root.post(f"{HOLDS}add/", {"subject": "crm.customer", "text": "Aurora Mining AG", "reason": "court"})
    hold = LegalHold.objects.get()
    assert hold.key == str(customer_a.pk)
    address = f"{HOLDS}{hold.pk}/release/"
    seen = re.search(r'name="seen" value="(\w+)"', as_root.get(address).content.decode())
    assert seen
    as_root.post(address, {"seen": seen[1], "reason": "settled"})
    assert LegalHold.objects.values_list("release_reason", flat=True).get() == "settled"


def test_looking_alone_changes_nothing(client: Client, policy: RetentionPolicy) -> None:
    client.force_login(staff("v@hashinsight.example", "V", "jobs.view_retentionpolicy", "jobs.view_legalhold"))
    assert client.get(POLICIES).status_code == 200
    assert client.get(f"{POLICIES}{policy.pk}/dry-run/").status_code == 403
    assert client.get(f"{HOLDS}add/").status_code == 403


# --- command --------------------------------------------------------------------------------------------------
def test_the_command_previews_and_deletes(capsys: pytest.CaptureFixture[str], policy: RetentionPolicy) -> None:
    _old_runs(3)
    call_command("retention", "--dry-run", "--kind", "jobs.runs")
    assert "jobs.runs: 3 due, older than 2026-11-06" in capsys.readouterr().out
    assert JobRun.objects.count() == 3
    call_command("retention", "--kind", "jobs.runs")
    assert "jobs.runs: 3 deleted" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no enabled policy"):
        call_command("retention", "--kind", "nothing")

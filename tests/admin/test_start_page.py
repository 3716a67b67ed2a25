"""The start page: real numbers, each for those who may see it, each leading to the list it counts."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from crm import tiles
from crm.domain import issuing, payments
from crm.domain.receivables import by_age
from crm.models import Customer, InvoiceDelivery
from hashinsight import dashboard
from hashinsight.common.tiles import tiles_for
from hashinsight.jobs.models import DueWork, JobRun
from hashinsight.jobs.registry import periodic_jobs
from tests import factories
from tests.admin.conftest import SignIn
from tests.factories import NOW
from tests.support.standing import standing


def count(client: Client, address: str) -> int:
    return int(client.get(address).context["cl"].result_count)


@pytest.fixture
@standing
def business(root: User, customer_a: Customer, customer_b: Customer) -> None:
    """One of each: draft, open, partly paid, credited, paid, cancelled, in two currencies."""
    now = timezone.now()
    factories.draft_invoice(by=root, customer=customer_a, value=Decimal("11.00"))
    factories.issued_invoice(by=root, customer=customer_a, value=Decimal("100.00"), at=now)
    part = factories.issued_invoice(by=root, customer=customer_b, value=Decimal("50.00"), currency="EUR", at=now)
    late = factories.issued_invoice(by=root, customer=customer_b, value=Decimal("70.00"), at=now - timedelta(45))
    today = timezone.localdate()
    book = {"received_on": today, "by": root, "on": today, "at": now}
    payments.record_payment(part, amount=Decimal("20.00"), currency="EUR", **book)
    issuing.credit_invoice(late, by=root, on=today, at=now, reason="r", quantities={1: Decimal("0.5")})
    done = factories.issued_invoice(by=root, customer=customer_a, value=Decimal("33.00"), at=now)
    payments.record_payment(done, amount=Decimal("33.00"), currency="USD", **book)
    gone = factories.issued_invoice(by=root, customer=customer_a, value=Decimal("44.00"), at=now)
    issuing.credit_invoice(gone, by=root, on=today, at=now, reason="wrong")
    factories.DealFactory(customer=customer_a, value=Decimal("500.00"))
    factories.DealFactory(customer=customer_b, value=Decimal("250.00"), currency="EUR")


def test_receivables_are_summed_by_age_and_currency(business: None) -> None:
    found = {row.currency: (row.buckets, row.counts) for row in by_age(on=timezone.localdate())}
    zero = Decimal(0)
    assert found == {
        "EUR": ((Decimal(30), zero, zero, zero, zero), (1, 0, 0, 0, 0)),
        "USD": ((Decimal(100), zero, Decimal(35), zero, zero), (1, 0, 1, 0, 0)),
    }


def test_each_figure_leads_to_the_list_it_counts(as_root: Client, business: None) -> None:
    for row in tiles.ageing()["rows"]:
        for cell in row["cells"]:
            assert count(as_root, cell["url"]) == cell["count"]
    for row in tiles.pipeline()["rows"]:
        for cell in row["cells"]:
            assert count(as_root, cell["url"]) == cell["count"], cell
    assert count(as_root, tiles.drafts()["url"]) == tiles.drafts()["big"] == 1
    assert count(as_root, tiles.overdue()["url"]) == len(tiles.overdue()["rows"]) == 1
    InvoiceDelivery.objects.update(status="failed")
    assert count(as_root, tiles.deliveries()["url"]) == tiles.deliveries()["big"] > 0


def test_this_month_counts_credit_notes_against_what_was_issued(business: None) -> None:
    rows = {row["currency"]: row for row in tiles.month()["rows"]}
    assert rows["USD"]["issued"]["amount"] == Decimal("98.00")  # 100 + 33 + 44 - 44 - 35, the late one is older
    assert rows["EUR"]["issued"] == {"amount": Decimal("50.00"), "currency": "EUR", "count": 1}
    assert rows["EUR"]["paid"] == {"amount": Decimal("20.00"), "currency": "EUR", "count": 1}


def test_tiles_need_their_permission(staff: Any, sign_in: SignIn, business: None) -> None:
    def titles(*permissions: str) -> list[str]:
        client = sign_in(staff(*permissions))
        return [entry["tile"].key for entry in client.get("/admin/").context["tiles"]]

    assert titles() == []
    assert titles("crm.view_deal") == ["crm.pipeline"]
    assert titles("jobs.view_duework") == ["jobs.failed"]
    assert titles("crm.view_invoice") == ["crm.month", "crm.drafts", "crm.ageing", "crm.overdue"]
    assert "There is nothing to show" in sign_in(staff()).get("/admin/").content.decode()


def test_the_start_page_asks_little_and_the_second_time_nothing_of_the_business(
    as_root: Client, business: None
) -> None:
    as_root.get("/admin/")
    cache.clear()
    with CaptureQueriesContext(connection) as first:
        as_root.get("/admin/")
    with CaptureQueriesContext(connection) as second:
        as_root.get("/admin/")
    assert (len(first), len(second)) == (25, 2)


def test_late_and_failed_jobs_are_red(as_root: Client) -> None:
    text = as_root.get("/admin/").content.decode()
    assert text.count("never") >= dashboard.SHOWN_JOBS
    assert f"All jobs: {len(periodic_jobs())}" in text
    cache.clear()
    for job in periodic_jobs():
        JobRun.objects.create(job=job.name, period_start=job.period_start(timezone.now()), state="done")
    states = {row["name"]: (row["is_late"], row["is_failed"]) for row in dashboard.job_runs()["rows"]}
    assert set(states.values()) == {(False, False)}
    JobRun.objects.filter(job="jobs.sweep").update(state="failed")
    JobRun.objects.filter(job="crm.check_overdue").update(period_start=NOW - timedelta(days=2))
    states = {row["name"]: (row["is_late"], row["is_failed"]) for row in dashboard.job_runs()["rows"]}
    assert (states["jobs.sweep"], states["crm.check_overdue"]) == ((False, True), (True, False))
    shown = [row["name"] for row in dashboard.job_runs()["shown"]]
    assert (len(shown), set(shown[:2])) == (dashboard.SHOWN_JOBS, {"jobs.sweep", "crm.check_overdue"})
    JobRun.objects.update(state="failed")
    assert len(dashboard.job_runs()["shown"]) == len(periodic_jobs()), "all that are in trouble"


def test_failed_work_is_counted_by_kind(as_root: Client, db: None) -> None:
    for number in range(3):
        DueWork.objects.create(kind="crm.render_invoice_pdf", key=str(number), state="failed")
    figures = dashboard.failed_work()
    assert (figures["big"], figures["bad"], figures["rows"]) == (
        3,
        True,
        [{"label": "crm.render_invoice_pdf", "count": 3}],
    )
    assert count(as_root, figures["url"]) == 3


def test_failed_work_is_tried_again_by_those_who_may(operator: User, clerk: User, sign_in: SignIn) -> None:
    failed = DueWork.objects.create(kind="k", key="1", state="failed", attempts=8)
    open_work = DueWork.objects.create(kind="k", key="2")
    data = {"action": "retry_selected", "_selected_action": [failed.pk, open_work.pk]}
    sign_in(clerk).post("/admin/jobs/duework/", data)
    failed.refresh_from_db()
    assert failed.state == "failed"
    page = sign_in(operator).post("/admin/jobs/duework/", data, follow=True)
    failed.refresh_from_db()
    assert (failed.state, failed.attempts) == ("pending", 0)
    assert len(list(page.context["messages"])) == 2


def test_every_tile_names_a_permission(root: User) -> None:
    assert all("." in tile.permission for tile in tiles_for(root))
    assert len(tiles_for(root)) == 14

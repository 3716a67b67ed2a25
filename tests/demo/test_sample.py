"""The company of the sample files: alive today, whole, the same at every build."""

import gzip
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Min, Sum

from accounts.domain.roles import sync_roles
from crm.domain import receivables
from crm.engine.pipeline_files import Stage, read_pipeline
from crm.models import Activity, Customer, Deal, Invoice, InvoiceDelivery, InvoiceLine, Lead, NumberSeries, Payment
from hashinsight.demo.build import Wish, build_demo
from hashinsight.demo.calendar import add_months
from hashinsight.demo.sample import to_today
from hashinsight.jobs.models import DueWork
from tests.demo.conftest import NOW, silent
from tests.support.standing import settle

FOLDER = Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(settings.BASE_DIR).parent / "shared" / "data")
public_files = pytest.mark.skipif(
    not (FOLDER / "crm" / "sales_pipeline.csv.gz").is_file(), reason=f"NO SAMPLE DATA in {FOLDER}"
)
TODAY = NOW.date()
TENTH = 10
DAYS = [TODAY, date(2026, 11, 1), date(2027, 1, 31), date(2028, 2, 29), date(2026, 3, 31)]


@pytest.fixture(scope="module")
def sample(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[None]:
    """The company of every tenth opportunity of the public files, standing for a whole module of tests."""
    root = tmp_path_factory.mktemp("sample")
    path, folder = root / "demo-credentials.json", root / "crm"
    shutil.copytree(FOLDER / "crm", folder)
    packed = folder / "sales_pipeline.csv.gz"
    header, *rows = gzip.decompress(packed.read_bytes()).splitlines(keepends=True)
    packed.chmod(0o600)
    packed.write_bytes(gzip.compress(b"".join([header, *rows[::TENTH]])))
    with django_db_blocker.unblock(), transaction.atomic():
        sync_roles()
        assert build_demo(Wish(at=NOW, sample=folder), credentials=path, say=silent)
        settle()  # once; else each test would check at its end all that was built here
        with django_db_blocker.block():
            yield
        transaction.set_rollback(True)


@pytest.mark.parametrize("today", DAYS)
@public_files
def test_on_any_day_the_story_ends_today_and_nothing_is_lost(today: date) -> None:
    """Each opportunity moves by whole months, both its days together; none is dropped, none lies ahead."""
    read = read_pipeline(FOLDER)
    moved = to_today(read, today)
    assert len(moved.opportunities) == 5563
    for before, after in zip(read.opportunities, moved.opportunities, strict=True):
        assert before == replace(after, engaged_on=before.engaged_on, closed_on=before.closed_on)
        months = {
            (new.year - old.year) * 12 + new.month - old.month
            for old, new in ((before.engaged_on, after.engaged_on), (before.closed_on, after.closed_on))
            if old and new
        }
        assert len(months) == 1
        assert [after.engaged_on, after.closed_on] == [
            day and add_months(day, months.copy().pop()) for day in (before.engaged_on, before.closed_on)
        ]
        assert after.last_on is not None
        assert after.last_on <= today
    for is_open in (True, False):
        last = [one.last_on for one in moved.opportunities if one.is_open == is_open and one.last_on]
        assert max(last) >= today - timedelta(days=3)
        assert sum(day > today - timedelta(days=31) for day in last) > 100
    assert Counter(one.stage for one in moved.opportunities) == {
        Stage.WON: 2835,
        Stage.LOST: 1610,
        Stage.ENGAGING: 1118,
    }


@public_files
def test_every_opportunity_is_there_and_few_wait(sample: None, db: None) -> None:
    assert Deal.objects.count() + Lead.objects.count() == 557  # 5,563 and nine to spare
    deals = Counter(Deal.objects.values_list("status", flat=True))
    assert set(deals) == {"draft", "cancelled", "signed", "completed"}
    assert 0 < deals["signed"] < 15
    oldest = Deal.objects.filter(status="signed").aggregate(day=Min("actual_close_on"))["day"]
    assert TODAY - timedelta(days=7) < oldest <= TODAY
    drafts = Invoice.objects.filter(status="draft")
    assert 0 < drafts.count() < 15
    assert drafts.aggregate(first=Min("created_at"))["first"] > NOW - timedelta(days=21)
    assert Invoice.objects.filter(kind="deal").count() == deals["completed"]


@public_files
def test_the_receivables_have_a_healthy_shape(sample: None, db: None) -> None:
    (aged,) = receivables.by_age(on=TODAY)
    assert sum(count > 0 for count in aged.counts) >= 3
    assert aged.counts[0] + aged.counts[1] > 0.75 * sum(aged.counts)
    assert aged.buckets[0] + aged.buckets[1] > aged.total * 7 / 10
    bills = Invoice.objects.filter(number__isnull=False).exclude(kind="credit_note")
    assert bills.filter(status="paid").count() > 0.8 * bills.count()
    assert Invoice.objects.open().with_balance().filter(paid_total__gt=0, outstanding__gt=0).exists()
    months = Counter(f"{day:%Y-%m}" for day in bills.values_list("issued_on", flat=True))
    assert set(months) == {f"2026-{number:02d}" for number in range(5, 12)}
    assert min(months.values()) > 15


@public_files
def test_the_books_of_the_sample_are_right(sample: None, db: None) -> None:
    issued = list(Invoice.objects.filter(number__isnull=False))
    sold = _sums(InvoiceLine.objects.values_list("invoice_id").annotate(Sum("net_amount")))
    paid = _sums(Payment.objects.values_list("invoice_id").annotate(Sum("amount")))
    credited = _sums(Invoice.objects.filter(kind="credit_note").values_list("corrects_id").annotate(Sum("gross_total")))
    for one in issued:
        assert (one.net_total, one.gross_total) == (sold[one.pk], one.net_total + one.tax_total)
        if one.is_credit_note:
            continue
        outstanding = one.gross_total - paid.get(one.pk, 0) - credited.get(one.pk, 0)
        assert one.status in (("sent", "overdue") if outstanding > 0 else ("paid", "cancelled"))
        assert one.status != "overdue" or one.due_on < TODAY
        assert one.status != "sent" or one.due_on >= TODAY - timedelta(days=1)
        assert one.status != "paid" or one.paid_on >= one.issued_on
    for series in NumberSeries.objects.filter(kind="deal"):
        mine = [one for one in issued if (one.kind, one.customer_id) == ("deal", series.customer_id)]
        days = sorted((str(one.number), one.issued_on) for one in mine)
        assert [int(number[-4:]) for number, _day in days] == list(range(1, series.last_number + 1))
        assert [day for _number, day in days] == sorted(day for _number, day in days)


@public_files
def test_nothing_of_the_sample_lies_ahead_and_nobody_is_mailed(sample: None, db: None) -> None:
    for model in (Customer, Lead, Deal, Invoice, Payment):
        assert not model.objects.filter(created_at__gt=NOW).exists()
        assert not model.objects.filter(is_sample=False).exists()
    assert not Activity.objects.filter(occurred_at__gt=NOW).exists()
    assert Lead.objects.aggregate(newest=Max("created_at"))["newest"] > NOW - timedelta(days=3)
    assert Deal.objects.aggregate(newest=Max("actual_close_on"))["newest"] > TODAY - timedelta(days=3)
    assert not Deal.objects.filter(created_at__lt=F("customer__created_at")).exists()
    assert InvoiceDelivery.objects.count() == 0
    assert list(DueWork.objects.values_list("kind", "queue").distinct()) == [("crm.render_invoice_pdf", "bulk")]
    assert DueWork.objects.count() == Invoice.objects.filter(number__isnull=False).count()
    addresses = [
        *Customer.objects.values_list("email", flat=True),
        *Customer.objects.values_list("billing_email", flat=True),
    ]
    assert len(set(addresses)) == 2 * 85
    assert all(str(one).endswith(".example") for one in addresses)


def _sums(rows: Any) -> dict[int, Decimal]:
    return dict(rows.order_by())

"""The public sample files, where they are: all 5,563 opportunities, with literal counts, within 20 seconds of work."""

import os
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Sum

from crm.domain.pipeline_import import ImportWish, import_pipeline
from crm.engine.findings import FindingKind
from crm.engine.pipeline_files import read_pipeline
from crm.models import Customer, Deal, Lead
from tests import factories
from tests.support.work import cpu_seconds

FOLDER = Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(settings.BASE_DIR).parent / "shared" / "data")
SECONDS = 20.0

pytestmark = [
    pytest.mark.sample,
    pytest.mark.skipif(
        not (FOLDER / "crm" / "sales_pipeline.csv.gz").is_file(),
        reason=f"NO SAMPLE DATA in {FOLDER}: set HASHINSIGHT_SAMPLE_DATA to try the import on the public files",
    ),
]


@pytest.mark.django_db
def test_all_opportunities_are_imported_in_time_and_only_once() -> None:
    begin = cpu_seconds()
    report = import_pipeline(read_pipeline(FOLDER), ImportWish(at=factories.NOW))
    seconds = cpu_seconds() - begin
    total = report.totals()
    assert (total.read, total.created, total.unchanged, total.kept, total.refused) == (5690, 5690, 0, 0, 0)
    assert {name: count.read for name, count in report.files.items()} == {
        "sales_teams": 35,
        "products": 7,
        "accounts": 85,
        "sales_pipeline": 5563,
    }
    assert report.made == {"users": 35, "products": 7, "customers": 85, "deals": 4803, "leads": 760}
    found = Counter((one.kind, one.column) for one in report.findings)
    assert found == {
        (FindingKind.REPAIRED, "sector"): 12,
        (FindingKind.REPAIRED, "office_location"): 1,
        (FindingKind.REPAIRED, "product"): 932,
        (FindingKind.REPORTED, "account"): 760,
        (FindingKind.REPORTED, "close_value"): 1118,
    }
    assert Counter(Deal.objects.values_list("stage", "status")) == {
        ("closed_won", "signed"): 2835,
        ("closed_lost", "cancelled"): 1610,
        ("proposal", "draft"): 358,
    }
    assert Counter(Lead.objects.values_list("status", flat=True)) == {"contacted": 760}
    won = Deal.objects.filter(stage="closed_won").aggregate(total=Sum("value"))["total"]
    assert won == Deal.objects.filter(stage="closed_won").aggregate(total=Sum("lines__unit_price"))["total"]
    assert won == sum(one.value for one in read_pipeline(FOLDER).opportunities if one.stage == "Won")
    assert isinstance(won, Decimal)
    assert Customer.objects.filter(parent__isnull=False).count() == 15
    assert seconds <= SECONDS, f"{seconds:.1f} s of work"

    again = import_pipeline(read_pipeline(FOLDER), ImportWish(at=factories.NOW)).totals()
    assert (again.created, again.unchanged, again.kept) == (0, 5690, 0)


def _reckon() -> None:
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass


def _ask() -> None:
    """Half a second and more of work inside the database."""
    end = time.monotonic() + 60
    before = cpu_seconds() - time.process_time()
    while cpu_seconds() - time.process_time() < before + 0.5:
        assert time.monotonic() < end, "the server's work is not counted"
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM generate_series(1, 300000)")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("spend", "least", "most"), [(_reckon, 0.45, 2.0), (_ask, 0.45, 5.0), (lambda: time.sleep(0.5), 0.0, 0.2)]
)
def test_control_work_is_counted_on_both_sides_and_waiting_is_not(
    spend: Callable[[], None], least: float, most: float
) -> None:
    begin = cpu_seconds()
    spend()
    assert least <= cpu_seconds() - begin <= most

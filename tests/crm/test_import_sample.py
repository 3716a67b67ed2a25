"""The public sample files, where they are: all 5,563 opportunities, with literal counts, within 20 seconds."""

import os
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import Sum

from crm.domain.pipeline_import import ImportWish, import_pipeline
from crm.engine.findings import FindingKind
from crm.engine.pipeline_files import read_pipeline
from crm.models import Customer, Deal, Lead
from tests import factories

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
    begin = time.monotonic()
    report = import_pipeline(read_pipeline(FOLDER), ImportWish(at=factories.NOW))
    seconds = time.monotonic() - begin
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
    assert seconds <= SECONDS

    again = import_pipeline(read_pipeline(FOLDER), ImportWish(at=factories.NOW)).totals()
    assert (again.created, again.unchanged, again.kept) == (0, 5690, 0)

"""The demo meets a database: an empty one, one with real data, and files it cannot use."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Max

from accounts.models import User
from crm.domain.pipeline_import import PipelineRefused
from crm.models import Customer, Deal, Invoice
from hashinsight.demo.build import DemoRefused, Wish, build_demo, built_kind, renew_credentials
from hashinsight.demo.shapes import Size
from tests import factories
from tests.crm.import_files import Files
from tests.demo.conftest import NOW, WISH, business, silent


def test_real_data_are_never_mixed_with_a_demo(roles: None, credentials: Path) -> None:
    factories.CustomerFactory()
    with pytest.raises(DemoRefused):
        build_demo(WISH, credentials=credentials, say=silent)
    assert built_kind() is None
    assert not credentials.exists()
    assert User.objects.count() == 0
    with pytest.raises(DemoRefused):
        renew_credentials(at=NOW, credentials=credentials)


def test_a_demo_from_files_is_moved_to_today_and_billed(roles: None, credentials: Path, tmp_path: Path) -> None:
    files = Files()
    for number in range(24):
        day = f"2017-{number % 5 + 1:02d}-{number % 27 + 1:02d}"
        account = ("Fjell Kraft", "Palawan Grid", '"Umber, Sons & Co"')[number % 3]
        files.with_row(f"S{number},Ada Moor,Rack,{account},Won,2016-12-01,{day},{number + 40}.50".encode())
    wish = Wish(at=NOW, sample=files.write(tmp_path / "files"))
    assert build_demo(wish, credentials=credentials, say=silent)
    assert built_kind() == "sample"
    assert Deal.objects.aggregate(newest=Max("actual_close_on")) == {"newest": NOW.date()}  # 2017-05-20 in the files
    assert Invoice.objects.filter(number__isnull=False).count() > 10
    assert {one.tax_code.code for one in Customer.objects.select_related("tax_code")} == {"DE-OUTSIDE", "US-NONE"}  # type: ignore[union-attr]


def test_a_demo_from_broken_files_builds_nothing(roles: None, credentials: Path, tmp_path: Path) -> None:
    folder = Files(products=b"nonsense").write(tmp_path / "files")
    with pytest.raises(PipelineRefused, match=r"products\.csv, line 1"):
        build_demo(Wish(at=NOW, sample=folder), credentials=credentials, say=silent)
    assert (User.objects.count(), Customer.objects.count(), credentials.exists()) == (0, 0, False)
    with pytest.raises(CommandError, match=r"products\.csv, line 1"):
        call_command("build_demo", sample=folder, credentials=credentials, skip_checks=True)


def test_two_builds_of_a_seed_are_the_same_company(roles: None, credentials: Path) -> None:
    tiny = Size(customers=9, hosted=3, orders=8, open_deals=5, lost_deals=2, leads=8, conversions=2, months=2)
    found = []
    for seed in (4, 4, 5):
        with transaction.atomic():
            build_demo(Wish(at=NOW, seed=seed, size=tiny), credentials=credentials, say=silent)
            found.append(business())
            transaction.set_rollback(True)
    assert found[0] == found[1]
    assert found[0]["invoices"]
    assert found[0] != found[2]

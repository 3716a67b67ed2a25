"""The demo meets a database: an empty one, one with real data, and files it cannot use."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.models import User
from crm.domain.pipeline_import import PipelineRefused
from crm.models import Customer
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
    for _build in range(2):
        with transaction.atomic():
            build_demo(Wish(at=NOW, seed=4, size=tiny), credentials=credentials, say=silent)
            found.append(business())
            transaction.set_rollback(True)
    assert found[0] == found[1]
    assert found[0]["invoices"]

"""Small files of our own making: the same company at every build, built once, and nothing of it ahead of now."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max

from crm.models import Customer, Deal, Invoice, Lead, Payment
from hashinsight.demo.build import Wish, build_demo, built_kind
from tests.crm.import_files import Files
from tests.demo.conftest import NOW, business, silent

TODAY = NOW.date()


def small_files(folder: Path) -> Path:
    """A few months of won deals and of people who ask."""
    files = Files()
    for number in range(36):
        day = date(2017, number % 5 + 1, number % 27 + 1)
        account = ("Fjell Kraft", "Palawan Grid", '"Umber, Sons & Co"')[number % 3]
        row = f"S{number},Ada Moor,Rack,{account},Won,{day - timedelta(days=9)},{day},{number + 40}.50"
        files.with_row(row.encode()).with_row(
            f"Q{number},Cy O'Dell,Rack,,Engaging,{day - timedelta(days=60)},,".encode()
        )
    return files.write(folder)


def test_small_files_are_moved_to_today_and_billed(roles: None, credentials: Path, tmp_path: Path) -> None:
    wish = Wish(at=NOW, sample=small_files(tmp_path / "files"))
    assert build_demo(wish, credentials=credentials, say=silent)
    assert built_kind() == "sample"
    assert Deal.objects.aggregate(newest=Max("actual_close_on"))["newest"] >= TODAY - timedelta(days=3)
    assert Invoice.objects.filter(number__isnull=False).count() > 20
    assert {one.tax_code.code for one in Customer.objects.select_related("tax_code")} == {"DE-OUTSIDE", "US-NONE"}  # type: ignore[union-attr]


def test_a_build_of_the_same_files_is_the_same_and_a_second_one_changes_nothing(
    roles: None, credentials: Path, tmp_path: Path
) -> None:
    wish = Wish(at=NOW, sample=small_files(tmp_path / "files"))
    found = []
    for _time in range(2):
        with transaction.atomic():
            build_demo(wish, credentials=credentials, say=silent)
            found.append(_story())
            before = business()
            assert build_demo(wish, credentials=credentials, say=silent) is False
            assert business() == before
            transaction.set_rollback(True)
    assert found[0] == found[1]
    assert found[0]["invoices"]


def test_early_in_the_day_nothing_of_today_lies_ahead(roles: None, credentials: Path, tmp_path: Path) -> None:
    at = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
    build_demo(Wish(at=at, sample=small_files(tmp_path / "files")), credentials=credentials, say=silent)
    assert not Deal.objects.filter(closed_at__gt=at).exists()
    assert not Lead.objects.filter(created_at__gt=at).exists()


def _story() -> dict[str, Any]:
    """What the company is, without the random numbers of its customers (which stand in its invoices' numbers)."""
    invoices = Invoice.objects.order_by("deal__source_ref", "kind")
    payments = Payment.objects.values_list("invoice__deal__source_ref", "amount", "received_on", "method")
    return {
        "customers": sorted(Customer.objects.values_list("company_name", "email", "contact_name", "vat_id")),
        "deals": sorted(Deal.objects.values_list("source_ref", "status", "value", "created_at", "completed_at")),
        "leads": sorted(Lead.objects.values_list("source_ref", "status", "created_at")),
        "invoices": list(
            invoices.values_list("deal__source_ref", "kind", "status", "issued_on", "paid_on", "gross_total")
        ),
        "payments": sorted(payments),
    }

"""A small demo company."""

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from accounts.domain.roles import sync_roles
from crm.models import (
    AccountingExport,
    AccountingPeriod,
    Activity,
    CreditApplication,
    Customer,
    CustomerCredit,
    Deal,
    Dispute,
    DunningHold,
    DunningLetter,
    Invoice,
    Lead,
    Payment,
    Refund,
    Reversal,
    WriteOff,
)
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.demo.build import Wish, build_demo
from hashinsight.demo.shapes import Size
from tests.support.standing import settle, standing

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
SMALL = Size(customers=16, hosted=8, orders=26, open_deals=14, lost_deals=4, leads=24, conversions=3, months=5)
WISH = Wish(at=NOW, size=SMALL)


MONEY: dict[Any, tuple[str, ...]] = {
    CustomerCredit: ("customer__code", "kind", "amount", "received_on"),
    CreditApplication: ("customer__code", "invoice__number", "amount", "applied_on"),
    Refund: ("customer__code", "amount", "refunded_on", "reason"),
    WriteOff: ("invoice__number", "kind", "amount", "written_off_on"),
    Reversal: ("customer__code", "reversed_on", "reason"),
    ApprovalRequest: ("kind", "state", "amount", "requested_at"),
    Dispute: ("invoice__number", "amount", "reason", "opened_at", "outcome"),
    DunningLetter: ("customer__code", "dated_on", "level", "open_total", "fee"),
    DunningHold: ("customer__code", "invoice__number", "until"),
    AccountingPeriod: ("legal_entity__name", "month", "state"),
    AccountingExport: ("file_name", "row_count"),
}


def silent(_text: str) -> None:
    """Nobody listens."""


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    """Where the sign-ins go."""
    return tmp_path / "secret" / "demo-credentials.json"


@pytest.fixture
@standing
def roles(db: None) -> None:
    """The shipped staff roles."""
    sync_roles()


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Path]:
    """The small company, standing for a whole module of tests; gives the file with its sign-ins."""
    path = tmp_path_factory.mktemp("demo") / "demo-credentials.json"
    with django_db_blocker.unblock(), transaction.atomic():
        sync_roles()
        assert build_demo(WISH, credentials=path, say=silent)
        settle()  # once; else each test would check at its end all that was built here
        with django_db_blocker.block():
            yield path
        transaction.set_rollback(True)


@pytest.fixture
def demo(built: Path, db: None, credentials: Path) -> Path:
    """The company that stands; returns a copy of the file with its sign-ins."""
    credentials.parent.mkdir()
    shutil.copy2(built, credentials)
    return credentials


def business() -> dict[str, Any]:
    """What the company is, without ids, random references and passwords."""
    invoices = Invoice.objects.order_by("issued_on", "number", "gross_total")
    return {
        "customers": list(Customer.objects.order_by("code").values_list("code", "company_name", "vat_id", "status")),
        "leads": sorted(Lead.objects.values_list("title", "company", "status", "value", "created_at")),
        "deals": sorted(Deal.objects.values_list("title", "customer__code", "stage", "status", "value")),
        "invoices": list(invoices.values_list("number", "status", "issued_on", "due_on", "paid_on", "gross_total")),
        "payments": sorted(Payment.objects.values_list("invoice__number", "amount", "received_on")),
        **{model.__name__: Counter(model._default_manager.values_list(*names)) for model, names in MONEY.items()},
        "activities": Counter(Activity.objects.values_list("kind", flat=True)),
    }

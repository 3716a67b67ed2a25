"""A file speaks of one moment, whatever is booked while it is being made; old provisional files may go, others stay."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from crm.domain import exports
from crm.domain.exports import documents, making
from crm.enums import ExportKind
from crm.models import AccountingExport, Invoice, JournalEntry
from hashinsight.jobs.domain import retention
from hashinsight.jobs.models import RetentionPolicy
from tests.crm.exports.conftest import LATER, MONTH, Books
from tests.crm.exports.test_documents import store
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
KIND = "crm.provisional_exports"


def made(books: Books, kind: ExportKind, at: datetime = LATER) -> AccountingExport:
    """The file of the month."""
    return exports.make_export(books.entity, kind=kind, first=MONTH, last=MONTH, by=books.by, at=at)


def content(export: AccountingExport) -> bytes:
    """As it is fetched."""
    return b"".join(exports.chunks_of(AccountingExport.objects.get(pk=export.pk)))


def facts(export: AccountingExport) -> tuple[Any, ...]:
    """All that is said about the file, and its bytes."""
    return export.row_count, export.sums, export.notes, export.sha256, content(export)


@pytest.fixture
@standing
def issued(books: Books) -> Invoice:
    """One with its PDF, one without; mapped."""
    first = books.issue(books.customers[0], [("1", "10", books.taxes[0])])
    store(first, b"%PDF first")
    late = books.issue(books.customers[0], [("1", "20", books.taxes[1])])
    books.map()
    return late


def go_on(books: Books, late: Invoice) -> None:
    """What others do at the same time: another invoice and its money, and the PDF that was missing."""
    more = books.issue(books.customers[0], [("3", "70", books.taxes[0])])
    books.settle(more, "5")
    books.map()
    if not late.documents.filter(format="pdf").exists():
        store(late, b"%PDF late")


# Where the work is cut: after what was read first, and after all was planned.
CUTS: list[tuple[Any, str]] = [(making, "mapping_of"), (making, "_plan"), (documents, "contents_of")]


@pytest.mark.parametrize("kind", list(ExportKind))
def test_what_comes_in_meanwhile_is_not_in_the_file(
    books: Books, issued: Invoice, kind: ExportKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = facts(made(books, kind))
    cuts = [one for one in CUTS if kind != ExportKind.DOCUMENTS or one[1] != "mapping_of"]  # nothing was read by then
    for module, name in cuts:
        with transaction.atomic(), monkeypatch.context() as patch:
            patch.setattr(module, name, cut(getattr(module, name), books, issued))
            assert facts(made(books, kind)) == quiet, f"{kind} mixed moments after {name}"
            transaction.set_rollback(True)
    go_on(books, issued)
    assert facts(made(books, kind)) != quiet


def cut(real: Callable[..., Any], books: Books, late: Invoice) -> Callable[..., Any]:
    """The same function, and right after it others go on."""

    def called(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        go_on(books, late)
        return found

    return called


@pytest.mark.parametrize("kind", list(ExportKind))
def test_a_provisional_file_stays_the_same_while_the_month_goes_on(
    books: Books, issued: Invoice, kind: ExportKind
) -> None:
    export = made(books, kind)
    before = content(export)
    go_on(books, issued)
    type(books.entity).objects.filter(pk=books.entity.pk).update(language="de")
    assert content(export) == before
    assert (hashlib.sha256(before).hexdigest(), len(before)) == (export.sha256, export.size)


def test_a_list_made_before_lists_were_kept_is_made_again(books: Books, issued: Invoice) -> None:
    export = made(books, ExportKind.DOCUMENTS)
    export.frozen = None
    assert hashlib.sha256(b"".join(exports.chunks_of(export))).hexdigest() == export.sha256


# --- what may go ----------------------------------------------------------------------------------------------
def run() -> int:
    """Deleted by the policy today."""
    retention.seed_policies()
    report = retention.run_policy(RetentionPolicy.objects.get(kind=KIND), at=timezone.now(), go_on=lambda: True)
    return report.deleted_count


def test_old_provisional_files_go_and_those_of_closed_months_stay(books: Books, issued: Invoice) -> None:
    old = timezone.now() - timedelta(days=100)
    for kind in ExportKind:
        made(books, kind, at=old)
    young = made(books, ExportKind.JOURNAL_CSV, at=timezone.now() - timedelta(days=89))
    books.close()
    final = made(books, ExportKind.JOURNAL_CSV, at=old)
    kept = content(final)
    assert run() == len(ExportKind)
    assert set(AccountingExport.objects.values_list("pk", flat=True)) == {young.pk, final.pk}
    assert (content(final), made(books, ExportKind.JOURNAL_CSV, at=timezone.now()).pk) == (kept, final.pk)
    assert run() == 0


@pytest.mark.parametrize("subject", ["customer", "invoice"])
def test_files_with_something_in_them_that_is_held_stay(books: Books, issued: Invoice, subject: str) -> None:
    export = made(books, ExportKind.JOURNAL_CSV, at=timezone.now() - timedelta(days=400))
    name = issued.customer.company_name if subject == "customer" else str(issued.number)
    other = books.customers[1].company_name
    free = retention.place_hold("crm.customer", text=other, reason="x", by=books.by, at=LATER)
    hold = retention.place_hold(f"crm.{subject}", text=name, reason="x", by=books.by, at=LATER)
    assert run() == 0
    retention.release_hold(hold, reason="over", by=books.by, at=LATER)
    assert (free.released_at, run()) == (None, 1)
    assert not AccountingExport.objects.filter(pk=export.pk).exists()


def test_the_database_lets_no_other_file_go(books: Books, issued: Invoice) -> None:
    assert JournalEntry.objects.exists()
    young = made(books, ExportKind.DATEV, at=timezone.now() - timedelta(days=29))
    books.close()
    final = made(books, ExportKind.DATEV, at=timezone.now() - timedelta(days=4000))
    for export in (young, final):
        with pytest.raises(IntegrityError, match="written once"), transaction.atomic():
            AccountingExport.objects.filter(pk=export.pk).delete()
    old = AccountingExport.objects.filter(pk=made(books, ExportKind.XERO, at=timezone.now()).pk)
    with pytest.raises(IntegrityError, match="written once"), transaction.atomic():
        old.update(is_provisional=True)

"""Books for documents of a release that kept none: the same entries as at their time, once."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts.models import User
from crm.domain import issuing
from crm.domain.ledger import backfill as module
from crm.domain.ledger.backfill import backfill
from crm.domain.ledger.check import discrepancies
from crm.models import Customer, CustomerCredit, JournalEntry, LedgerPosting
from tests import factories
from tests.crm.ledger.test_posting import pay
from tests.factories import NOW, TODAY
from tests.support.database import owner_login

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet_broker")]


def _forget() -> None:
    """As if nobody had ever kept books."""
    tables = ("crm_ledgerposting", "crm_journalentry", "crm_customercredit")
    with owner_login(), transaction.atomic(), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER aa_guard")
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER aa_guard")


def _books() -> list[tuple[object, ...]]:
    rows = LedgerPosting.objects.order_by("entry__kind", "entry__source_id", "account__code", "id")
    return list(
        rows.values_list(
            "entry__kind", "entry__source_id", "entry__posted_on", "account__code", "debit", "credit", "base_debit",
            "base_credit", "invoice_id", "customer_id",
        )
    )  # fmt: skip


def test_old_documents_get_the_entries_they_would_have_had(
    root: User, customer_a: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    customer_a.tax_code = factories.standard_tax()
    customer_a.save()
    bills = [factories.issued_invoice(by=root, customer=customer_a) for _turn in range(5)]
    pay(bills[0], 1200, root)
    pay(bills[1], 1190, root)
    issuing.credit_invoice(bills[1], by=root, on=TODAY, at=NOW, reason="x", quantities={1: Decimal("0.5")})
    issuing.credit_invoice(bills[2], by=root, on=TODAY, at=NOW, reason="x")
    before = _books()
    _forget()
    assert discrepancies()
    with pytest.raises(CommandError):
        call_command("check_ledger", stderr=StringIO())
    assert backfill(on=TODAY, at=NOW) == 9
    assert _books() == before
    assert sorted(CustomerCredit.objects.values_list("amount", flat=True)) == [Decimal(10), Decimal(595)]
    assert discrepancies() == []
    call_command("check_ledger", stdout=StringIO())
    assert backfill(on=TODAY, at=NOW) == 0
    assert JournalEntry.objects.count() == 9

"""After a test that commits every table is empty, its numbers begin anew, and each guard is as it was."""

from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from crm.models import Customer, Invoice
from tests import factories
from tests.support import database

pytestmark = pytest.mark.django_db(transaction=True)
KEPT = {"django_migrations", "django_content_type", "auth_permission"}


def triggers() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid, tgname, tgenabled FROM pg_trigger ORDER BY 1, 2")
        return list(cursor.fetchall())


def with_rows() -> set[str]:
    with database.owner_login(), connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
        every = {name for (name,) in cursor.fetchall()}
        return {name for name in every if _has_row(cursor, name)}


def _has_row(cursor: Any, table: str) -> bool:
    cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
    return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("few", [database.FEW_BYTES, 0], ids=["few rows", "many rows"])
def test_all_is_gone_but_what_came_with_the_migrations(
    root: User, customer_a: Customer, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = triggers()
    factories.issued_invoice(by=root, customer=customer_a)
    assert {"crm_invoice", "crm_customer", "accounts_user"} <= with_rows()
    monkeypatch.setattr(database, "FEW_BYTES", few)

    database.empty_all_tables()

    assert with_rows() == KEPT
    assert triggers() == before
    assert factories.LegalEntityFactory().pk == 1


def test_the_guards_refuse_again(root: User, customer_a: Customer) -> None:
    factories.issued_invoice(by=root, customer=customer_a)
    database.empty_all_tables()
    invoice = factories.issued_invoice(
        by=factories.UserFactory(), customer=factories.CustomerFactory(legal_entity=factories.LegalEntityFactory())
    )
    with pytest.raises(Exception, match="issued"), database.owner_login(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_invoice WHERE id = %s", [invoice.pk])
    assert Invoice.objects.count() == 1

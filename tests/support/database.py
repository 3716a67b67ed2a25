"""The suite's database: migrated as the owner, used as the application login, emptied as the owner again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections


def _login_as(user: str, password: str) -> None:
    connection.close()
    connection.settings_dict["USER"] = user
    connection.settings_dict["PASSWORD"] = password


@contextmanager
def owner_login() -> Iterator[None]:
    """Run as the login that owns the tables (and may switch the guards off)."""
    current = (connection.settings_dict["USER"], connection.settings_dict["PASSWORD"])
    owner: Any = getattr(connections, "_test_owner", current)
    _login_as(*owner)
    try:
        yield
    finally:
        _login_as(*current)


def become_app_login(user: str, password: str) -> None:
    """From here on the tests are the application: they own nothing and cannot bypass row security."""
    connections._test_owner = (connection.settings_dict["USER"], connection.settings_dict["PASSWORD"])  # type: ignore[attr-defined]
    _login_as(user, password)


def become_owner() -> None:
    """Before the database is dropped."""
    owner: Any = getattr(connections, "_test_owner", None)
    if owner is not None:
        _login_as(*owner)


def empty_all_tables() -> None:
    """Empty every table but the migrations' own; guards are off inside this one transaction only."""
    with owner_login(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename NOT IN ('django_migrations', 'django_content_type', 'auth_permission')"
        )
        tables = [name for (name,) in cursor.fetchall()]
        guarded = ["crm_invoice", "crm_invoiceline", "crm_invoicedocument", "crm_payment", "crm_numberseries"]
        statements = [f"ALTER TABLE {table} DISABLE TRIGGER aa_truncate" for table in guarded]
        statements.append(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
        statements += [f"ALTER TABLE {table} ENABLE TRIGGER aa_truncate" for table in guarded]
        cursor.execute("; ".join(statements))

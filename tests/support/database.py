"""The suite's database: migrated as the owner, used as the application login, emptied as the owner again.

Migrating takes seconds, copying a migrated database a tenth of one; so the first run after a change of any migration
leaves a template behind, and every other run and every worker starts from a copy of it.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.core.management import call_command
from django.db import connection, connections, transaction

from hashinsight.common import guards, migrating, receivers
from hashinsight.common.migrating import one_class_at_a_time

TEMPLATE_PREFIX = "hi_template_"
_BUILD_LOCK = 7_310_226
FEW_BYTES = 2_000_000


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
    """Empty every table but the migrations' own; guards are off inside this one transaction only.

    Few rows are deleted: TRUNCATE makes new files for each table and index, and insists on all that refer to them.
    """
    with owner_login(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename NOT IN ('django_migrations', 'django_content_type', 'auth_permission')"
        )
        every = {name for (name,) in cursor.fetchall()}
        # Whoever still writes is waited for.
        cursor.execute(f"LOCK TABLE ONLY {', ONLY '.join(every)} IN SHARE ROW EXCLUSIVE MODE")
        tables = _with_rows(cursor, every)
        if not tables:
            return
        if sum(tables.values()) > FEW_BYTES:
            emptied = _with_referrers(cursor, set(tables)) & every
            statement = f"TRUNCATE {', '.join(sorted(emptied))} CASCADE"
        else:
            emptied = set(tables)
            deletes = [f"_{number} AS (DELETE FROM ONLY {name})" for number, name in enumerate(sorted(emptied))]
            statement = f"WITH {', '.join(deletes)} SELECT"  # in one statement, so that no order matters
        with _without_guards(cursor, emptied):
            cursor.execute(statement)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks to come cannot be altered
        _restart_identities(cursor, emptied)


def _with_rows(cursor: Any, every: set[str]) -> dict[str, int]:
    """Those with a row, and their size in bytes; what has no page is not looked into."""
    cursor.execute(
        "SELECT name, pg_relation_size(name::regclass) FROM unnest(%s::text[]) AS name"
        " WHERE pg_relation_size(name::regclass) > 0",
        [sorted(every)],
    )
    sizes = dict(cursor.fetchall())
    if not sizes:
        return {}
    cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM ONLY {name})" for name in sizes))
    return {name: sizes[name] for (name,) in cursor.fetchall()}


@contextmanager
def _without_guards(cursor: Any, tables: set[str]) -> Iterator[None]:
    """Triggers on DELETE and TRUNCATE do nothing inside; afterwards each is as it was."""
    cursor.execute(
        "SELECT tgrelid::regclass::text, quote_ident(tgname), tgenabled FROM pg_trigger"
        " WHERE NOT tgisinternal AND tgtype & (8 | 32) <> 0 AND tgenabled <> 'D'"
        " AND tgrelid::regclass::text = ANY (%s)",
        [sorted(tables)],
    )
    guards = cursor.fetchall()
    how = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA"}
    cursor.execute(";".join(f"ALTER TABLE {table} DISABLE TRIGGER {name}" for table, name, _mode in guards) or "SELECT")
    yield
    cursor.execute(
        ";".join(f"ALTER TABLE {table} {how[mode]} TRIGGER {name}" for table, name, mode in guards) or "SELECT"
    )


def _restart_identities(cursor: Any, tables: set[str]) -> None:
    cursor.execute(
        "SELECT setval(objid::regclass, 1, false) FROM pg_depend JOIN pg_class ON pg_class.oid = objid"
        " WHERE relkind = 'S' AND deptype IN ('a', 'i') AND refobjid::regclass::text = ANY (%s)",
        [sorted(tables)],
    )


def _with_referrers(cursor: Any, tables: set[str]) -> set[str]:
    cursor.execute("SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'")
    links = cursor.fetchall()
    found, wave = set(tables), set(tables)
    while wave:
        wave = {source for source, target in links if target in wave} - found
        found |= wave
    return found


def create_from_template(name: str) -> None:
    """Make database ``name`` as a copy of the migrated template and use it from here on."""
    connection.close()
    with connection._nodb_cursor() as cursor, _alone(cursor):
        template = _template(cursor)
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    _use(name)


def prepare_template() -> None:
    """Make the template, so that whoever needs a copy finds it; nothing if it is there."""
    with connection._nodb_cursor() as cursor, _alone(cursor):
        _template(cursor)


@contextmanager
def _alone(cursor: Any) -> Iterator[None]:
    """Of all processes that may build the template."""
    cursor.execute("SELECT pg_advisory_lock(%s)", [_BUILD_LOCK])
    try:
        yield
    finally:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [_BUILD_LOCK])


def _template(cursor: Any) -> str:
    """The name of today's template, which is there; older ones are gone."""
    template = TEMPLATE_PREFIX + _migrations_digest()
    cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [TEMPLATE_PREFIX])
    known = {found for (found,) in cursor.fetchall()}
    if template not in known:
        _build_template(cursor, template)
    for stale in known - {template}:
        cursor.execute(f'DROP DATABASE IF EXISTS "{stale}"')
    return template


def drop(name: str, *, then_use: str) -> None:
    """Drop a test database and point the connection back at where it came from."""
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    _use(then_use)


def _build_template(cursor: Any, template: str, *, quickly: bool = True) -> None:
    building = f"{template}_building"
    cursor.execute(f'DROP DATABASE IF EXISTS "{building}"')
    cursor.execute(f'CREATE DATABASE "{building}"')
    before = connection.settings_dict["NAME"]
    _use(building)
    with one_class_at_a_time() if quickly else nullcontext():
        call_command("migrate", verbosity=0, interactive=False)
    _use(before)
    cursor.execute(f'ALTER DATABASE "{building}" RENAME TO "{template}"')


def _use(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name


def _migrations_digest() -> str:
    digest = hashlib.sha256(django.__version__.encode())
    for config in sorted(apps.get_app_configs(), key=lambda one: one.label):
        for path in sorted((Path(config.path) / "migrations").glob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    for module in (guards, receivers, migrating):  # what each migrate ends with, and how it is done
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:16]

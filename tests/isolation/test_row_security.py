"""The second layer by itself: what the database shows to the role of clients (TRUST T7b)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.db.models import CompositePrimaryKey
from django.db.models.expressions import RawSQL
from django.db.transaction import TransactionManagementError
from django.db.utils import DataError

from hashinsight.common.scoping import CLIENT_ROLE, client_scope
from marketdata.models.fields import SharedQuerySet
from tests.architecture.test_wall import USER_OWNED, catalog, client_owned_tables, holes
from tests.intelligence.world import build_forecasts
from tests.isolation.world import NOW, Tenant, World
from tests.marketdata.world import build_market
from tests.support.database import owner_login

MODELS = {model._meta.db_table: model for model in apps.get_models() if model._meta.db_table in client_owned_tables()}
TABLES = sorted(MODELS)
# Rows about the world: everybody's to read, nobody's to write.
SHARED_TABLES = {table for table in TABLES if isinstance(MODELS[table]._default_manager.all(), SharedQuerySet)}


@pytest.fixture(autouse=True)
def _production_like(settings: Any) -> None:
    settings.CLIENT_SCOPE_DURABLE = True


def ids(sql: str, *parameters: Any) -> set[Any]:
    """First column of all rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return {row[0] for row in cursor.fetchall()}


def key_of(table: str) -> str:
    """SQL that names one row: its id, or where it lies in a table whose key has several columns."""
    key = MODELS[table]._meta.pk
    if isinstance(key, CompositePrimaryKey):
        return f"{table}.tableoid::text || {table}.ctid::text"
    return f"{table}.{key.column}"


def owned(table: str, tenant: Tenant) -> set[Any]:
    """Keys of what this tenant may see, found as the application without any help of policies."""
    rows = MODELS[table]._default_manager.all()
    if table in USER_OWNED:
        path = "run__user" if table == "intelligence_scheduleentry" else "user"
        return set(rows.filter(**{path: tenant.rows["customer_admin"]}).values_list("id", flat=True))
    mine = rows.of_customers([tenant.rows["customer"].pk])
    return set(mine.annotate(key_there=RawSQL(key_of(table), ())).values_list("key_there", flat=True))


def scope_of(tenant: Tenant) -> Any:
    """The scope of this tenant's admin."""
    return client_scope([tenant.rows["customer"].pk], user_id=tenant.rows["customer_admin"].pk)


def role() -> tuple[str, str, str]:
    """As whom the connection speaks, and for whom."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, coalesce(current_setting('app.customer_ids', true), ''),"
            " coalesce(current_setting('app.user_id', true), '')"
        )
        row: tuple[str, str, str] = cursor.fetchone()
        return row


@pytest.mark.parametrize("table", sorted(set(TABLES) - SHARED_TABLES))
def test_select_shows_own_rows_and_no_other(world: World, table: str) -> None:
    key = key_of(table)
    everything = ids(f"SELECT {key} FROM {table}")
    for tenant in world.foreign:
        mine = owned(table, tenant)
        with scope_of(tenant):
            seen = ids(f"SELECT {key} FROM {table}")
            guessed = ids(f"SELECT {key} FROM {table} WHERE {key} = ANY(%s)", list(everything - mine))
        assert seen == mine, table
        assert guessed == set()
        assert mine, f"{table}: nothing to see, so nothing is proved"
        assert mine < everything


def test_rows_about_the_world_are_seen_by_all(world: World, settings: Any) -> None:
    settings.CLIENT_SCOPE_DURABLE = False  # the rows are not committed
    with transaction.atomic():
        build_forecasts(NOW)
        build_market(NOW)
        assert len(SHARED_TABLES) == 11
        for table in SHARED_TABLES:
            everything = ids(f"SELECT {key_of(table)} FROM {table}")
            assert everything, table
            for tenant in world.foreign:
                with scope_of(tenant):
                    assert ids(f"SELECT {key_of(table)} FROM {table}") == everything, table
        transaction.set_rollback(True)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("command", ["INSERT", "UPDATE", "DELETE"])
def test_nothing_is_written_not_even_own_rows(world: World, table: str, command: str) -> None:
    column = MODELS[table]._meta.local_concrete_fields[0].column
    statement = {
        "INSERT": f"INSERT INTO {table} DEFAULT VALUES",
        "UPDATE": f"UPDATE {table} SET {column} = {column}",
        "DELETE": f"DELETE FROM {table}",
    }[command]
    content = f"SELECT md5(string_agg({table}::text, '' ORDER BY {table}::text)) FROM {table}"
    before = ids(content)
    for tenant in world.foreign:
        with pytest.raises(ProgrammingError, match="permission denied"), scope_of(tenant):
            ids(statement)
    assert ids(content) == before


@pytest.mark.parametrize("table", TABLES)
def test_without_a_context_the_client_role_sees_no_row(world: World, table: str) -> None:
    with client_scope([]):
        assert ids(f"SELECT {key_of(table)} FROM {table}") == set()
    with transaction.atomic():
        ids("SELECT set_config('role', %s, true)", CLIENT_ROLE)
        assert ids(f"SELECT {key_of(table)} FROM {table}") == set()


@pytest.mark.parametrize("table", TABLES)
def test_the_application_sees_all(world: World, table: str) -> None:
    everything = ids(f"SELECT {key_of(table)} FROM {table}")
    assert everything >= {row for tenant in world.tenants.values() for row in owned(table, tenant)}


def test_tables_that_are_not_for_clients_are_closed(world: World) -> None:
    closed = sorted(set(catalog()) - set(TABLES))
    assert {"crm_lead", "accounts_user", "crm_numberseries", "events_outboxevent", "crm_legalentity"} <= set(closed)
    for table in closed:
        with pytest.raises(ProgrammingError, match="permission denied"), scope_of(world.attacker):
            ids(f"SELECT 1 FROM {table} LIMIT 1")


def _fail() -> None:
    ids("SELECT 1 / 0")


def _raise() -> None:
    assert role()[0] == CLIENT_ROLE
    raise KeyError("in the view")


@pytest.mark.parametrize("fault", [_fail, _raise])
def test_the_connection_is_itself_again_after_a_fault(world: World, fault: Any) -> None:
    before = role()
    with pytest.raises((DataError, KeyError)), scope_of(world.attacker):
        fault()
    assert role() == before
    assert ids("SELECT id FROM crm_invoice") > owned("crm_invoice", world.attacker)


def test_the_connection_is_itself_again_after_commit_and_rollback(world: World) -> None:
    before = role()
    with scope_of(world.attacker):
        ids("SELECT 1")
    assert role() == before
    with pytest.raises(TransactionManagementError), scope_of(world.attacker):
        transaction.set_rollback(True)
    assert role() == before


def test_a_released_savepoint_does_not_keep_the_role(world: World, settings: Any) -> None:
    settings.CLIENT_SCOPE_DURABLE = False
    before = role()
    with transaction.atomic():
        with scope_of(world.attacker):
            assert role()[0] == CLIENT_ROLE
        assert role() == before
        with pytest.raises(DataError), scope_of(world.attacker):
            _fail()
        assert role() == before
        assert ids("SELECT id FROM crm_invoice") > owned("crm_invoice", world.attacker)
    assert role() == before


def test_a_scope_inside_a_scope_gives_the_outer_one_back(world: World, settings: Any) -> None:
    settings.CLIENT_SCOPE_DURABLE = False
    first, second = world.foreign[:2]
    with scope_of(first):
        with scope_of(second):
            assert ids("SELECT id FROM crm_payment") == _seen(second)
        assert ids("SELECT id FROM crm_payment") == _seen(first)


def _seen(tenant: Tenant) -> set[int]:
    return {tenant.rows["payment"].pk, tenant.rows["other payment"].pk}


def test_in_production_a_scope_is_outermost(world: World) -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic(), scope_of(world.attacker):
        ids("SELECT 1")
    assert django_settings.CLIENT_SCOPE_DURABLE is True


def test_tenants_take_turns_on_one_connection_and_on_many(world: World) -> None:
    """As a pool and as a worker use connections: task after task, tenant after tenant."""

    def task(number: int) -> bool:
        tenant = world.foreign[number % 3]
        try:
            with scope_of(tenant):
                right = ids("SELECT id FROM crm_payment") == _seen(tenant)
                if number % 5 == 0:
                    _fail()
                return right
        except DatabaseError:
            return role()[0] != CLIENT_ROLE

    assert all(task(number) for number in range(30))
    with ThreadPoolExecutor(max_workers=4) as pool:
        assert all(pool.map(lambda number: _in_a_worker(task, number), range(60)))


def _in_a_worker(task: Any, number: int) -> bool:
    try:
        return bool(task(number)) and role()[0] != CLIENT_ROLE
    finally:
        if number % 7 == 0:
            connection.close()


@pytest.mark.parametrize("value", ["1,2", "1); DROP TABLE crm_customer; --", "{1}", "x", "1" * 400, "0x10", "NULL"])
def test_the_setting_is_data_and_no_code(world: World, value: str) -> None:
    with pytest.raises((ValueError, TypeError, DataError)), client_scope([value]):  # type: ignore[list-item]
        ids("SELECT id FROM crm_customer")
    assert ids("SELECT count(*) FROM crm_customer") != {0}


def test_the_catalog_has_no_hole(world: World) -> None:
    assert holes(catalog(), client_owned_tables()) == []


def test_a_planted_hole_in_the_catalog_is_found_and_leaks(world: World) -> None:
    tenant = world.attacker
    for hole, repair in (
        ("ALTER TABLE crm_payment DISABLE ROW LEVEL SECURITY", "ALTER TABLE crm_payment ENABLE ROW LEVEL SECURITY"),
        (
            f"CREATE POLICY wide ON crm_payment FOR SELECT TO {CLIENT_ROLE} USING (true)",
            "DROP POLICY wide ON crm_payment",
        ),
        (f"GRANT SELECT ON crm_lead TO {CLIENT_ROLE}", f"REVOKE SELECT ON crm_lead FROM {CLIENT_ROLE}"),
    ):
        table = "crm_lead" if "crm_lead" in hole else "crm_payment"
        _as_owner(hole)
        try:
            assert holes(catalog(), client_owned_tables()) != [], hole
            with scope_of(tenant):
                assert ids(f"SELECT id FROM {table}") > (owned(table, tenant) if table in MODELS else set())
        finally:
            _as_owner(repair)
    assert holes(catalog(), client_owned_tables()) == []


def _as_owner(statement: str) -> None:
    with owner_login(), connection.cursor() as cursor:
        cursor.execute(statement)

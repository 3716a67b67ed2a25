"""Every client-owned table is under forced row security with both policies; nothing else is open to the client role."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from hashinsight.common.scoping import CLIENT_ROLE, STAFF_ROLE

pytestmark = pytest.mark.django_db
# Tables a client reads as a person, not as a customer's member.
USER_OWNED = {"accounts_apikey", "intelligence_userminer", "intelligence_schedulerun", "intelligence_scheduleentry"}


def client_owned_tables() -> set[str]:
    """Tables whose queryset says how they belong to a customer, and those of the person itself."""
    scoped = {
        model._meta.db_table for model in apps.get_models() if getattr(model._default_manager.all(), "scope_path", "")
    }
    return scoped | USER_OWNED


def catalog() -> dict[str, Any]:
    """Per table: row security on and forced, policies, and what the client role may do."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
                   ARRAY(SELECT p.polname || ':' || r.rolname || ':' || p.polcmd::text
                           FROM pg_policy p JOIN pg_roles r ON r.oid = ANY (p.polroles)
                          WHERE p.polrelid = c.oid ORDER BY 1),
                   ARRAY(SELECT privilege FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE',
                            'REFERENCES', 'TRIGGER']) privilege WHERE has_table_privilege(%s, c.oid, privilege))
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm')
            """,
            [CLIENT_ROLE],
        )
        return {name: (forced, policies, rights) for name, forced, policies, rights in cursor.fetchall()}


def holes(tables: dict[str, Any], owned: set[str]) -> list[str]:
    """What is wrong with the wall, in words."""
    wanted = [f"client_own:{CLIENT_ROLE}:r", f"staff_all:{STAFF_ROLE}:*"]
    found = []
    for name, (forced, policies, rights) in sorted(tables.items()):
        if name in owned:
            if not forced:
                found.append(f"{name}: row security is not forced")
            if policies != wanted:
                found.append(f"{name}: policies {policies}")
            if rights != ["SELECT"]:
                found.append(f"{name}: the client role may {rights}")
        elif rights:
            found.append(f"{name}: open to the client role without being client-owned")
    return found + [f"{name}: no such table" for name in sorted(owned - set(tables))]


def test_the_wall_has_no_hole() -> None:
    assert holes(catalog(), client_owned_tables()) == []


def test_there_is_a_wall_at_all() -> None:
    assert len(client_owned_tables()) >= 10


def test_planted_holes_are_found() -> None:
    tables = catalog()
    owned = client_owned_tables()
    forced, policies, rights = tables["crm_invoice"]
    for planted in (
        (False, policies, rights),
        (forced, policies[:1], rights),
        (forced, policies, ["SELECT", "UPDATE"]),
    ):
        assert holes({**tables, "crm_invoice": planted}, owned) != []
    assert holes({**tables, "crm_lead": (False, [], ["SELECT"])}, owned) != []
    assert holes(tables, owned | {"crm_forgotten"}) != []


def test_the_client_role_is_weak() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper, rolbypassrls, rolcanlogin, rolcreaterole, rolcreatedb,"
            " (SELECT count(*) FROM pg_class c WHERE c.relowner = r.oid)"
            " FROM pg_roles r WHERE rolname = %s",
            [CLIENT_ROLE],
        )
        assert cursor.fetchone() == (False, False, False, False, False, 0)

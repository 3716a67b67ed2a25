"""T20: only triggers write history. The application's login can neither add to it, nor change who did what.

Each control opens the door again as the owner of the tables and sees the same forgery succeed.
"""

from collections.abc import Iterator

import pytest
from django.core.checks import run_checks
from django.db import DatabaseError, connection, transaction

from crm.models import Customer
from hashinsight.common import guards
from hashinsight.common.audit import audit_context
from hashinsight.common.scoping import STAFF_ROLE
from tests.support.database import owner_login
from tests.trust.test_silencing import _two_logins  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet_broker")]

FORGE_CONTEXT = (
    "INSERT INTO pghistory_context (id, metadata, created_at, updated_at)"
    " VALUES (gen_random_uuid(), '{}', now(), now())"
)
BLAME = 'UPDATE pghistory_context SET metadata = \'{"actor": "somebody else"}\''
# No grant is needed for this one: the trigger's own function changes the context that the session names.
BLAME_BY_SETTING = (
    "SELECT set_config('pghistory.context_id', (SELECT id::text FROM pghistory_context LIMIT 1), true),"
    " set_config('pghistory.context_metadata', '{\"actor\": \"somebody else\"}', true)"
)


def _works(*statements: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            transaction.set_rollback(True)
    except DatabaseError:
        return False
    return True


ATTACKS = {
    "context": [FORGE_CONTEXT],
    "blame": [BLAME],
    "setting": [BLAME_BY_SETTING, "UPDATE crm_customer SET company_name = 'Once more'"],
}


@pytest.fixture
def changed(customer_a: Customer) -> Customer:
    with audit_context(actor="alice"):
        Customer.objects.update(company_name="Once")
    return customer_a


@pytest.fixture
def open_doors() -> Iterator[None]:
    """As it was: triggers run as whoever writes, and whoever writes may write history."""
    with owner_login(), connection.cursor() as cursor:
        tables = ", ".join(guards.history_tables())
        cursor.execute(f"GRANT INSERT, UPDATE, DELETE ON {tables} TO {STAFF_ROLE}")
        cursor.execute("DROP TRIGGER keep_context ON pghistory_context")
    yield
    with owner_login():
        guards.close_guards()


@pytest.mark.parametrize("attack", ATTACKS)
def test_nobody_writes_contexts_by_hand(attack: str, changed: Customer) -> None:
    assert not _works(*ATTACKS[attack])


@pytest.mark.parametrize("attack", ATTACKS)
def test_control_with_open_doors_contexts_can_be_forged(attack: str, changed: Customer, open_doors: None) -> None:
    assert _works(*ATTACKS[attack])


def _forge(changed: Customer) -> bool:
    """A line of history that nobody's change has left."""
    event = Customer.pgh_event_model.objects.latest("pgh_id")
    event.pk, event.company_name = None, "Never there"
    try:
        with transaction.atomic():
            event.save(force_insert=True)
            transaction.set_rollback(True)
    except DatabaseError:
        return False
    return True


def test_nobody_adds_a_line_to_the_history(changed: Customer) -> None:
    assert not _forge(changed)


def test_control_with_open_doors_a_line_can_be_added(changed: Customer, open_doors: None) -> None:
    assert _forge(changed)


def test_the_triggers_still_write(changed: Customer) -> None:
    rows = Customer.pgh_event_model.objects.order_by("pgh_id").values_list("company_name", "pgh_context__metadata")
    assert list(rows)[-1] == ("Once", {"actor": "alice", "actor_name": "alice"})


def test_the_check_is_content_and_would_tell(changed: Customer) -> None:
    assert guards.open_history() == []
    assert len(guards.history_tables()) > 20
    with owner_login(), connection.cursor() as cursor:
        cursor.execute(f"GRANT INSERT ON crm_customerevent TO {STAFF_ROLE}")
    try:
        assert "hashinsight.E005" in [one.id for one in run_checks(databases=["default"])]
    finally:
        with owner_login():
            guards.close_guards()

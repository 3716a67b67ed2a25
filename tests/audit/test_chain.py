"""T20: the sealed history. Deletion, edit, reordering and insertion in the past are each found and named.

Only the owner of the tables could do any of this; the tests do it as the owner, with the guards off.
"""

import os
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from crm.models import Customer
from hashinsight.audit.domain import sealing, verifying
from hashinsight.audit.domain.rows import read_rows
from hashinsight.audit.domain.sealing import seal_all
from hashinsight.audit.domain.verifying import Break, verify_chain
from hashinsight.audit.models import AuditBatch
from hashinsight.common.audit import audit_context
from tests.factories import NOW, CustomerFactory
from tests.support.database import owner_login

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet_broker")]
NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
ROWS = 100_000 if NIGHTLY else 300
TABLE = "crm_customerevent"


@pytest.fixture
def quiet_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    from hashinsight.jobs import queue

    monkeypatch.setitem(queue._silence, "until", float("inf"))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests on the same server may be writing all the time; here nobody else writes to this database."""
    monkeypatch.setattr(sealing, "_limits", _limits)


def _limits() -> dict[str, int]:
    with transaction.atomic():
        found = REAL_LIMITS()
    assert found is not None
    return found


REAL_LIMITS = sealing._limits
PART = 300


@pytest.fixture
def sealed() -> Customer:
    """A history of many rows, sealed."""
    customer = CustomerFactory(company_name="A")
    for start in range(0, ROWS, PART):  # in parts: each update walks over all that its transaction left behind
        with audit_context(actor="alice", reason="to have a history"), connection.cursor() as cursor:
            cursor.execute(
                f"DO $$ BEGIN FOR n IN {start + 1}..{min(start + PART, ROWS)} LOOP"
                " UPDATE crm_customer SET company_name = 'Name ' || n; END LOOP; END $$"
            )
    with audit_context(actor="bob"):
        Customer.objects.update(company_name="The end")
    seal_all(at=NOW, most=max(100, ROWS // 20))
    return customer


def _tamper(*statements: str) -> None:
    with owner_login(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in (TABLE, "pghistory_context", "audit_auditbatch"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(statement)
        for table in (TABLE, "pghistory_context", "audit_auditbatch"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def _row(place: int) -> int:
    return int(Customer.pgh_event_model.objects.order_by("pgh_id").values_list("pgh_id", flat=True)[place])


def test_what_nobody_touched_verifies_and_a_second_run_seals_nothing(sealed: Customer) -> None:
    verdict = verify_chain()
    total = sum(AuditBatch.objects.values_list("row_count", flat=True))
    assert (verdict.broken, verdict.rows) == (None, total)
    assert total > ROWS
    assert seal_all(at=NOW) == {"batches": 0, "rows": 0}
    Customer.objects.update(company_name="After")
    assert seal_all(at=NOW) == {"batches": 1, "rows": 1}
    assert verify_chain(expected_head=verdict.head).broken is None


def _edit(row: int) -> list[str]:
    return [f"UPDATE {TABLE} SET company_name = 'Never there' WHERE pgh_id = {row}"]


def _delete(row: int) -> list[str]:
    return [f"DELETE FROM {TABLE} WHERE pgh_id = {row}"]


def _reorder(row: int) -> list[str]:
    return [
        f"UPDATE {TABLE} SET pgh_id = -1 WHERE pgh_id = {row}",
        f"UPDATE {TABLE} SET pgh_id = {row} WHERE pgh_id = {row + 1}",
        f"UPDATE {TABLE} SET pgh_id = {row + 1} WHERE pgh_id = -1",
    ]


def _insert(row: int) -> list[str]:
    """In place of one that was deleted, which is what a forger would have to do: ids leave no gap here."""
    return [
        f"CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM {TABLE} WHERE pgh_id = {row}",
        f"DELETE FROM {TABLE} WHERE pgh_id = {row}",
        "UPDATE kept SET company_name = 'Smuggled in'",
        f"INSERT INTO {TABLE} SELECT * FROM kept",
    ]


def _blame(row: int) -> list[str]:
    """Who did it stands in another table."""
    return [
        'UPDATE pghistory_context SET metadata = metadata || \'{"actor": "bob"}\''
        f" WHERE id = (SELECT pgh_context_id FROM {TABLE} WHERE pgh_id = {row})"
    ]


@pytest.mark.parametrize(
    ("deed", "what"),
    [(_edit, "changed"), (_delete, "gone"), (_reorder, "changed"), (_insert, "changed")],
)
def test_the_first_broken_row_is_named(sealed: Customer, deed: Callable[[int], list[str]], what: str) -> None:
    row = _row(ROWS // 2)
    _tamper(*deed(row))
    broken = verify_chain().broken
    assert broken is not None
    assert (broken.table, broken.row_id) == (TABLE, row)
    assert what in broken.what
    with pytest.raises(CommandError, match=f"{TABLE} {row}"):
        call_command("verify_audit", stdout=StringIO())


def test_a_row_smuggled_into_a_gap_is_found(sealed: Customer) -> None:
    row = _row(ROWS // 2)
    _tamper(*_delete(row))
    with transaction.atomic():
        AuditBatch.objects.model.objects.count()
    _tamper(
        f"CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM {TABLE} WHERE pgh_id = {row + 1}",
        f"UPDATE kept SET pgh_id = {row}",
        f"INSERT INTO {TABLE} SELECT * FROM kept",
    )
    broken = verify_chain().broken
    assert broken is not None
    assert broken.row_id == row


def test_another_culprit_is_found(sealed: Customer) -> None:
    _tamper(*_blame(_row(ROWS // 2)))
    broken = verify_chain().broken
    assert broken is not None
    assert (broken.table, broken.row_id is not None) == (TABLE, True)


def test_a_row_added_below_the_end_is_found(sealed: Customer) -> None:
    _tamper(
        f"CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM {TABLE} ORDER BY pgh_id LIMIT 1",
        "UPDATE kept SET pgh_id = 0 WHERE false",
        f"UPDATE kept SET pgh_id = (SELECT min(pgh_id) FROM {TABLE}) - 1",
        f"INSERT INTO {TABLE} SELECT * FROM kept WHERE pgh_id > 0",
    )
    first = _row(0)
    broken = verify_chain().broken
    batch = AuditBatch.objects.filter(table=TABLE).order_by("number").first()
    assert batch is not None
    if first > batch.first_id and first not in {row for row, _digest in _sealed_rows(batch)}:
        assert broken == Break(batch.number, TABLE, first, "the row was added later")


def _sealed_rows(batch: AuditBatch) -> list[tuple[int, bytes]]:
    from hashinsight.audit.engine.chain import unpack

    return list(unpack(bytes(batch.contents)))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_auditbatch WHERE number = 2",
        "UPDATE audit_auditbatch SET contents = '' WHERE number = 2",
        "UPDATE audit_auditbatch SET row_count = 1 WHERE number = 2",
        "UPDATE audit_auditbatch SET signature = repeat('0', 64) WHERE number = 2",
        "UPDATE audit_auditbatch SET number = number + 1000 WHERE number = 2",
    ],
)
def test_a_broken_link_is_found(sealed: Customer, statement: str) -> None:
    _tamper(statement)
    broken = verify_chain().broken
    assert broken is not None
    assert broken.row_id is None


def test_a_chain_made_anew_without_the_key_is_found(sealed: Customer, settings: pytest.FixtureRequest) -> None:
    _tamper(*_edit(_row(ROWS // 2)), "DELETE FROM audit_auditbatch")
    settings.AUDIT_SEAL_KEYS = ["a key the forger made up"]
    seal_all(at=NOW)
    settings.AUDIT_SEAL_KEYS = []
    broken = verify_chain().broken
    assert broken is not None
    assert "signed" in broken.what


def test_an_end_that_was_cut_off_is_found_with_a_hash_noted_before(sealed: Customer) -> None:
    head = verify_chain().head
    _tamper("DELETE FROM audit_auditbatch WHERE number = (SELECT max(number) FROM audit_auditbatch)")
    assert verify_chain().broken is None  # nothing inside the database could tell
    assert verify_chain(expected_head=head).broken is not None


def test_keys_change_and_old_batches_still_verify(sealed: Customer, settings: pytest.FixtureRequest) -> None:
    import hashlib
    import hmac

    from django.conf import settings as real

    derived = hmac.new(real.SECRET_KEY.encode(), b"audit seal", hashlib.sha256).hexdigest()
    settings.AUDIT_SEAL_KEYS = ["new", derived]
    Customer.objects.update(company_name="Under the new key")
    seal_all(at=NOW)
    assert verify_chain().broken is None


def test_control_a_verifier_that_reads_no_rows_finds_nothing(sealed: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    _tamper(*_edit(_row(ROWS // 2)))
    assert verify_chain().broken is not None
    monkeypatch.setattr(verifying, "verify_rows", lambda batch: None)
    assert verify_chain().broken is None


def test_the_application_cannot_change_a_batch(sealed: Customer) -> None:
    for statement in ("UPDATE audit_auditbatch SET row_count = 0", "DELETE FROM audit_auditbatch"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_the_canonical_form_does_not_depend_on_the_session(sealed: Customer) -> None:
    columns = AuditBatch.objects.filter(table=TABLE).first().columns
    row = _row(0)
    found = []
    for zone, style in (("UTC", "ISO"), ("Asia/Tokyo", "German")):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL TimeZone = '{zone}'; SET LOCAL DateStyle = '{style}'")
            found.append(read_rows(TABLE, columns, after=row - 1, to=row))
    assert found[0] == found[1]

"""Real backups of a real server: restored, compared, to a moment, encrypted, damaged. T16.

After the restore the product is started on the copy: nothing that waited there leaves the house.
"""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command

from hashinsight.backup.clients.scratch import ScratchServer
from tests.backup.house import House, open_house, served

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
long_run = pytest.mark.skipif(not NIGHTLY, reason="LOUD: a restore of its own, tried with --nightly")
LEDGER_ROWS = 200_000 if NIGHTLY else 2_000
MAILS, OLD_EVENTS = 40, 25

FILL = f"""
CREATE TABLE ledger_like (id bigserial PRIMARY KEY, account int, amount numeric(20, 8), at timestamptz, words text);
ALTER TABLE ledger_like OWNER TO hashinsight_owner;
INSERT INTO ledger_like (account, amount, at, words)
SELECT n % 97, (n * 7919 % 1000003)::numeric / 1000, '2026-01-01'::timestamptz + n * interval '1 minute', md5(n::text)
  FROM generate_series(1, {LEDGER_ROWS}) n;
INSERT INTO jobs_duework (kind, key, payload, queue, state, attempts, max_attempts, last_error, request_id,
                          claimed_by, not_before, created_at)
SELECT 'crm.send_invoice_email', n::text, '{{"delivery_id": 0}}', 'default', 'pending', 0, 8, '', '', '', now(), now()
  FROM generate_series(1, {MAILS}) n;
INSERT INTO events_outboxevent (event_id, kind, schema_version, aggregate_type, aggregate_id, payload, request_id,
                                status, attempts, created_at)
SELECT gen_random_uuid(), 'lead.created', 1, 'crm.lead', n::text, '{{"lead_id": "x", "status": "new"}}', '',
       'pending', 0, now()
  FROM generate_series(1, {OLD_EVENTS}) n;
"""
# What a person and a worker do on the copy, one after the other.
HOLD_AND_RELEASE = """
at_once = work_off()
shown = command("hold")
command("hold", "--release", "--reason", "looked at")
print(json.dumps([at_once, shown, work_off(), command("hold")]))
"""
AS_RESTORED = """
DELETE FROM common_incarnation;
UPDATE jobs_duework SET state = 'pending', attempts = 0, last_error = '', done_at = NULL, not_before = created_at;
"""


@pytest.fixture(scope="module")
def house(django_db_setup: None) -> Iterator[House]:
    """A ledger, mails that wait, events that wait."""
    with open_house(archive=True) as one:
        for statement in FILL.split(";\n"):
            if statement.strip():
                one.sql(statement, one.superuser)
        one.backup = one.well("backup").partition(":")[0]
        yield one


def _report(house: House) -> dict[str, object]:
    columns = "state, is_exact, tables, row_count, differing, rto_seconds, rpo_seconds, error, ledger"
    row = house.sql(f"SELECT {columns} FROM backup_restoredrill ORDER BY id DESC LIMIT 1")[0]
    return dict(zip(columns.split(", "), row, strict=True))


def test_a_drill_finds_every_table_equal_and_says_so(house: House) -> None:
    print(house.well("restore_drill"))
    report = _report(house)
    assert (report["state"], report["is_exact"], report["differing"], report["error"]) == ("done", True, [], "")
    assert report["row_count"] > LEDGER_ROWS
    assert report["rto_seconds"] < 1800
    assert report["rpo_seconds"] < 900


@long_run
def test_control_a_drill_finds_one_changed_figure(house: House) -> None:
    path = house.shelf / house.backup / "manifest.json"
    before = path.read_text()
    known = json.loads(before)
    rows, digest = known["mark"]["tables"]["ledger_like"]
    known["mark"]["tables"]["ledger_like"] = [rows, digest[:-1] + str((int(digest[-1]) + 1) % 10)]
    path.write_text(json.dumps(known))
    try:
        done = house.manage("restore_drill")
    finally:
        path.write_text(before)
    assert (done.returncode, "Differing: ledger_like." in done.stderr) == (1, True)
    assert (_report(house)["state"], _report(house)["differing"]) == ("failed", ["ledger_like"])


def test_the_database_comes_back_as_it_was_at_a_moment(house: House) -> None:
    house.sql("INSERT INTO ledger_like (account, amount) VALUES (1000, 1)", house.superuser)
    time.sleep(0.2)
    moment = datetime.now(UTC)
    time.sleep(0.2)
    house.sql("DELETE FROM ledger_like WHERE account <> 1000", house.superuser)  # what nobody wanted
    _archive(house)
    into = house.folder / "moment"
    house.well("restore", "--to", moment.isoformat(), "--into", str(into))
    try:
        with served(into) as server, server.session("hashinsight", "postgres") as copy:
            rows = copy.execute("SELECT count(*), count(*) FILTER (WHERE account = 1000) FROM ledger_like").fetchone()
            life = copy.execute(
                "SELECT is_restored, restored_to, held_at IS NOT NULL, released_at FROM common_incarnation"
                " WHERE is_current"
            ).fetchone()
    finally:
        house.sql(
            "INSERT INTO ledger_like (account, words) SELECT 1, md5(n::text) FROM generate_series(1, 10) n",
            house.superuser,
        )
    assert rows == (LEDGER_ROWS + 1, 1)
    assert life == (True, moment, True, None)


def _archive(house: House) -> None:
    """What was written just now has reached the archive."""
    name = house.sql("SELECT pg_walfile_name(pg_current_wal_insert_lsn())", house.superuser)[0][0]
    house.sql("SELECT pg_switch_wal()", house.superuser)
    end = time.monotonic() + 30
    while not (Path(house.env["BACKUP_WAL_DIR"]) / name).exists():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def restored(house: House) -> Iterator[ScratchServer]:
    """Forty mails and 25 events waited in the backup; the original has sent them meanwhile."""
    into = house.folder / "again"
    house.well("restore", "--backup", house.backup, "--into", str(into), "--reason", "disk broke")
    with served(into) as server:
        yield server


def test_after_a_restore_nothing_acts_twice(house: House, restored: ScratchServer) -> None:
    url = f"postgresql://hashinsight_app@/hashinsight?host={restored.folder}"
    at_once, shown, afterwards, at_last = house.told(HOLD_AND_RELEASE, url)
    assert at_once == []
    assert f"{MAILS} crm.send_invoice_email: from before the restore, set aside on release" in shown
    assert afterwards == []
    states = house.sql("SELECT state, count(*) FROM jobs_duework GROUP BY 1", url)
    assert states == [("failed", MAILS)]
    assert "not held" in at_last


def test_control_without_the_hold_every_mail_goes_out_again(house: House, restored: ScratchServer) -> None:
    """The same copy as it was before anybody looked, but without the row that says what it is."""
    house.sql(AS_RESTORED, f"postgresql://postgres@/hashinsight?host={restored.folder}")
    url = f"postgresql://hashinsight_app@/hashinsight?host={restored.folder}"
    assert len(house.worker_does(url)) == MAILS


@long_run
def test_a_database_brought_back_by_other_means_is_recognised(house: House) -> None:
    """No command of ours has touched this copy: the row still speaks of the original."""
    house.well("backup", "--dump", "--keep-all")
    into = house.folder / "foreign"
    house.well("restore", "--into", str(into))
    with served(into) as server:
        admin = f"postgresql://postgres@/hashinsight?host={server.folder}"
        house.sql("DELETE FROM common_incarnation WHERE is_current", admin)
        house.sql("UPDATE common_incarnation SET is_current = true", admin)
        url = f"postgresql://hashinsight_app@/hashinsight?host={server.folder}"
        assert house.worker_does(url) == []
        assert "held since" in house.well("hold", DATABASE_URL=url)


@long_run
def test_an_encrypted_backup_needs_its_key(house: House) -> None:
    name = house.well("backup", "--dump", "--keep-all", BACKUP_KEY=KEY).partition(":")[0]
    content = b"".join(path.read_bytes() for path in (house.shelf / name).iterdir() if path.name != "manifest.json")
    assert (b"PGDMP" in content, (house.shelf / name / "database.dump").exists()) == (False, False)
    into = str(house.folder / "sealed")
    assert "set BACKUP_KEY" in house.manage("restore", "--backup", name, "--into", into).stderr
    other = KEY.replace("MDEy", "MDEz")
    assert "another key" in house.manage("restore", "--backup", name, "--into", into, BACKUP_KEY=other).stderr
    assert not Path(into).exists()
    house.well("restore", "--backup", name, "--into", into, BACKUP_KEY=KEY)


@pytest.fixture
def shelf(house: House, settings: Any) -> Path:
    """This process looks at the same backups."""
    settings.BACKUP_DIR, settings.BACKUP_WAL_DIR = str(house.shelf), house.env["BACKUP_WAL_DIR"]
    return house.shelf


def refused(*words: str) -> str:
    """What ``restore`` says before it refuses."""
    with pytest.raises(CommandError) as refusal:
        call_command("restore", *words)
    return str(refusal.value)


def test_a_damaged_backup_is_refused_and_nothing_is_left(house: House, shelf: Path) -> None:
    path = shelf / house.backup / "base.tar.gz"
    before = path.read_bytes()
    path.write_bytes(before[:1000] + bytes([before[1000] ^ 1]) + before[1001:])
    into = house.folder / "damaged"
    try:
        said = refused("--backup", house.backup, "--into", str(into))
    finally:
        path.write_bytes(before)
    assert "base.tar.gz" in said
    assert "is not what was backed up" in said
    assert not into.exists()


def test_a_restore_writes_over_nothing(house: House, shelf: Path) -> None:
    into = house.folder / "occupied"
    into.mkdir()
    (into / "mine").write_text("precious")
    assert "is not empty" in refused("--into", str(into))
    assert (into / "mine").read_text() == "precious"


def test_a_moment_before_the_first_backup_is_refused(house: House, shelf: Path) -> None:
    early = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    into = house.folder / "early"
    done = house.manage("restore", "--to", early, "--into", str(into))
    assert (done.returncode, "no base backup" in done.stderr) == (1, True)
    assert "with its offset" in refused("--to", "yesterday", "--into", str(into))
    assert not into.exists()


def test_the_login_of_the_backups_writes_nothing(house: House) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        house.sql("DELETE FROM jobs_duework", house.env["BACKUP_DATABASE_URL"])

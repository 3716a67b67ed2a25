"""Making a backup, and letting old ones go."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.utils.translation import gettext as _
from psycopg import connect as open_connection

from hashinsight.backup.clients import tools
from hashinsight.backup.domain import checksums, shelf
from hashinsight.backup.domain.shelf import BackupRefused
from hashinsight.backup.engine import manifest as files
from hashinsight.backup.engine import rotation, sealing
from hashinsight.backup.engine.manifest import Manifest, Mark
from hashinsight.backup.enums import BackupKind, BackupState
from hashinsight.backup.models import Backup
from hashinsight.common import hold

Clock = Callable[[], datetime]
ARCHIVE_SECONDS = 120.0
_ROLES = """
SELECT r.rolname, r.rolcanlogin, r.rolcreatedb, r.rolreplication, r.rolbypassrls,
       coalesce(array_agg(g.rolname ORDER BY g.rolname) FILTER (WHERE g.rolname IS NOT NULL), '{}')
  FROM pg_roles r LEFT JOIN pg_auth_members m ON m.member = r.oid LEFT JOIN pg_roles g ON g.oid = m.roleid
 WHERE NOT r.rolsuper AND r.rolname NOT LIKE 'pg\\_%' GROUP BY 1, 2, 3, 4, 5 ORDER BY 1
"""


@dataclass(frozen=True)
class Source:
    """The database that is backed up, and the place that is being filled."""

    url: str
    folder: Path
    tick: Callable[[], object] | None


def default_kind() -> str:
    """A base backup where the server archives its log, else a dump."""
    with _connect() as connection:
        row = connection.execute("SHOW archive_mode").fetchone()
    archives = row is not None and row[0] != "off" and shelf.wal_folder() is not None
    return BackupKind.BASE if archives else BackupKind.DUMP


def take_backup(kind: str, *, clock: Clock, tick: Callable[[], object] | None = None) -> Backup:
    """Make one backup of ``kind`` and return its row; raises BackupRefused, and leaves nothing half made.

    The files are made under a name that begins with a dot and get theirs as the last step, after the manifest.
    """
    hold.current_life()  # so that a database restored from this backup knows that it is another one
    started = clock()
    name = f"{started:%Y%m%dT%H%M%S%fZ}-{kind}"
    row = Backup.objects.create(name=name, kind=kind, started_at=started, is_encrypted=bool(settings.BACKUP_KEY))
    draft = shelf.shelf() / f".{name}"
    try:
        draft.mkdir(mode=0o700)
        made = _make(kind, name, draft, started=started, clock=clock, tick=tick)
        row.manifest_sha256 = files.write(made, draft)
        draft.rename(draft.with_name(name))
    except (tools.ToolFailed, sealing.BadKey, psycopg.Error, OSError) as error:
        shutil.rmtree(draft, ignore_errors=True)
        row.state, row.error, row.finished_at = BackupState.FAILED, f"{type(error).__name__}: {error}"[:2000], clock()
        row.save()
        raise BackupRefused(str(error).strip()) from error
    row.state, row.finished_at = BackupState.DONE, made.finished
    row.size_bytes, row.schema_version = made.size_bytes, made.schema_version
    row.save()
    return row


def _make(
    kind: str, name: str, draft: Path, *, started: datetime, clock: Clock, tick: Callable[[], object] | None
) -> Manifest:
    source = Source(settings.BACKUP_DATABASE_URL, draft, tick)
    key = shelf.key()
    with _connect() as connection:
        mark, start_wal = _base(source, connection) if kind == BackupKind.BASE else _dump(source, connection)
        roles = [dict(zip(_ROLE_FIELDS, row, strict=True)) for row in connection.execute(_ROLES).fetchall()]
        schema = _schema_version(connection)
        version = connection.info.server_version
        database = connection.info.dbname
    if key is not None:
        for path in [one for one in draft.iterdir() if one.is_file()]:
            sealing.seal(path, key)
    return Manifest(
        name=name,
        kind=kind,
        database=database,
        started_at=started.isoformat(),
        finished_at=clock().isoformat(),
        server_version=version,
        schema_version=schema,
        is_encrypted=key is not None,
        files=files.entries_of(draft),
        mark=mark,
        start_wal=start_wal,
        roles=roles,
    )


_ROLE_FIELDS = ("name", "login", "createdb", "replication", "bypassrls", "member_of")


def _connect() -> "psycopg.Connection[Any]":
    if not settings.BACKUP_DATABASE_URL:
        raise BackupRefused(_("Set BACKUP_DATABASE_URL: a login that may replicate and read every row."))
    try:
        return open_connection(settings.BACKUP_DATABASE_URL, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise BackupRefused(_("BACKUP_DATABASE_URL: %(error)s") % {"error": error}) from error


def _base(source: Source, connection: "psycopg.Connection[Any]") -> tuple[Mark, str]:
    """All files of the server, and behind them a mark in the log whose archived file has arrived."""
    folder = shelf.wal_folder()
    if folder is None:
        raise tools.ToolFailed("a base backup needs the archive of the log: set BACKUP_WAL_DIR, or make a dump")
    arguments = ["--pgdata", str(source.folder), "--format=tar", "--gzip", "--wal-method=stream"]
    arguments += ["--checkpoint=fast", "--manifest-checksums=SHA256", "--no-password", "--label=hashinsight"]
    tools.run("pg_basebackup", arguments, env=tools.login_env(source.url), tick=source.tick)
    mark = checksums.take_mark(connection)
    row = connection.execute("SELECT pg_walfile_name(%s::pg_lsn), pg_switch_wal()", [mark.lsn]).fetchone()
    assert row is not None
    arrived = folder / str(row[0])
    tools.wait_until(arrived.exists, seconds=ARCHIVE_SECONDS, what=f"{arrived.name} in the archive {folder}")
    ranges = json.loads((source.folder / "backup_manifest").read_text("utf-8"))["WAL-Ranges"]
    return mark, rotation.wal_name(int(ranges[0]["Timeline"]), str(ranges[0]["Start-LSN"]))


def _dump(source: Source, connection: "psycopg.Connection[Any]") -> tuple[Mark, str]:
    """One consistent picture: the dump and the checksums see the same snapshot, so they are always exact."""
    moment = checksums.begin_snapshot(connection)
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    assert row is not None
    arguments = ["--format=custom", "--compress=6", "--no-password", f"--snapshot={row[0]}"]
    arguments += ["--file", str(source.folder / "database.dump")]
    tools.run("pg_dump", arguments, env=tools.login_env(source.url), tick=source.tick)
    tables = checksums.all_tables(connection)
    connection.execute("ROLLBACK")
    return Mark(moment.lsn, moment.at, True, tables), ""


def _schema_version(connection: "psycopg.Connection[Any]") -> str:
    """A digest of all applied migrations."""
    rows = connection.execute("SELECT app || '.' || name FROM django_migrations ORDER BY 1").fetchall()
    return hashlib.sha256("\n".join(name for (name,) in rows).encode()).hexdigest()[:16]


def rotate(*, at: datetime) -> dict[str, int]:
    """Delete what the rotation lets go, and the log files nobody needs any more; returns how many of each."""
    gone = shelf.due_for_removal(at=at)
    for one in gone:
        target = shelf.shelf() / one.name
        doomed = target.with_name(f".{one.name}.removed")
        target.rename(doomed)  # from now on it is no backup any more, however far the deletion comes
        shutil.rmtree(doomed, ignore_errors=True)
        Backup.objects.filter(name=one.name, state=BackupState.DONE).update(state=BackupState.REMOVED)
    return {"removed": len(gone), "log_files": shelf.prune_wal(shelf.complete_backups())}

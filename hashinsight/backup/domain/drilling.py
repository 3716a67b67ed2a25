"""Trying whether a backup can really be restored, and what it costs."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import get_commands

from hashinsight.backup.clients import tools
from hashinsight.backup.clients.scratch import ScratchServer
from hashinsight.backup.domain import checksums, shelf
from hashinsight.backup.domain.restoring import Restored, Target, restore
from hashinsight.backup.domain.shelf import BackupRefused
from hashinsight.backup.engine.manifest import Manifest
from hashinsight.backup.enums import BackupKind, BackupState
from hashinsight.backup.models import Backup, RestoreDrill

LEDGER_COMMAND = "check_ledger"
# A row the restore itself writes: the new life of the database.
WRITTEN_BY_RESTORE = frozenset({"common_incarnation", "common_incarnationevent"})


def restore_drill(
    *, clock: Callable[[], datetime], name: str = "", tick: Callable[[], object] | None = None
) -> RestoreDrill:
    """Restore a backup (the newest one without a name) into a scratch folder and compare every table; keep a report.

    Returns the report whatever came out; raises BackupRefused only when there is nothing to try.
    """
    backup = shelf.choose(name, to=None)
    began = clock()
    drill = RestoreDrill.objects.create(
        backup=Backup.objects.filter(name=backup.name).first(), backup_name=backup.name, started_at=began,
        rpo_seconds=_would_be_lost(backup, at=began), is_exact=backup.mark.is_exact,
    )  # fmt: skip
    try:
        with tempfile.TemporaryDirectory(prefix="hi-drill-", dir="/tmp") as temporary:
            place = Path(temporary)
            place.chmod(0o755)
            lsn = backup.mark.lsn if backup.kind == BackupKind.BASE else ""
            found = restore(backup, place / "data", target=Target(lsn=lsn), reason="restore drill", tick=tick)
            _compare(drill, backup, found)
    except (BackupRefused, tools.ToolFailed, psycopg.Error, OSError) as error:
        drill.state, drill.error = BackupState.FAILED, str(error).strip()[:2000]
    drill.finished_at = clock()
    drill.save()
    return drill


def _compare(drill: RestoreDrill, backup: Manifest, found: Restored) -> None:
    drill.rto_seconds = round(found.seconds, 3)
    with ScratchServer(found.data) as server:
        user = server.superuser()
        with server.session(found.database, user) as connection:
            checksums.begin_snapshot(connection)
            tables = checksums.all_tables(connection)
            connection.execute("ROLLBACK")
        drill.ledger = _ledger(f"postgresql://{user}@/{found.database}?host={server.folder}")
    drill.tables, drill.row_count = len(tables), sum(count for count, _digest in tables.values())
    drill.differing = [one for one in checksums.differing(backup.mark, tables) if one not in WRITTEN_BY_RESTORE]
    well = not drill.differing and drill.ledger in ("", "ok")
    drill.state = BackupState.DONE if well else BackupState.FAILED
    if drill.differing and not backup.mark.is_exact:
        drill.error = "The server was busy when the backup was marked, so tables may differ for that reason alone."


def _ledger(url: str) -> str:
    """Whether the books agree in the restored database; '' where there is no command that could tell."""
    if LEDGER_COMMAND not in get_commands():
        return ""
    done = subprocess.run(  # noqa: S603  (our own arguments)
        [sys.executable, str(settings.BASE_DIR / "manage.py"), LEDGER_COMMAND],
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
        cwd=settings.BASE_DIR,
    )
    return "ok" if done.returncode == 0 else (done.stderr or done.stdout).strip()[-200:] or "failed"


def _would_be_lost(backup: Manifest, *, at: datetime) -> float:
    """Seconds since the newest thing we have: the last archived log file, or the moment of the dump."""
    newest = backup.finished
    archive = shelf.wal_folder()
    if backup.kind == BackupKind.BASE and archive is not None and archive.is_dir():
        times = [path.stat().st_mtime for path in archive.iterdir() if len(path.name) == 24]
        newest = max([newest, *(datetime.fromtimestamp(moment, UTC) for moment in times)])
    return round(max(0.0, (at - newest).total_seconds()), 1)

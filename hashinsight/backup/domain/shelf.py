"""The folder with the backups, and how the settings say to treat it."""

from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from hashinsight.backup.engine import manifest, rotation, sealing
from hashinsight.backup.engine.manifest import BadBackup, Manifest
from hashinsight.common.errors import DomainError


class BackupRefused(DomainError):
    """It cannot be done like this; the message says what to change."""

    code = "backup_refused"


def shelf() -> Path:
    """Where backups lie; made on first use, for our eyes only."""
    folder = Path(settings.BACKUP_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def wal_folder() -> Path | None:
    """Where the server archives its log, as seen from here; None when no archive is set."""
    return Path(settings.BACKUP_WAL_DIR) if settings.BACKUP_WAL_DIR else None


def key() -> bytes | None:
    """The key of the backups; None when they are not encrypted."""
    return sealing.key_from(settings.BACKUP_KEY) if settings.BACKUP_KEY else None


def complete_backups() -> list[Manifest]:
    """All backups with a manifest, oldest first; drafts and strange folders are passed over."""
    found = []
    for folder in shelf().iterdir():
        if folder.is_dir() and not folder.name.startswith("."):
            try:
                found.append(manifest.read(folder))
            except BadBackup:
                continue
    return sorted(found, key=lambda one: one.started)


def choose(name: str, *, to: datetime | None) -> Manifest:
    """The backup of that name; without one the newest that is older than ``to``. Raises BackupRefused."""
    known = complete_backups()
    if name:
        for one in known:
            if one.name == name:
                return one
        raise BackupRefused(
            _("There is no complete backup %(name)s in %(folder)s.") % {"name": name, "folder": shelf()}
        )
    fitting = [one for one in known if to is None or (one.kind == "base" and one.finished <= to)]
    if not fitting:
        text = _("There is no complete backup in %(folder)s.")
        if to:
            text = _("There is no base backup in %(folder)s that was complete before %(moment)s.")
        raise BackupRefused(text % {"folder": shelf(), "moment": to})
    return fitting[-1]


def prune_wal(kept: list[Manifest]) -> int:
    """Delete archived log files that no base backup needs any more; returns how many."""
    folder = wal_folder()
    starts = [one.start_wal[8:] for one in kept if one.start_wal]
    if folder is None or not starts or not folder.is_dir():
        return 0
    first, removed = min(starts), 0
    for path in folder.iterdir():
        if len(path.name) >= 24 and path.name[8:24] < first and set(path.name[:24]) <= set("0123456789ABCDEF"):
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def due_for_removal(*, at: datetime) -> list[Manifest]:
    """What the rotation lets go."""
    return rotation.to_remove(
        complete_backups(), at=at, keep_days=settings.BACKUP_KEEP_DAYS, keep_months=settings.BACKUP_KEEP_MONTHS
    )

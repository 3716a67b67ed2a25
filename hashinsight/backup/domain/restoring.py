"""Bringing a backup back: always into a place that is empty, never over one that lives."""

import shlex
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from django.utils.translation import gettext as _
from psycopg import sql

from hashinsight.backup.clients import tools
from hashinsight.backup.clients.scratch import ScratchServer
from hashinsight.backup.domain import shelf
from hashinsight.backup.domain.shelf import BackupRefused
from hashinsight.backup.engine import manifest as files
from hashinsight.backup.engine import sealing
from hashinsight.backup.engine.manifest import Manifest
from hashinsight.backup.enums import BackupKind

Tick = Callable[[], object]
MARK = "# Written by the restore; taken out again when the recovery has ended."
_BEGIN = """
INSERT INTO common_incarnation (public_id, created_at, updated_at, version, fingerprint, is_current, is_restored,
                                restored_to, began_at, held_at, released_by, reason)
SELECT gen_random_uuid(), clock_timestamp(), clock_timestamp(), 1,
       (SELECT system_identifier FROM pg_control_system())::text
       || '-' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)
       || '-' || (SELECT oid FROM pg_database WHERE datname = current_database()),
       true, true, %s, clock_timestamp(), clock_timestamp(), '', %s
"""


@dataclass(frozen=True)
class Target:
    """How far the log is replayed: to a moment, to a place, or to its end (neither)."""

    to: datetime | None = None
    lsn: str = ""

    def settings(self) -> dict[str, str]:
        """As PostgreSQL wants it said."""
        if self.lsn:
            return {"recovery_target_lsn": self.lsn, "recovery_target_inclusive": "off"}
        return {"recovery_target_time": self.to.isoformat()} if self.to else {}


@dataclass(frozen=True)
class Restored:
    """A data directory that is ready to be served, and how long it took to get there."""

    data: Path
    database: str
    seconds: float
    shows: str  # the time of the newest transaction in it, as the server says it


def restore(backup: Manifest, into: Path, *, target: Target, reason: str, tick: Tick | None = None) -> Restored:
    """Make a data directory in ``into`` (which must not exist, or be empty) that shows the backup, held.

    The files are checked against the manifest first. A dump knows one moment only and takes no target. Raises
    BackupRefused; what was begun in ``into`` is removed again.
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise BackupRefused(
            _("%(folder)s is not empty. A restore never writes over anything; name another folder.") % {"folder": into}
        )
    if backup.kind == BackupKind.DUMP and (target.to or target.lsn):
        raise BackupRefused(
            _("%(name)s is a dump: it shows the moment it was made and no other.") % {"name": backup.name}
        )
    begin = time.monotonic()
    was_there = into.exists()
    folder = shelf.shelf() / backup.name
    try:
        files.verify(backup, folder)
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="hi-restore-", dir=into.parent) as temporary:
            workplace = Path(temporary)
            workplace.chmod(0o755)
            plain = _opened(backup, folder, workplace)
            if backup.kind == BackupKind.BASE:
                shows = _restore_base(backup, plain, into, workplace, target=target, reason=reason, tick=tick)
            else:
                shows = _restore_dump(backup, plain, into, reason=reason, tick=tick)
    except (tools.ToolFailed, sealing.BadKey, files.BadBackup, psycopg.Error, OSError) as error:
        shutil.rmtree(into, ignore_errors=True)
        if was_there:
            into.mkdir(mode=0o700)
        raise BackupRefused(str(error).strip()) from error
    return Restored(into, backup.database, time.monotonic() - begin, shows)


def _opened(backup: Manifest, folder: Path, workplace: Path) -> Path:
    """The folder with the plain files: the backup itself, or a copy that was decrypted."""
    if not backup.is_encrypted:
        return folder
    key = shelf.key()
    if key is None:
        raise sealing.BadKey(f"{backup.name} is encrypted; set BACKUP_KEY to the key it was made with")
    plain = workplace / "plain"
    plain.mkdir(mode=0o700)
    for entry in backup.files:
        sealing.unseal(folder / entry.name, plain / entry.name.removesuffix(sealing.SUFFIX), key)
    return plain


# --- a base backup --------------------------------------------------------------------------------------------
def _restore_base(
    backup: Manifest, plain: Path, into: Path, workplace: Path, *, target: Target, reason: str, tick: Tick | None
) -> str:
    tools.unpack(plain / "base.tar.gz", into)
    (into / "pg_wal").mkdir(mode=0o700, exist_ok=True)
    tools.unpack(plain / "pg_wal.tar.gz", into / "pg_wal")
    shutil.copy2(plain / "backup_manifest", into / "backup_manifest")
    tools.run("pg_verifybackup", ["--no-parse-wal", "--quiet", str(into)], env={"PATH": "/usr/bin:/bin"})
    (into / "backup_manifest").unlink()
    _plan_recovery(backup, into, workplace, target)
    into.chmod(0o700)
    tools.give_to_server(into)
    with ScratchServer(into, tick=tick) as server:
        shows = _settle(server, backup.database, target=target, reason=reason)
    _forget_recovery(into)
    return shows


def _plan_recovery(backup: Manifest, into: Path, workplace: Path, target: Target) -> None:
    archive = shelf.wal_folder()
    options = {"recovery_target_action": "promote", **target.settings()}
    if archive is not None and archive.is_dir():
        options["restore_command"] = f"cp {shlex.quote(str(_readable(archive, backup, workplace)))}/%f %p"
    else:
        options["restore_command"] = "false"
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in options.items()]
    with (into / "postgresql.auto.conf").open("a") as handle:
        handle.write("\n".join(["", MARK, *lines, ""]))
    (into / "recovery.signal").touch(mode=0o600)


def _readable(archive: Path, backup: Manifest, workplace: Path) -> Path:
    """The archive, or a copy of what is needed where the server's account may not look into it."""
    account = tools.server_account()
    if account is None or archive.stat().st_uid == account.pw_uid:
        return archive
    copy = workplace / "wal"
    copy.mkdir(mode=0o700)
    for path in archive.iterdir():
        if path.is_file() and (path.suffix == ".history" or path.name[8:24] >= backup.start_wal[8:24]):
            shutil.copy2(path, copy / path.name)
    tools.give_to_server(copy)
    return copy


def _forget_recovery(into: Path) -> None:
    """The next start must not depend on the archive."""
    path = into / "postgresql.auto.conf"
    path.write_text(path.read_text().partition(MARK)[0].rstrip("\n") + "\n")
    (into / "recovery.signal").unlink(missing_ok=True)


# --- a dump ---------------------------------------------------------------------------------------------------
def _restore_dump(backup: Manifest, plain: Path, into: Path, *, reason: str, tick: Tick | None) -> str:
    tools.give_to_server(into)
    arguments = ["-D", str(into), "-U", "postgres", "--encoding=UTF8", "--locale=C", "--no-instructions"]
    arguments += ["--auth-local=peer", "--auth-host=scram-sha-256"]
    tools.run("initdb", arguments, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, as_server=True)
    with ScratchServer(into, tick=tick) as server:
        user = server.superuser()
        with server.session("postgres", user) as connection:
            _make_roles(connection, backup.roles)
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(backup.database)))
        arguments = ["--dbname", backup.database, "--exit-on-error", "--no-password", str(plain / "database.dump")]
        tools.run("pg_restore", arguments, env=server.env(backup.database, user), tick=tick)
        with server.session(backup.database, user) as connection:
            connection.execute("ANALYZE")
            owner = connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'django_migrations'")
            name = (owner.fetchone() or (user,))[0]
            connection.execute(
                sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(backup.database), sql.Identifier(name))
            )
        return _settle(server, backup.database, target=Target(), reason=reason)


def _make_roles(connection: "psycopg.Connection[Any]", roles: list[dict[str, Any]]) -> None:
    """Logins and groups as they were, without passwords: those are set by hand."""
    known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
    for role in roles:
        if role["name"] not in known:
            words = ["LOGIN" if role["login"] else "NOLOGIN"]
            words += [word for word in ("createdb", "replication", "bypassrls") if role[word]]
            statement = sql.SQL("CREATE ROLE {} " + " ".join(words))
            connection.execute(statement.format(sql.Identifier(role["name"])))
    for role in roles:
        for group in role["member_of"]:
            connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), sql.Identifier(role["name"])))


# --- what both end with ---------------------------------------------------------------------------------------
def _settle(server: ScratchServer, database: str, *, target: Target, reason: str) -> str:
    """Hold the new life, and say how far it reaches."""
    with server.session(database, server.superuser()) as connection:
        known = connection.execute("SELECT to_regclass('public.common_incarnation') IS NOT NULL").fetchone()
        last = connection.execute("SELECT pg_last_xact_replay_timestamp()::text").fetchone()
        if known and known[0]:
            with connection.transaction():
                connection.execute("UPDATE common_incarnation SET is_current = false WHERE is_current")
                connection.execute(_BEGIN, [target.to, reason[:200]])
    return str(last[0]) if last and last[0] else ""

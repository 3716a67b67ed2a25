"""A server of our own on a data directory: it listens on a private socket only and lets nobody else in."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import connect as open_connection

from hashinsight.backup.clients import tools

QUIET = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
STOP_SECONDS = 60.0


class ScratchServer:
    """Runs ``data`` inside a ``with`` block; ``wait`` lasts until the recovery has ended and it takes writes.

    The data directory's own rules of access and its archiving stay untouched and unused: a restored copy must not
    write into the archive of the original.
    """

    def __init__(
        self, data: Path, *, recovery_seconds: float = 3600.0, tick: Callable[[], object] | None = None
    ) -> None:
        self.data = data
        self.recovery_seconds = recovery_seconds
        self.tick = tick
        self.folder = Path(tempfile.mkdtemp(prefix="hi-pg-", dir="/tmp"))
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        account = tools.server_account()
        rules = self.folder / "access.conf"
        rules.write_text("local all all trust\n")
        log = (self.folder / "server.log").open("wb")
        tools.give_to_server(self.folder)
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "unix_socket_permissions": "0700",
            "port": "5432",
            "hba_file": str(rules),
            "archive_mode": "off",
            "logging_collector": "off",
            "max_connections": "100",
            "shared_buffers": "64MB",
            "ssl": "off",
            "shared_preload_libraries": "",
        }
        argv = [str(tools.find_programs() / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        self.process = subprocess.Popen(  # noqa: S603  (our own arguments)
            argv,
            env=QUIET,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
        log.close()
        try:
            tools.wait_until(self._takes_writes, seconds=self.recovery_seconds, what="the end of the recovery")
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def session(self, database: str, user: str) -> "psycopg.Connection[Any]":
        """A connection that commits each statement by itself."""
        return open_connection(host=str(self.folder), dbname=database, user=user, autocommit=True, connect_timeout=10)

    def superuser(self) -> str:
        """A login that may do everything there."""
        names = ["postgres", *self._any_login()]
        for name in names:
            try:
                with self.session("postgres", name) as connection:
                    row = connection.execute(
                        "SELECT rolname FROM pg_roles WHERE rolsuper AND rolcanlogin ORDER BY oid LIMIT 1"
                    ).fetchone()
                    if row:
                        return str(row[0])
            except psycopg.OperationalError:
                continue
        raise tools.ToolFailed("the restored server has no superuser one could sign in as")

    def env(self, database: str, user: str) -> dict[str, str]:
        """For PostgreSQL's programs."""
        return {**QUIET, "PGHOST": str(self.folder), "PGDATABASE": database, "PGUSER": user}

    def _any_login(self) -> list[str]:
        account = tools.server_account()
        return [account.pw_name] if account else []

    def _takes_writes(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise tools.ToolFailed(f"the restored server ended: {self._last_words()}")
        if self.tick:
            self.tick()
        try:
            with self.session("postgres", self.superuser()) as connection:
                row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
                return row is not None and not row[0]
        except (psycopg.OperationalError, tools.ToolFailed):
            return False

    def _last_words(self) -> str:
        log = self.folder / "server.log"
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return " | ".join(line for line in lines[-6:]) or "without a word"

    def _stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

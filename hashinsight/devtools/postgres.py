"""The embedded PostgreSQL: made once, started on a Unix socket only, brought back after any kind of death."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from hashinsight.devtools.console import Refusal, say
from hashinsight.devtools.home import ServerHome, ensure_private_dir
from hashinsight.devtools.identity import identify
from hashinsight.devtools.local_secrets import LocalSecrets
from hashinsight.devtools.paths import Place
from hashinsight.devtools.processes import Program, Running, last_lines

SUPERUSER = "postgres"
PATIENCE = 4.0  # seconds a left-over server gets for each step of its end
SETTINGS = """\
# Written by ./dev at each start.
max_connections = 100
shared_buffers = 128MB
timezone = 'UTC'
log_timezone = 'UTC'
wal_level = logical
max_wal_size = 1GB
password_encryption = scram-sha-256
log_min_messages = warning
log_line_prefix = '%m [%p] %q%u@%d '
"""
FAST_SETTINGS = """\
# Thrown away after the tests: nothing here needs to survive a power cut.
fsync = off
synchronous_commit = off
full_page_writes = off
"""


# The files of the log that are complete, or five minutes old, are copied before PostgreSQL may use them again: a copy
# under another name first, and nothing is ever replaced by something else.
ARCHIVE_SETTINGS = """\
archive_mode = on
archive_timeout = 300
archive_command = '{command}'
"""
ARCHIVE_COMMAND = (
    'to="{folder}/%f"; cmp -s "%p" "$to" ||'
    ' {{ test ! -e "$to" && cp "%p" "$to.part" && sync "$to.part" && mv "$to.part" "$to"; }}'
)


def archives() -> bool:
    """Whether the embedded server archives its log. Off: a demo has nothing to lose; ``restore --to`` needs it."""
    return os.environ.get("HASHINSIGHT_ARCHIVE_WAL", "").lower() in {"1", "true", "yes", "on"}


def wal_archive(home: ServerHome) -> Path:
    """Where it archives to."""
    return home.data / "wal"


def server_env() -> dict[str, str]:
    """Servers get a small environment of their own; the person's language or PG* variables must not matter."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def major_version(pg_bin: Path) -> int:
    try:
        text = subprocess.run([pg_bin / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise Refusal(f"{pg_bin}/postgres does not run: {error}") from error
    found = re.search(r"(\d+)(\.\d+|devel|beta|rc)", text)
    if not found or int(found[1]) < 15:
        raise Refusal(f"PostgreSQL 15 or newer is needed; {pg_bin} has {text.strip()}")
    return int(found[1])


def prepare_cluster(home: ServerHome, secrets: LocalSecrets, *, throw_away: bool) -> None:
    """Make the cluster if there is none; refuse one of another version (tests make theirs anew)."""
    data = home.postgres_data
    major = major_version(home.pg_bin)
    version_file = data / "PG_VERSION"
    if version_file.exists() and version_file.read_text().strip() != str(major):
        if not throw_away:
            raise Refusal(
                f"{data} was made by PostgreSQL {version_file.read_text().strip()}, the binaries are {major}."
                " Set HASHINSIGHT_PG_BIN to the old ones and move the data with pg_dump, or ./dev reset"
            )
        shutil.rmtree(data)
    if not version_file.exists():
        _initialise(home, secrets, major, throw_away=throw_away)
    elif _key_mark(secrets) != _read(data / "hashinsight.key"):
        _set_superuser_password(home, secrets)
    settings = SETTINGS + (FAST_SETTINGS if throw_away else "")
    if archives():
        owner = (home.data.stat().st_uid, None) if home.uid is None else (home.uid, home.gid)
        ensure_private_dir(wal_archive(home), *owner)
        settings += ARCHIVE_SETTINGS.format(command=ARCHIVE_COMMAND.format(folder=wal_archive(home)))
    _write_as_server(home, data / "hashinsight.conf", settings)


def _initialise(home: ServerHome, secrets: LocalSecrets, major: int, *, throw_away: bool) -> None:
    """initdb into a draft folder: an interrupted one never looks like a cluster."""
    data = home.postgres_data
    draft, password = data.with_name("postgres.draft"), data.with_name("postgres.password")
    shutil.rmtree(draft, ignore_errors=True)
    if data.exists():
        raise Refusal(f"{data} exists but is no PostgreSQL cluster; move it away")
    _write_as_server(home, password, secrets.superuser_password + "\n")
    sorting = (
        ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"] if major >= 17 else ["--locale=C.UTF-8"]
    )
    command = [str(home.pg_bin / "initdb"), "-D", str(draft), "-U", SUPERUSER, "--pwfile", str(password)]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions", *sorting]
    command += ["--no-sync"] if throw_away else []
    try:
        done = _run_as_server(home, command)
    finally:
        password.unlink(missing_ok=True)
    if done.returncode:
        raise Refusal(f"initdb failed: {done.stderr.decode(errors='replace').strip() or done.returncode}")
    with open(draft / "postgresql.conf", "a") as handle:
        handle.write("\ninclude_if_exists = 'hashinsight.conf'\n")
    _write_as_server(home, draft / "hashinsight.key", _key_mark(secrets))
    draft.rename(data)


def _set_superuser_password(home: ServerHome, secrets: LocalSecrets) -> None:
    """The secrets file was lost and made anew: the single-user mode lets us in without a password."""
    clear_stale_pid(home)
    literal = secrets.superuser_password.replace("'", "''")
    statement = f"ALTER ROLE {SUPERUSER} PASSWORD '{literal}'\n"
    command = [str(home.pg_bin / "postgres"), "--single", "-D", str(home.postgres_data), "postgres"]
    done = _run_as_server(home, command, statement.encode())
    if done.returncode:
        raise Refusal(f"cannot renew the password of the embedded PostgreSQL: {done.stderr.decode(errors='replace')}")
    _write_as_server(home, home.postgres_data / "hashinsight.key", _key_mark(secrets))


def _key_mark(secrets: LocalSecrets) -> str:
    return hashlib.sha256(secrets.superuser_password.encode()).hexdigest()


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _run_as_server(home: ServerHome, command: list[str], text: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        command,
        input=text,
        capture_output=True,
        check=False,
        env=server_env(),
        cwd="/",
        user=home.uid,
        group=home.gid,
        extra_groups=[] if home.uid is not None else None,
    )


def _write_as_server(home: ServerHome, path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
    if home.uid is not None:
        os.chown(path, home.uid, -1 if home.gid is None else home.gid)


# --- life -----------------------------------------------------------------------------------------------------
def postgres_program(home: ServerHome, place: Place) -> Program:
    """What must hold whatever ALTER SYSTEM did stands on the command line; INT is the fast shutdown, QUIT at once."""
    argv = [str(home.pg_bin / "postgres"), "-D", str(home.postgres_data)]
    argv += ["-c", "listen_addresses=", "-c", f"unix_socket_directories={home.sockets}"]
    argv += ["-c", "port=5432", "-c", "unix_socket_permissions=0700", "-c", "logging_collector=off"]
    return Program(
        "postgres",
        argv,
        server_env(),
        place.logs / "postgres.log",
        uid=home.uid,
        gid=home.gid,
        stop_signals=(signal.SIGINT, signal.SIGQUIT),
        death_signal=signal.SIGINT,
        before=lambda: clear_stale_pid(home),
    )


def clear_stale_pid(home: ServerHome) -> None:
    """Remove a ``postmaster.pid`` that names a stranger or a zombie; let a left-over server of ours end first.

    PostgreSQL itself refuses to start while *any* process of its user has that number.
    """
    pid_file = home.postgres_data / "postmaster.pid"
    for number in (0, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        pid = _pid_in(pid_file)
        if not _is_server(pid, home.postgres_data):
            break
        one = identify(pid)
        if number:
            say("a PostgreSQL server left over from an earlier start still runs; ending it")
            one.send(number)
        one.wait(PATIENCE)
    else:
        raise Refusal(f"a PostgreSQL server (process {pid}) holds {home.postgres_data} and does not end")
    pid_file.unlink(missing_ok=True)


def _pid_in(pid_file: Path) -> int:
    try:
        return abs(int(pid_file.read_text().split("\n", 1)[0]))
    except (OSError, ValueError):
        return 0


def _is_server(pid: int, data: Path) -> bool:
    """A living postgres whose working directory is this data folder (the postmaster always moves there)."""
    try:
        program = os.readlink(f"/proc/{pid}/exe")
        return "postgres" in Path(program).name and os.path.samefile(f"/proc/{pid}/cwd", data)
    except OSError:
        return False


def is_ready(home: ServerHome, running: Running) -> bool:
    """The postmaster writes its state into line 8 of its pid file, as pg_ctl reads it."""
    try:
        lines = (home.postgres_data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and int(lines[0]) == running.process.pid and lines[7].strip() == "ready"


def why_not(place: Place) -> str:
    return "\n    ".join(["PostgreSQL did not start; the end of its log:", *last_lines(place.logs / "postgres.log")])

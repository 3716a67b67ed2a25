"""The embedded Valkey: broker and cache on a Unix socket, every write in its append-only file."""

import signal
import socket
from pathlib import Path

from hashinsight.devtools.home import ServerHome
from hashinsight.devtools.paths import Place
from hashinsight.devtools.postgres import server_env
from hashinsight.devtools.processes import Program, last_lines


def valkey_program(home: ServerHome, place: Place) -> Program:
    """It works inside its data folder, so no path with blanks stands in its settings."""
    argv = [
        str(home.valkey),
        "--port",
        "0",
        "--unixsocket",
        str(home.valkey_socket),
        "--unixsocketperm",
        "700",
    ]
    argv += ["--appendonly", "yes", "--save", "", "--dir", ".", "--daemonize", "no", "--loglevel", "notice"]
    argv += ["--maxmemory-policy", "noeviction"]
    return Program(
        "valkey",
        argv,
        server_env(),
        place.logs / "valkey.log",
        cwd=home.valkey_data,
        uid=home.uid,
        gid=home.gid,
        death_signal=signal.SIGTERM,
    )


def is_ready(path: Path) -> bool:
    """True once it answers (it says LOADING while it reads its file)."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def why_not(place: Place) -> str:
    return "\n    ".join(["Valkey did not start; the end of its log:", *last_lines(place.logs / "valkey.log")])

"""Listening sockets: one per machine for a small fleet, one for all machines of a large one.

Linux answers on every address of 127.0.0.0/8. A socket that listens on all addresses is bound to the loopback device,
so that nobody outside this computer reaches it; each connection tells which address its caller meant.
"""

import errno
import resource
import socket
from collections.abc import Sequence

EACH_UP_TO = 256
BACKLOG = 8192
WANTED_FILES = 8192


class SimulatorRefused(RuntimeError):
    """The simulator cannot start; the text says why."""


def listen(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """Sockets that take connections to these addresses."""
    opened: list[socket.socket] = []
    wanted = addresses if len(addresses) <= EACH_UP_TO else [""]
    try:
        for address in wanted:
            opened.append(_listen_on(address, port))
    except SimulatorRefused:
        close(opened)
        raise
    return opened


def close(sockets: Sequence[socket.socket]) -> None:
    """Close all of them."""
    for one in sockets:
        one.close()


def _listen_on(address: str, port: int) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if not address:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\x00")
        one.bind((address or "0.0.0.0", port))  # noqa: S104 - bound to the loopback device above
        one.listen(BACKLOG)
        one.setblocking(False)
    except OSError as error:
        one.close()
        raise SimulatorRefused(_why(error, address or "127.0.0.0/8", port)) from error
    return one


def _why(error: OSError, address: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{address}:{port} is in use: another program (or another simulator) listens there"
    if error.errno in {errno.EACCES, errno.EPERM} and port < 1024:
        return f"{address}:{port} is not allowed: ports below 1024 need the right to bind them; choose a higher one"
    if error.errno == errno.EMFILE:
        return f"{address}:{port}: too many open files; raise the limit with 'ulimit -n {WANTED_FILES}'"
    return f"{address}:{port}: {error.strerror or error}"


def raise_file_limit() -> str | None:
    """Allow as many open files as may be; a sentence when that is few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, WANTED_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if max(soft, wanted) >= WANTED_FILES:
        return None
    return (
        f"Only {max(soft, wanted)} files may be open, so no more connections than that at a time; "
        f"'ulimit -Hn {WANTED_FILES}' as root raises it."
    )

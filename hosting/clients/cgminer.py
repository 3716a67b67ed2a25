"""The CGMiner protocol over TCP (port 4028): one command, one connection, hard limits.

A reply ends with a NUL, with the connection, or, on firmware that does neither, when it is whole JSON and nothing
follows.
"""

import asyncio
import errno
import json
import os
import socket
from collections.abc import Callable
from typing import Any

from hosting.clients.limits import DEFAULT, ExchangeFailed, Limits, Trouble
from hosting.engine.machines.cgminer import decode_json

PORT = 4028
_PIECE = 65_536  # bytes read at once
_QUIET_S = 0.05  # after what may be a whole JSON without an end mark; only then it is looked at


def request_of(command: str, parameter: str | None = None, **more: Any) -> bytes:
    """The bytes of a command."""
    body: dict[str, Any] = {"command": command, **more}
    if parameter is not None:
        body["parameter"] = parameter
    return json.dumps(body, separators=(",", ":")).encode()


class _Exchange:
    """Connects, sends the request, gathers the reply; a socket in the loop and one timer, nothing more.

    A poll does this thousands of times, and asyncio's transports take longer than the network does. The loop is told
    numbers, not sockets: where it does not know one, it would have its name written out by three calls of the system.
    """

    def __init__(self, request: bytes, limits: Limits, answer: asyncio.Future[bytes]) -> None:
        self.connected = False
        self._unsent = memoryview(request)
        self._limits = limits
        self._answer = answer
        self._got = bytearray()
        self._loop = asyncio.get_running_loop()
        self._latest = self._loop.time() + limits.total_s
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, host: str, port: int) -> None:
        """Knock; raises OSError where that is refused at once."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        code = self._socket.connect_ex((host, port))
        if code == 0:
            self._opened(self._socket)
        elif code in (errno.EINPROGRESS, errno.EINTR):
            self._loop.add_writer(self._socket.fileno(), self._decided, self._socket)
            self._within(self._limits.connect_s, self._too_late, "connecting")
        else:
            raise OSError(code, os.strerror(code))

    def _decided(self, connection: socket.socket) -> None:
        """The other side took the connection, or did not."""
        code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._loop.remove_writer(connection.fileno())
        if code:
            self._fail(OSError(code, os.strerror(code)))
        else:
            self._opened(connection)

    def _opened(self, connection: socket.socket) -> None:
        self.connected = True
        self._loop.add_reader(connection.fileno(), self._readable, connection)
        self._wait()
        self._send(connection)

    def _send(self, connection: socket.socket) -> None:
        """As much of the request as goes; a short one goes at once."""
        try:
            self._unsent = self._unsent[connection.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail(error)
            return
        if self._unsent:
            self._loop.add_writer(connection.fileno(), self._go_on, connection)

    def _go_on(self, connection: socket.socket) -> None:
        self._loop.remove_writer(connection.fileno())
        self._send(connection)

    def _readable(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        if data:
            self._hear(data)
        else:
            self._finish()

    def _hear(self, data: bytes) -> None:
        end = data.find(b"\0")
        self._got += data if end < 0 else data[:end]
        if len(self._got) > self._limits.most_bytes:
            more = f"more than {self._limits.most_bytes} bytes"
            self._fail(ExchangeFailed(Trouble.TOO_LONG, more, sent=True))
        elif end >= 0:
            self._finish()
        else:
            self._wait(quiet=self._got[-16:].rstrip().endswith(b"}"))

    def _wait(self, *, quiet: bool = False) -> None:
        seconds = min(_QUIET_S, self._limits.silence_s) if quiet else self._limits.silence_s
        self._within(seconds, self._fell_silent, quiet)

    def _within(self, seconds: float, late: Callable[..., None], *words: Any) -> None:
        """Something must happen by then, and at the latest when all time is over."""
        if self._timer is not None:
            self._timer.cancel()
        due = self._loop.time() + seconds
        if due < self._latest:
            self._timer = self._loop.call_at(due, late, *words)
        else:
            self._timer = self._loop.call_at(
                self._latest, self._too_late, "answering" if self.connected else "connecting"
            )

    def _too_late(self, what: str) -> None:
        self._fail(ExchangeFailed(Trouble.TIMEOUT, what, sent=self.connected))

    def _fell_silent(self, quiet: bool) -> None:
        if not quiet:
            silent = f"silent for {self._limits.silence_s:g} s"
            self._fail(ExchangeFailed(Trouble.TIMEOUT, silent, sent=True))
        elif _is_whole(bytes(self._got)):
            self._finish()
        else:
            self._wait()

    def _finish(self) -> None:
        self.stop()
        if not self._answer.done():
            self._answer.set_result(bytes(self._got))

    def _fail(self, why: Exception) -> None:
        self.stop()
        if not self._answer.done():
            self._answer.set_exception(why)

    def stop(self) -> None:
        """Let go of the connection at once; nothing more is expected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
            self._socket.close()
            self._socket = None


def _is_whole(raw: bytes) -> bool:
    text = raw.decode("utf-8", "replace").strip()
    try:
        value, notes = decode_json(text)
    except ValueError:
        return False
    return isinstance(value, dict) and "something follows the JSON" not in notes


async def ask(host: str, request: bytes, *, port: int = PORT, limits: Limits = DEFAULT) -> bytes:
    """The bytes of the answer; ``ExchangeFailed`` if there is none. ``host`` is an address, not a name."""
    answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    exchange = _Exchange(request, limits, answer)
    try:
        exchange.begin(host, port)
        return await answer
    except ConnectionRefusedError:
        raise ExchangeFailed(Trouble.REFUSED, sent=False) from None
    except TimeoutError:  # of the network, long before any of ours or after the machine went away
        what = "answering" if exchange.connected else "connecting"
        raise ExchangeFailed(Trouble.TIMEOUT, what, sent=exchange.connected) from None
    except ConnectionError as error:
        raise ExchangeFailed(Trouble.BROKEN, type(error).__name__, sent=exchange.connected) from None
    except OSError as error:
        told = error.strerror or type(error).__name__
        raise ExchangeFailed(Trouble.UNREACHABLE, told, sent=exchange.connected) from None
    finally:
        exchange.stop()
        if answer.done() and not answer.cancelled():
            answer.exception()  # looked at, so that the loop does not complain of a failure nobody waited for

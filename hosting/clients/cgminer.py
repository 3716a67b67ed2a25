"""The CGMiner protocol over TCP (port 4028): one command, one connection, hard limits.

A reply ends with a NUL, with the connection, or, on firmware that does neither, when it is whole JSON and nothing
follows.
"""

import asyncio
import json
from typing import Any

from hosting.clients.limits import DEFAULT, ExchangeFailed, Limits, Trouble
from hosting.engine.machines.cgminer import decode_json

PORT = 4028
_QUIET_S = 0.05  # after what may be a whole JSON without an end mark; only then it is looked at


def request_of(command: str, parameter: str | None = None, **more: Any) -> bytes:
    """The bytes of a command."""
    body: dict[str, Any] = {"command": command, **more}
    if parameter is not None:
        body["parameter"] = parameter
    return json.dumps(body, separators=(",", ":")).encode()


class _Exchange(asyncio.Protocol):
    """Sends the request, gathers the reply."""

    def __init__(self, request: bytes, limits: Limits, answer: asyncio.Future[bytes]) -> None:
        self._request = request
        self._limits = limits
        self._answer = answer
        self._got = bytearray()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            transport.write(self._request)
        self._wait()

    def data_received(self, data: bytes) -> None:
        end = data.find(b"\0")
        self._got += data if end < 0 else data[:end]
        if len(self._got) > self._limits.most_bytes:
            self._fail(Trouble.TOO_LONG, f"more than {self._limits.most_bytes} bytes")
        elif end >= 0:
            self._finish()
        else:
            self._wait(quiet=self._got[-16:].rstrip().endswith(b"}"))

    def eof_received(self) -> bool:
        self._finish()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self._finish()
        else:
            self._fail(Trouble.BROKEN, type(exc).__name__)

    def _wait(self, *, quiet: bool = False) -> None:
        if self._timer is not None:
            self._timer.cancel()
        seconds = min(_QUIET_S, self._limits.silence_s) if quiet else self._limits.silence_s
        self._timer = self._loop.call_later(seconds, self._fell_silent, quiet)

    def _fell_silent(self, quiet: bool) -> None:
        if not quiet:
            self._fail(Trouble.TIMEOUT, f"silent for {self._limits.silence_s:g} s")
        elif _is_whole(bytes(self._got)):
            self._finish()
        else:
            self._wait()

    def _finish(self) -> None:
        self.stop()
        if not self._answer.done():
            self._answer.set_result(bytes(self._got))

    def _fail(self, trouble: Trouble, detail: str) -> None:
        self.stop()
        if not self._answer.done():
            self._answer.set_exception(ExchangeFailed(trouble, detail, sent=True))

    def stop(self) -> None:
        """Let go of the connection at once; nothing more is expected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
            self._transport = None


def _is_whole(raw: bytes) -> bool:
    text = raw.decode("utf-8", "replace").strip()
    try:
        value, notes = decode_json(text)
    except ValueError:
        return False
    return isinstance(value, dict) and "something follows the JSON" not in notes


async def ask(host: str, request: bytes, *, port: int = PORT, limits: Limits = DEFAULT) -> bytes:
    """The bytes of the answer; ``ExchangeFailed`` if there is none. ``host`` is an address, not a name."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    exchange = _Exchange(request, limits, answer)
    connected = False
    try:
        async with asyncio.timeout(limits.total_s):
            async with asyncio.timeout(limits.connect_s):
                await loop.create_connection(lambda: exchange, host, port)
            connected = True
            return await answer
    except TimeoutError:
        raise ExchangeFailed(Trouble.TIMEOUT, "answering" if connected else "connecting", sent=connected) from None
    except ConnectionRefusedError:
        raise ExchangeFailed(Trouble.REFUSED, sent=False) from None
    except ConnectionError as error:
        raise ExchangeFailed(Trouble.BROKEN, type(error).__name__, sent=connected) from None
    except OSError as error:
        raise ExchangeFailed(Trouble.UNREACHABLE, error.strerror or type(error).__name__, sent=connected) from None
    finally:
        exchange.stop()
        if answer.done() and not answer.cancelled():
            answer.exception()  # looked at, so that the loop does not complain of a failure nobody waited for

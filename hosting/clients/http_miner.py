"""HTTP to a machine: plain HTTP/1.1, no redirects, no cookies, one request per connection, hard limits."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from hosting.clients.limits import DEFAULT, ExchangeFailed, Limits, Trouble

PORT = 80
MOST_HEAD_BYTES = 16 * 1024
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    status: int
    body: bytes


async def fetch(
    host: str,
    path: str,
    *,
    method: str = "GET",
    body: Any = None,
    token: str | None = None,
    port: int = PORT,
    limits: Limits = DEFAULT,
) -> Page:
    """The page; ``ExchangeFailed`` if there is none. A redirect is an answer like others, and is not followed."""
    request = _request(host, path, method, body, token)
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(limits.total_s):
            async with asyncio.timeout(limits.connect_s):
                reader, writer = await asyncio.open_connection(host, port, limit=MOST_HEAD_BYTES)
            writer.write(request)
            return await _page(reader, limits)
    except TimeoutError:
        raise ExchangeFailed(
            Trouble.TIMEOUT, "answering" if writer else "connecting", sent=writer is not None
        ) from None
    except ConnectionRefusedError:
        raise ExchangeFailed(Trouble.REFUSED, sent=False) from None
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError) as error:
        raise ExchangeFailed(Trouble.BROKEN, type(error).__name__, sent=True) from None
    except OSError as error:
        raise ExchangeFailed(
            Trouble.UNREACHABLE, error.strerror or type(error).__name__, sent=writer is not None
        ) from None
    finally:
        if writer is not None:
            writer.transport.abort()


def _request(host: str, path: str, method: str, body: Any, token: str | None) -> bytes:
    payload = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Accept: application/json", "Connection: close"]
    if token is not None:
        if any(ord(letter) < 33 or ord(letter) > 126 for letter in token):
            raise ExchangeFailed(Trouble.GARBAGE, "the token cannot stand in a header", sent=False)
        lines.append(f"Authorization: {token}")
    if body is not None:
        lines.append("Content-Type: application/json")
    if method != "GET":
        lines.append(f"Content-Length: {len(payload)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


async def _page(reader: asyncio.StreamReader, limits: Limits) -> Page:
    async with asyncio.timeout(limits.silence_s):
        head = await reader.readuntil(b"\r\n\r\n")
    status, headers = _head(head)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Page(status, await _chunks(reader, limits))
    length = headers.get("content-length")
    if length is None:
        return Page(status, await _until_end(reader, limits))
    if not (length.isascii() and length.isdigit() and len(length) < 12):
        raise ExchangeFailed(Trouble.GARBAGE, "no length", sent=True)
    if int(length) > limits.most_bytes:
        raise ExchangeFailed(Trouble.TOO_LONG, f"{length} bytes", sent=True)
    return Page(status, await _exactly(reader, int(length), limits))


def _head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *rest = head.decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not (parts[1].isascii() and parts[1].isdigit()):
        raise ExchangeFailed(Trouble.GARBAGE, "not HTTP", sent=True)
    pairs = (line.partition(":") for line in rest if ":" in line)
    return int(parts[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _exactly(reader: asyncio.StreamReader, count: int, limits: Limits) -> bytes:
    got = bytearray()
    while len(got) < count:
        async with asyncio.timeout(limits.silence_s):
            piece = await reader.read(min(65_536, count - len(got)))
        if not piece:
            raise ExchangeFailed(Trouble.BROKEN, f"{len(got)} of {count} bytes", sent=True)
        got += piece
    return bytes(got)


async def _until_end(reader: asyncio.StreamReader, limits: Limits) -> bytes:
    got = bytearray()
    while True:
        async with asyncio.timeout(limits.silence_s):
            piece = await reader.read(65_536)
        if not piece:
            return bytes(got)
        got += piece
        if len(got) > limits.most_bytes:
            raise ExchangeFailed(Trouble.TOO_LONG, f"more than {limits.most_bytes} bytes", sent=True)


async def _chunks(reader: asyncio.StreamReader, limits: Limits) -> bytes:
    got = bytearray()
    while True:
        async with asyncio.timeout(limits.silence_s):
            line = await reader.readuntil(b"\r\n")
        size = _chunk_size(line)
        if size == 0:
            return bytes(got)
        if len(got) + size > limits.most_bytes:
            raise ExchangeFailed(Trouble.TOO_LONG, f"more than {limits.most_bytes} bytes", sent=True)
        got += await _exactly(reader, size, limits)
        async with asyncio.timeout(limits.silence_s):
            await reader.readexactly(2)


def _chunk_size(line: bytes) -> int:
    digits = line.split(b";")[0].strip()
    if not digits or len(digits) > 8 or any(digit not in b"0123456789abcdefABCDEF" for digit in digits):
        raise ExchangeFailed(Trouble.GARBAGE, "not a chunk", sent=True)
    return int(digits, 16)

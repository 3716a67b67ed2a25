"""Machines that answer over real sockets on loopback: what they say, and how badly they can behave."""

import asyncio
import contextlib
import itertools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from hosting.clients.adapter import Target

FOLDER = Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(__file__).parents[4] / "shared" / "data") / "miners"
needs_recordings = pytest.mark.skipif(
    not (FOLDER / "antminer_l3plus_raw" / "stats.bin").is_file(),
    reason=f"NO SAMPLE DATA in {FOLDER}: set HASHINSIGHT_SAMPLE_DATA to read the recorded machines",
)
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Talker = Callable[[dict[str, object]], bytes]
_numbers = itertools.count(1)


def recorded(path: str) -> bytes:
    """As it was recorded."""
    return (FOLDER / path).read_bytes()


def recordings(folder: str, *names: str, **renamed: str) -> dict[str, bytes]:
    """By command."""
    found = {name: recorded(f"{folder}/{name}.json") for name in names}
    return found | {name: recorded(f"{folder}/{file}.json") for name, file in renamed.items()}


def own_address() -> str:
    """An address of loopback nobody else on this machine uses at the same time."""
    number = next(_numbers)
    return f"127.{64 + os.getpid() % 128}.{os.getpid() // 128 % 256}.{number % 250 + 1}"


def cgminer_talk(replies: Mapping[str, bytes], *, joins: bool = False, end: bytes = b"\0") -> Talker:
    """A machine with ready answers, by command or by ``command:parameter``."""

    def talk(request: dict[str, object]) -> bytes:
        command = str(request.get("command") or request.get("cmd"))
        full = f"{command}:{request.get('parameter')}"
        if full in replies or command in replies:
            return replies.get(full, replies.get(command, b"")) + end
        if joins and "+" in command and all(part in replies for part in command.split("+")):
            body = {part: [json.loads(replies[part])] for part in command.split("+")}
            return json.dumps(body | {"id": 1}).encode() + end
        status = {"STATUS": "E", "When": 1, "Code": 14, "Msg": "Invalid command", "Description": "fake"}
        return json.dumps({"STATUS": [status], "id": 1}).encode() + end

    return talk


def answering(talk: Talker, heard: list[dict[str, object]] | None = None) -> Answer:
    """One request, one reply, in pieces; then the connection ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = json.loads(await reader.read(65_536))
        if heard is not None:
            heard.append(request)
        reply = talk(request)
        for at in range(0, len(reply), 1400):
            writer.write(reply[at : at + 1400])
            await writer.drain()
        writer.close()

    return answer


def pages(
    by_path: Mapping[str, bytes], *, heard: list[tuple[str, str, bytes]] | None = None, status: str = "200 OK"
) -> Answer:
    """A small HTTP server; a page that is not there is 404."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, _ = head.split(" ", 2)
        lengths = [line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
        body = await reader.readexactly(int(lengths[0])) if lengths else b""
        if heard is not None:
            heard.append((method, path, body))
        page = by_path.get(f"{method} {path}", by_path.get(path))
        said = status if page is not None else "404 Not Found"
        page = page if page is not None else b"{}"
        kind = "text/html" if page.startswith(b"<") else "application/json"
        lines = f"HTTP/1.1 {said}\r\nContent-Type: {kind}\r\nContent-Length: {len(page)}\r\nConnection: close\r\n\r\n"
        writer.write(lines.encode() + page)
        await writer.drain()
        writer.close()

    return answer


@contextlib.asynccontextmanager
async def listening(answer: Answer, address: str | None = None, port: int = 0) -> AsyncIterator[tuple[str, int]]:
    """A server; what its handlers raise because the other side went away is not of interest."""
    address = address or own_address()
    talks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ValueError):
            pass
        finally:
            talks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(handle, address, port)
    try:
        yield address, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


@contextlib.asynccontextmanager
async def machine(talk: Talker, heard: list[dict[str, object]] | None = None) -> AsyncIterator[Target]:
    """A machine on a port of its own, and where it is; nobody listens at its HTTP port."""
    async with listening(answering(talk, heard)) as (address, port):
        yield Target(address, port=port, http_port=1)

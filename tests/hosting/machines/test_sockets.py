"""T10b: machines that misbehave over real sockets. Nobody holds the collector beyond its limit plus a second.

Ordinarily 200 sessions, with ``--nightly`` 2,000.
"""

import asyncio
import contextlib
import random
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from hosting.clients import cgminer, http_miner
from hosting.clients.adapter import ReadResult, Target
from hosting.clients.limits import ExchangeFailed, Limits, Trouble
from hosting.clients.own import OwnAdapter
from hosting.clients.polling import poll_many
from tests.hosting.machines.fakes import Answer, answering, cgminer_talk, listening, own_address, pages

LIMITS = Limits(connect_s=1.5, silence_s=1.5, total_s=3.0)
GOOD = b'{"STATUS":[{"STATUS":"S","Code":22,"Description":"cgminer 4.11.1"}],"VERSION":[{"CGMiner":"4.11.1"}],"id":1}'
SUMMARY = b'{"STATUS":[{"STATUS":"S","Code":11}],"SUMMARY":[{"Elapsed":5,"MHS 5s":1500000.0,"Accepted":3}],"id":1}'


async def slow_drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte now and then, for ever."""
    for byte in GOOD * 100:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def half_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends its side in the middle of a word, and keeps the line."""
    await reader.read(1000)
    writer.write(GOOD[:40])
    writer.write_eof()
    await asyncio.sleep(3600)


async def megabyte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1000)
    with contextlib.suppress(ConnectionError):
        for _ in range(40):
            writer.write(b'{"a":[' + b"1," * 32_000)
            await writer.drain()


async def wrong_banner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-dropbear_2019.78\r\n")
    await reader.read(1000)
    writer.close()


async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html></html>")
    await reader.read(1000)
    writer.close()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """RST in the middle of the answer."""
    await reader.read(1000)
    writer.write(GOOD[:60])
    await writer.drain()
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def empty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1000)


async def no_end_mark(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A whole answer, and the line stays open."""
    request = await reader.read(1000)
    writer.write(GOOD if b"version" in request else SUMMARY)
    await writer.drain()
    await asyncio.sleep(3600)


async def zero_of_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A summary without any value."""
    request = await reader.read(1000)
    known = GOOD if b"version" in request else b'{"STATUS":[{"STATUS":"S"}],"SUMMARY":[{}],"DEVS":[{}]}'
    writer.write(known + b"\0")
    await writer.drain()


BAD: dict[str, Answer] = {
    one.__name__: one
    for one in (slow_drip, silent, half_close, megabyte, wrong_banner, page, reset, empty, no_end_mark, zero_of_nothing)
}


@contextlib.asynccontextmanager
async def lagging() -> AsyncIterator[list[float]]:
    """How much the loop came late because this machine was busy with others; that is nobody's hold."""
    late = [0.0]

    async def tick() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.05)
            late[0] = max(late[0], time.monotonic() - began - 0.05)

    ticking = asyncio.create_task(tick())
    try:
        yield late
    finally:
        ticking.cancel()


async def sessions(
    read: Callable[[Target], Awaitable[ReadResult]], count: int
) -> tuple[list[str], list[ReadResult], float, float]:
    """So many sessions, most with bad machines: what was raised, what came, the longest, the lag."""
    rng = random.Random(20261129)
    raised: list[str] = []
    results: list[ReadResult] = []
    longest = 0.0
    gate = asyncio.Semaphore(50)

    async def one(name: str, target: Target) -> None:
        nonlocal longest
        async with gate:
            began = time.monotonic()
            try:
                results.append(await read(target))
            except Exception as error:  # noqa: BLE001  (counted)
                raised.append(f"{name}: {type(error).__name__}: {error}")
            longest = max(longest, time.monotonic() - began)

    async with contextlib.AsyncExitStack() as stack:
        lag = await stack.enter_async_context(lagging())
        places = {}
        for name, answer in BAD.items():
            address, port = await stack.enter_async_context(listening(answer))
            places[name] = Target(address, port=port, http_port=1, key=name)
        places["nobody"] = Target(own_address(), port=9, http_port=9, key="nobody")
        names = [rng.choice(sorted(places)) for _ in range(count)]
        await asyncio.gather(*(one(name, places[name]) for name in names))
    return raised, results, longest, lag[0]


EXPECTED = {
    "slow_drip": Trouble.TIMEOUT,
    "silent": Trouble.TIMEOUT,
    "half_close": Trouble.GARBAGE,
    "megabyte": Trouble.TOO_LONG,
    "wrong_banner": Trouble.GARBAGE,
    "page": Trouble.GARBAGE,
    "reset": Trouble.BROKEN,
    "empty": Trouble.GARBAGE,
    "nobody": Trouble.REFUSED,
    "no_end_mark": None,
    "zero_of_nothing": None,
}
BUSY_S = 0.2  # a loop this late runs on a machine busy with others, where any session may run out of time


def test_t10b_bad_machines_hold_nobody_and_raise_nothing(nightly: bool) -> None:
    adapter = OwnAdapter()
    raised, results, longest, late = asyncio.run(
        sessions(lambda target: adapter.read(target, limits=LIMITS), 2_000 if nightly else 200)
    )
    assert raised == []
    assert longest <= LIMITS.total_s + 1.0 + late
    assert {result.target.key for result in results} == set(EXPECTED)
    for result in results:
        ran_out = late > BUSY_S and result.trouble is Trouble.TIMEOUT
        assert ran_out or result.trouble is EXPECTED[result.target.key], result
        assert (result.reading is None) == (result.trouble is not None)  # unknown is never a reading of zeros


def test_t10b_what_is_not_said_is_not_zero() -> None:
    async def work(answer: Answer) -> ReadResult:
        async with listening(answer) as (address, port):
            patient = Limits(connect_s=20, silence_s=20, total_s=40)
            return await OwnAdapter().read(Target(address, port=port, http_port=1), limits=patient)

    reading = asyncio.run(work(no_end_mark)).reading
    assert reading is not None
    assert (reading.hashrate_ths, reading.uptime_s, reading.shares_accepted) == (1.5, 5.0, 3)
    reading = asyncio.run(work(zero_of_nothing)).reading
    assert reading is not None
    assert (reading.hashrate_ths, reading.uptime_s, reading.shares_accepted) == (None,) * 3


def test_t10b_control_a_naive_client_is_held_and_raises() -> None:
    async def naive(target: Target) -> ReadResult:
        reader, writer = await asyncio.open_connection(target.address, target.port)
        try:
            writer.write(b'{"command":"summary"}')
            async with asyncio.timeout(LIMITS.total_s + 1.2):
                raw = await reader.read()
            assert raw.endswith(b"\0"), raw[:40]
            return ReadResult(target)
        finally:
            writer.transport.abort()

    raised, _, longest, _ = asyncio.run(sessions(naive, 60))
    assert len(raised) > 25
    assert longest > LIMITS.total_s + 1.0


def test_a_few_that_hang_cost_at_most_their_limit() -> None:
    """One in twenty hangs; the others come meanwhile."""
    talk = cgminer_talk({"version": GOOD, "summary": SUMMARY}, joins=False)

    async def work() -> tuple[list[ReadResult], float]:
        async with listening(answering(talk)) as (address, port), listening(silent) as (deaf, deaf_port):
            targets = [
                Target(deaf, port=deaf_port, http_port=1, key=str(at))
                if at % 20 == 0
                else Target(address, port=port, http_port=1, key=str(at))
                for at in range(100)
            ]
            began = time.monotonic()
            limits = Limits(connect_s=4, silence_s=4, total_s=4)
            found = [one async for one in poll_many(targets, adapter=OwnAdapter(), limits=limits, at_once=10)]
            return found, time.monotonic() - began

    found, seconds = asyncio.run(work())
    assert sorted(int(one.target.key) for one in found) == list(range(100))
    assert sum(one.reading is not None for one in found) == 95
    assert sum(one.trouble is Trouble.TIMEOUT for one in found) == 5
    assert seconds < 20  # one after the other the five alone would take as long


def test_an_adapter_that_raises_stops_nobody() -> None:
    class Broken(OwnAdapter):
        async def read(self, target: Target, *, limits: Limits = LIMITS) -> ReadResult:
            if target.key == "3":
                raise KeyError("surprise")
            return ReadResult(target)

    async def work() -> dict[str, Trouble | None]:
        targets = [Target("127.0.0.1", key=str(at)) for at in range(6)]
        return {one.target.key: one.trouble async for one in poll_many(targets, adapter=Broken(), at_once=2)}

    assert asyncio.run(work()) == {str(at): Trouble.FAULT if at == 3 else None for at in range(6)}


def held(work: Callable[[str, int], Awaitable[object]], answer: Answer) -> float:
    """Seconds until it is over, one way or the other, less what the loop came late."""

    async def run() -> float:
        async with lagging() as lag, listening(answer) as (address, port):
            began = time.monotonic()
            with contextlib.suppress(ExchangeFailed):
                await work(address, port)
            return time.monotonic() - began - lag[0]

    return asyncio.run(run())


def test_each_exchange_ends_by_itself() -> None:
    """A drip is never silent for long; only the limit of the whole ends it."""
    limits = Limits(connect_s=1, silence_s=1, total_s=1)
    assert held(lambda host, port: cgminer.ask(host, b"{}", port=port, limits=limits), slow_drip) < 2
    drip = raw_http(b"HTTP/1.1 200 OK\r\n\r\n")

    async def page_that_drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await drip(reader, writer)
        await slow_drip(reader, writer)

    assert held(lambda host, port: http_miner.fetch(host, "/", port=port, limits=limits), page_that_drips) < 2


def test_many_slow_answers_are_one_reading() -> None:
    """Each answer is within its limit; all together they are not."""
    talk = cgminer_talk({"version": GOOD, "summary": SUMMARY})

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.7)
        await answering(talk)(reader, writer)

    async def read(host: str, port: int) -> object:
        limits = Limits(connect_s=1, silence_s=1, total_s=1)
        return await OwnAdapter().read(Target(host, port=port, http_port=1), limits=limits)

    assert held(read, slow) < 2


def failing(answer: Answer, path: str = "/") -> ExchangeFailed:
    async def work() -> None:
        async with listening(answer) as (address, port):
            await http_miner.fetch(address, path, port=port, limits=LIMITS)

    with pytest.raises(ExchangeFailed) as failed:
        asyncio.run(work())
    return failed.value


def raw_http(text: bytes) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(text)
        await writer.drain()

    return answer


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n", Trouble.TOO_LONG),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", Trouble.GARBAGE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", Trouble.BROKEN),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n", Trouble.TOO_LONG),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Trouble.GARBAGE),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000, Trouble.BROKEN),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_100_000, Trouble.TOO_LONG),
        (b"hello\r\n\r\n", Trouble.GARBAGE),
    ],
)
def test_http_within_its_limits(text: bytes, trouble: Trouble) -> None:
    assert failing(raw_http(text)).trouble is trouble


def test_http_that_is_silent() -> None:
    assert failing(silent).trouble is Trouble.TIMEOUT


def test_a_redirect_is_not_followed() -> None:
    heard: list[tuple[str, str, bytes]] = []

    async def work() -> http_miner.Page:
        async with listening(pages({"/": b"{}"}, heard=heard, status="302 Found\r\nLocation: /elsewhere")) as (
            address,
            port,
        ):
            return await http_miner.fetch(address, "/", port=port, limits=LIMITS)

    assert asyncio.run(work()).status == 302
    assert [path for _, path, _ in heard] == ["/"]


def test_chunks_are_put_together() -> None:
    text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"

    async def work() -> http_miner.Page:
        async with listening(raw_http(text)) as (address, port):
            return await http_miner.fetch(address, "/", port=port, limits=LIMITS)

    assert asyncio.run(work()) == http_miner.Page(200, b"hello world")


def test_a_token_cannot_smuggle_a_header() -> None:
    async def work() -> None:
        await http_miner.fetch("127.0.0.1", "/", token="a\r\nHost: evil", port=9, limits=LIMITS)

    with pytest.raises(ExchangeFailed) as failed:
        asyncio.run(work())
    assert (failed.value.trouble, failed.value.sent) == (Trouble.GARBAGE, False)


def test_nobody_there_is_told_apart_from_silence() -> None:
    async def work(limits: Limits) -> ExchangeFailed | None:
        try:
            await cgminer.ask(own_address(), b"{}", port=9, limits=limits)
        except ExchangeFailed as failure:
            return failure
        return None

    failure = asyncio.run(work(LIMITS))
    assert failure is not None
    assert (failure.trouble, failure.sent) == (Trouble.REFUSED, False)

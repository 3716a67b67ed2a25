"""One question and its answer on a bare socket, and how few of them a reading of each minute takes."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Iterator

import pytest

from hosting.clients import cgminer, own
from hosting.clients.adapter import ReadResult, Target
from hosting.clients.limits import ExchangeFailed, Limits, Trouble
from hosting.clients.own import OwnAdapter
from tests.hosting.machines.fakes import Answer, cgminer_talk, listening, machine, own_address

LIMITS = Limits(connect_s=2, silence_s=2, total_s=4)
SUMMARY = b'{"STATUS":[{"STATUS":"S","Code":11}],"SUMMARY":[{"Elapsed":5,"GHS 5s":95000.0,"Accepted":3}],"id":1}'
ANTMINER = {
    "version": b'{"STATUS":[{"STATUS":"S"}],"VERSION":[{"BMMiner":"1.0","Type":"Antminer S19"}],"id":1}',
    "summary": SUMMARY,
    "stats": b'{"STATUS":[{"STATUS":"S"}],"STATS":[{"Type":"Antminer S19"},{"fan_num":0}],"id":1}',
    "pools": b'{"STATUS":[{"STATUS":"S"}],"POOLS":[{"URL":"stratum+tcp://pool.example:3333","User":"a"}],"id":1}',
}


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    own._ONE_BY_ONE.clear()
    yield
    own._ONE_BY_ONE.clear()


def readings(dialects: list[str], *, joins: bool) -> tuple[list[ReadResult], list[list[str]]]:
    """Readings one after another, each with what was known before, and the words of each."""
    heard: list[dict[str, object]] = []

    async def work() -> tuple[list[ReadResult], list[list[str]]]:
        results, words = [], []
        async with machine(cgminer_talk(ANTMINER, joins=joins), heard) as target:
            for dialect in dialects:
                known = Target(target.address, port=target.port, http_port=1, dialect=dialect)
                results.append(await OwnAdapter().read(known, limits=LIMITS))
                words.append([str(request["command"]) for request in heard])
                heard.clear()
        return results, words

    return asyncio.run(work())


def test_what_a_machine_does_not_join_is_tried_again_only_when_it_is_asked_in_full() -> None:
    results, words = readings(["antminer", "antminer", "", "antminer"], joins=False)
    assert [one.reading is not None and one.reading.hashrate_ths for one in results] == [95.0] * 4
    assert words == [
        ["summary+stats", "summary", "stats"],
        ["summary", "stats"],
        ["version", "summary+stats+pools", "summary", "stats", "pools"],
        ["summary", "stats"],
    ]


def test_what_a_machine_joins_is_one_question() -> None:
    results, words = readings(["", "antminer", "antminer"], joins=True)
    assert words == [["version", "summary+stats+pools"], ["summary+stats"], ["summary+stats"]]
    assert [len(one.reading.pools) for one in results if one.reading] == [1, 0, 0]


def test_a_machine_that_learned_to_join_is_asked_so() -> None:
    own._ONE_BY_ONE.update((own_address(), 1) for _machine in range(3))
    heard: list[dict[str, object]] = []

    async def work() -> None:
        async with machine(cgminer_talk(ANTMINER, joins=True), heard) as target:
            own._ONE_BY_ONE.add((target.address, target.port))
            for dialect in ("", "antminer"):
                known = Target(target.address, port=target.port, http_port=1, dialect=dialect)
                await OwnAdapter().read(known, limits=LIMITS)

    asyncio.run(work())
    assert [request["command"] for request in heard] == ["version", "summary+stats+pools", "summary+stats"]


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "_MOST_KNOWN", 1)
    for _machine in range(2):
        readings(["antminer"], joins=False)
    assert len(own._ONE_BY_ONE) == 1


def asked(answer: Answer, request: bytes = b"{}", limits: Limits = LIMITS) -> bytes | ExchangeFailed:
    async def work() -> bytes | ExchangeFailed:
        async with listening(answer) as (address, port):
            try:
                return await cgminer.ask(address, request, port=port, limits=limits)
            except ExchangeFailed as failure:
                return failure

    return asyncio.run(work())


def test_a_long_question_to_a_slow_listener_goes_as_a_whole() -> None:
    request = b"x" * 8_000_000

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        heard = await reader.readexactly(len(request))
        writer.write(json.dumps({"heard": len(heard)}).encode() + b"\0")
        await writer.drain()

    assert asked(slow, request) == b'{"heard": 8000000}'


def test_a_reset_is_a_broken_line_and_says_that_the_question_was_sent() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    failure = asked(reset)
    assert isinstance(failure, ExchangeFailed)
    assert (failure.trouble, failure.sent) == (Trouble.BROKEN, True)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (Limits(connect_s=2, silence_s=0.2, total_s=4), "silent for 0.2 s"),
        (Limits(connect_s=2, silence_s=2, total_s=0.2), "answering"),
    ],
)
def test_silence_says_which_limit_was_reached(limits: Limits, told: str) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    failure = asked(silent, limits=limits)
    assert isinstance(failure, ExchangeFailed)
    assert (failure.trouble, failure.detail, failure.sent) == (Trouble.TIMEOUT, told, True)


@pytest.mark.parametrize("limits", [Limits(connect_s=0.2), Limits(connect_s=3, total_s=0.2)])
def test_a_machine_that_takes_no_connection_costs_its_limit_and_got_nothing(limits: Limits) -> None:
    """Whose queue is full does not answer at all."""

    async def work() -> ExchangeFailed:
        with contextlib.ExitStack() as opened:
            deaf = opened.enter_context(socket.create_server((own_address(), 0), backlog=0))
            address, port = deaf.getsockname()
            for _waiting in range(3):
                one = opened.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex((address, port))
            with pytest.raises(ExchangeFailed) as failed:
                await cgminer.ask(address, b"{}", port=port, limits=limits)
        return failed.value

    failure = asyncio.run(work())
    assert (failure.trouble, failure.detail, failure.sent) == (Trouble.TIMEOUT, "connecting", False)


def test_nothing_stays_with_the_loop_of_a_question_nobody_waits_for_any_more() -> None:
    async def work() -> tuple[int, int, int]:
        watched = asyncio.get_running_loop()._selector.get_map()  # type: ignore[attr-defined]
        with socket.create_server((own_address(), 0)) as silent:
            before, (address, port) = len(watched), silent.getsockname()
            asking = asyncio.create_task(cgminer.ask(address, b"{}", port=port))
            await asyncio.sleep(0.05)
            meanwhile = len(watched)
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asking
            return before, meanwhile, len(watched)

    before, meanwhile, after = asyncio.run(work())
    assert (meanwhile, after) == (before + 1, before)


def test_an_address_of_the_newer_kind_is_called() -> None:
    async def work() -> bytes:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(SUMMARY + b"\0")
            await writer.drain()

        async with listening(answer, "::1") as (address, port):
            return await cgminer.ask(address, b"{}", port=port, limits=LIMITS)

    if not socket.has_ipv6:
        pytest.skip("NO IPV6 on this machine")
    with contextlib.closing(socket.socket(socket.AF_INET6)) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("NO IPV6 on this machine")
    assert asyncio.run(work()) == SUMMARY

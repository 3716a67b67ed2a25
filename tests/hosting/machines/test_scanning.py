"""Scans: what would be asked is known before anything is sent, and nothing outside the allowed networks ever is."""

import asyncio
import contextlib
import socket
import struct
from dataclasses import replace

import pytest

from hosting.clients.adapter import READ_ONLY, Identity, ReadResult, SwitchResult, Target
from hosting.clients.limits import DEFAULT, Limits, Trouble
from hosting.clients.machines import Machines
from hosting.clients.own import OwnAdapter
from hosting.clients.scan import Ports, scan
from hosting.engine.machines.dialects import DIALECTS
from hosting.engine.machines.ranges import MOST_ENTRIES, AddressesRefused, entries_of, plan
from hosting.engine.machines.reading import Reading
from tests.hosting.machines.fakes import answering, cgminer_talk, listening, pages
from tests.hosting.machines.switchable import LuxOs, Whatsminer

LIMITS = Limits(connect_s=1, silence_s=1, total_s=3)
PRIVATE = ["10.0.0.0/8", "127.0.0.0/8", "192.168.0.0/16"]


@pytest.mark.parametrize(
    ("text", "told", "hosts"),
    [
        ("10.0.0.5", ("10.0.0.5",), 1),
        ("10.0.0.0/30", ("10.0.0.1 - 10.0.0.2",), 2),
        ("10.0.0.8/31", ("10.0.0.8 - 10.0.0.9",), 2),
        ("10.0.0.8/32", ("10.0.0.8",), 1),
        ("10.0.0.5-9", ("10.0.0.5 - 10.0.0.9",), 5),
        ("10.0.0.250-1.4", ("10.0.0.250 - 10.0.1.4",), 11),
        ("10.0.0.5 - 10.0.0.6", ("10.0.0.5 - 10.0.0.6",), 2),
        ("10.0.0.5, 10.0.0.6;10.0.0.7\n# a comment\n10.0.0.4 # the first", ("10.0.0.4 - 10.0.0.7",), 4),
        ("10.0.0.5-9 10.0.0.7-12 10.0.0.20", ("10.0.0.5 - 10.0.0.12", "10.0.0.20"), 9),
        ("192.168.1.7/24", ("192.168.1.1 - 192.168.1.254",), 254),
    ],
)
def test_what_would_be_asked(text: str, told: tuple[str, ...], hosts: int) -> None:
    found = plan(entries_of(text), allowed=PRIVATE)
    assert (found.told(), found.hosts, len(list(found.addresses()))) == (told, hosts, hosts)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("8.8.8.8", "outside"), ("169.254.169.254", "outside"), ("0.0.0.0/0", "outside"),
        ("9.255.255.255-10.0.0.5", "outside"), ("9.255.255.255-10.0.0.0.5", "no address"),
        ("10.255.255.250-11.0.0.5", "outside"), ("10.0.0.0/8", "more than 65536"),
        ("10.0.0.9-5", "before the beginning"), ("::1", "only IPv4"), ("::ffff:10.0.0.1", "only IPv4"),
        ("10.0.0.256", "no address"), ("010.0.0.1", "no address"), ("167772161", "no address"),
        ("localhost", "no address"), ("10.0.0.1/33", "no address"), ("http://10.0.0.1", "no address"),
        ("", "no address given"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(AddressesRefused, match=why):
        plan(entries_of(text), allowed=PRIVATE)


def test_a_list_without_end_is_refused() -> None:
    with pytest.raises(AddressesRefused, match="entries"):
        entries_of("10.0.0.1\n" * (MOST_ENTRIES + 1))


def test_nothing_is_allowed_unless_said() -> None:
    with pytest.raises(AddressesRefused, match="outside"):
        plan(["127.0.0.1"], allowed=[])


def test_a_range_is_scanned_and_each_machine_named() -> None:
    """Two machines, one that speaks something else, and empty places."""
    base = "127.201.7"

    async def ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-dropbear\r\n")
        await reader.read(1000)

    async def work() -> dict[str, Identity]:
        async with contextlib.AsyncExitStack() as stack:
            _, port = await stack.enter_async_context(listening(answering(LuxOs().talk), f"{base}.2"))
            await stack.enter_async_context(listening(answering(Whatsminer("").talk), f"{base}.5", port))
            await stack.enter_async_context(listening(ssh, f"{base}.6", port))
            wanted = plan([f"{base}.1-8"], allowed=PRIVATE)
            ports = Ports(port=port, http_port=1)
            found = [one async for one in scan(wanted, adapter=OwnAdapter(), ports=ports, limits=LIMITS)]
        return {one.target.address: one for one in found}

    found = asyncio.run(work())
    assert {address: (one.dialect, one.make, one.trouble) for address, one in found.items()} == {
        f"{base}.2": ("luxos", "Antminer", None),
        f"{base}.5": ("whatsminer", "Whatsminer", None),
        f"{base}.6": ("", None, Trouble.GARBAGE),
    }
    assert found[f"{base}.2"].target.dialect == "luxos"
    assert (found[f"{base}.5"].model, found[f"{base}.5"].firmware_version) == ("M30S+", "20230803.11.REL")


class Library:
    """Stands for the library: notes who is shown to it."""

    name = "library"

    def __init__(self) -> None:
        self.shown: list[str] = []

    async def identify(self, target: Target, *, limits: Limits = DEFAULT) -> Identity:
        self.shown.append(target.key)
        return Identity(target=target, dialect="pyasic_rs:x", adapter=self.name, capabilities=READ_ONLY)

    async def read(self, target: Target, *, limits: Limits = DEFAULT) -> ReadResult:
        return ReadResult(target, detail="library")

    async def pause(self, target: Target, *, limits: Limits = DEFAULT) -> SwitchResult:
        raise NotImplementedError

    resume = pause

    async def set_power_target(self, target: Target, watts: float, *, limits: Limits = DEFAULT) -> SwitchResult:
        raise NotImplementedError


def test_the_library_sees_only_what_we_do_not_know() -> None:
    library = Library()
    sgminer = b'{"STATUS":[{"STATUS":"S","Description":"sgminer"}],"VERSION":[{"SGMiner":"5.0","Password":"x"}]}'
    summary = b'{"STATUS":[{"STATUS":"S"}],"SUMMARY":[{"Elapsed":5,"MHS 5s":1000000}]}'

    async def work() -> list[Identity]:
        machines = Machines(library=library)
        unknown = cgminer_talk({"version": sgminer, "summary": summary})
        async with (
            listening(answering(LuxOs().talk)) as (one, one_port),
            listening(answering(unknown)) as (two, two_port),
        ):
            targets = [
                Target(one, port=one_port, http_port=1, key="known"),
                Target(two, port=two_port, http_port=1, key="unknown"),
                Target(one, port=9, http_port=1, key="nobody"),
            ]
            return [await machines.identify(target, limits=LIMITS) for target in targets]

    found = asyncio.run(work())
    assert [one.dialect for one in found] == ["luxos", "pyasic_rs:x", "pyasic_rs:x"]
    assert library.shown == ["unknown", "nobody"]
    assert asyncio.run(Machines(library=library).read(Target("127.0.0.1", dialect="pyasic_rs:x"))).detail == "library"


def test_a_fault_of_a_reader_is_told_with_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(replies: object) -> Reading:
        raise KeyError("surprise")

    monkeypatch.setitem(DIALECTS, "luxos", replace(DIALECTS["luxos"], read=broken))

    async def work() -> ReadResult:
        async with listening(answering(LuxOs().talk)) as (address, port):
            return await OwnAdapter().read(Target(address, port=port, dialect="luxos"), limits=LIMITS)

    result = asyncio.run(work())
    assert (result.reading, result.trouble, result.detail) == (None, Trouble.FAULT, "KeyError: 'surprise'")
    assert "LUXminer" in result.raw


def test_a_small_machine_behind_a_door_that_slams_is_found_by_its_page() -> None:
    async def slams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def work() -> ReadResult:
        page = {"/api/system/info": b'{"ASICModel":"BM1370","hashRate":1100.5,"power":18}'}
        async with listening(slams) as (address, port), listening(pages(page), address) as (_, http_port):
            return await OwnAdapter().read(Target(address, port=port, http_port=http_port), limits=LIMITS)

    result = asyncio.run(work())
    assert result.reading is not None, result
    assert (result.reading.model, result.reading.hashrate_ths) == ("Gamma", 1.1005)


def test_an_unknown_machine_is_kept_with_its_words_and_cannot_be_switched() -> None:
    sgminer = b'{"STATUS":[{"STATUS":"S","Description":"sgminer"}],"VERSION":[{"SGMiner":"5.0","Password":"hush"}]}'

    async def work() -> Identity:
        async with listening(answering(cgminer_talk({"version": sgminer}))) as (address, port):
            return await OwnAdapter().identify(Target(address, port=port, http_port=1), limits=LIMITS)

    found = asyncio.run(work())
    assert (found.is_machine, found.dialect, found.capabilities) == (True, "unknown", READ_ONLY)
    assert "SGMiner" in found.raw
    assert "hush" not in found.raw


def test_a_machine_that_got_another_firmware_is_recognised_anew() -> None:
    """What was found last time is where to begin, not what to believe."""

    async def work(dialect: str) -> ReadResult:
        async with listening(answering(LuxOs(asleep=True).talk)) as (address, port):
            return await OwnAdapter().read(Target(address, port=port, http_port=1, dialect=dialect), limits=LIMITS)

    for dialect in ("antminer", "whatsminer", "avalon", "nothing we know"):
        result = asyncio.run(work(dialect))
        assert result.reading is not None
        assert (result.target.dialect, result.reading.firmware, result.reading.state) == ("luxos", "LuxOS", "paused")

"""Two readers of the same answer, ours and ``pyasic_rs``: what they agree on, and each difference with its reason.

``pyasic_rs`` speaks to ports 80 and 4028 only, so these machines stand there, at loopback addresses of their own.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

import pytest

from hosting.clients.adapter import ReadResult, Target
from hosting.clients.limits import Limits
from hosting.clients.own import OwnAdapter
from hosting.clients.pyasic_machines import PyasicAdapter
from hosting.engine.machines.reading import MiningState, Reading
from tests.hosting.machines import peers
from tests.hosting.machines.fakes import (
    answering,
    cgminer_talk,
    listening,
    needs_recordings,
    own_address,
    pages,
    recorded,
    recordings,
)
from tests.hosting.machines.switchable import Whatsminer

LIMITS = Limits(connect_s=3, silence_s=3, total_s=8)


def low_ports_are_open() -> bool:
    """Port 80 belongs to root where nobody lowered the limit."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", 80))
        except PermissionError:
            return False
        except OSError:
            return True
    return True


needs_port_80 = pytest.mark.skipif(
    not low_ports_are_open(), reason="PORT 80 MAY NOT BE USED HERE: HTTP makes not compared"
)
pytestmark = [pytest.mark.sample, needs_recordings]


def both(replies: dict[str, bytes] | None = None, web: dict[str, bytes] | None = None) -> tuple[Reading, Reading]:
    """Ours and theirs."""

    async def work() -> tuple[ReadResult, ReadResult]:
        async with contextlib.AsyncExitStack() as stack:
            address = own_address()
            if replies is not None:
                await stack.enter_async_context(listening(answering(cgminer_talk(replies)), address, 4028))
            if web is not None:
                await stack.enter_async_context(listening(pages(web), address, 80))
            target = Target(address)
            return await OwnAdapter().read(target, limits=LIMITS), await PyasicAdapter().read(target, limits=LIMITS)

    ours, theirs = asyncio.run(work())
    assert ours.reading is not None, ours
    assert theirs.reading is not None, theirs
    return ours.reading, theirs.reading


def differences(ours: Reading, theirs: Reading) -> dict[str, tuple[Any, Any]]:
    """Where the figures differ by more than rounding; text fields are named differently on purpose."""
    names = ("hashrate_ths", "hashrate_expected_ths", "power_w", "power_target_w", "uptime_s", "mac", "serial")
    names += ("shares_accepted", "shares_rejected", "inlet_temp_c", "outlet_temp_c", "board_temp_max_c", "state")
    found = {name: (getattr(ours, name), getattr(theirs, name)) for name in names}
    found["fans_rpm"] = (_round(ours.fans_rpm), _round(theirs.fans_rpm))
    found["boards.chips"] = (tuple(one.chips for one in ours.boards), tuple(one.chips for one in theirs.boards))
    found["boards.serial"] = (tuple(one.serial for one in ours.boards), tuple(one.serial for one in theirs.boards))
    found["pools"] = (
        tuple((one.user, one.active, one.shares_accepted) for one in ours.pools),
        tuple((one.user, one.active, one.shares_accepted) for one in theirs.pools),
    )
    return {name: pair for name, pair in found.items() if not _same(*pair)}


def _round(speeds: tuple[float | None, ...]) -> tuple[float | None, ...]:
    return tuple(None if speed is None else round(speed, 3) for speed in speeds)


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 1e-9 * max(1.0, abs(one))
    return one == other


def test_luxos() -> None:
    names = ("version", "summary", "devs", "config", "temps", "fans", "power", "pools", "stats", "profiles", "events")
    assert differences(*both(recordings("luxminer/v1", *names))) == {
        # Theirs puts the rows of "devs" in the order they came in; they carry an ID, and it is 2, 0, 1.
        "boards.serial": (
            ("JYZZYRSBDJEBI06Z5", "JYZZYRSBDJEBI06ZM", "JYZZYRSBDJEBI06ZR"),
            ("JYZZYRSBDJEBI06ZR", "JYZZYRSBDJEBI06Z5", "JYZZYRSBDJEBI06ZM"),
        ),
        # Theirs is the mean of a board's sensors, ours the hottest of them.
        "board_temp_max_c": (47.0, 40.5),
    }


def whatsminer(version: str, *names: str) -> tuple[Reading, Reading]:
    """What has not been recorded (version, devdetails) is answered as the maker's documents have it."""
    fake = Whatsminer("")
    written = {name: fake.talk({"command": name}) for name in ("version", "devdetails")}
    return both(written | recordings(f"whatsminer/{version}", *names))


def test_whatsminer_2() -> None:
    names = ("summary", "devs", "pools", "status", "get_version", "get_miner_info", "get_error_code", "get_psu")
    assert differences(*whatsminer("v2", *names)) == {
        "hashrate_expected_ths": (None, 126.0),  # the factory's figure, which ours calls rated: 126.0
        # Theirs adds up the pools; the machine's own summary tells no rejected shares, and so do we.
        "shares_rejected": (None, 0),
        "inlet_temp_c": (28.5, 62.0),  # theirs is the coolest chip of each board
        "outlet_temp_c": (None, 81.0),  # and the hottest
    }


def test_whatsminer_1() -> None:
    names = ("summary", "devs", "pools", "status", "get_version", "get_psu")
    assert differences(*whatsminer("v1", *names)) == {
        "hashrate_expected_ths": (65.3625, 68.796),  # "Target MHS" against the factory's figure
        "inlet_temp_c": (None, 71.0),
        "outlet_temp_c": (None, 92.5),
    }


def test_avalon_q_switched_off() -> None:
    ours, theirs = both(recordings("avalonminer", "version", "summary", "stats", "pools", "devs", "litestats"))
    assert differences(ours, theirs) == {
        # PS[0 1222 4 0 0 2245 146]: the boards take 0 W; 2245 is the voltage set, in hundredths, not watts.
        "power_w": (0.0, 2245.0),
        # Theirs cannot tell that a machine rests, and says that it mines.
        "state": (MiningState.PAUSED, None),
        "uptime_s": (37714.0, 37819.0),  # summary and stats were recorded 105 s apart
        "serial": ("01234567890123456789012345678901", None),  # the DNA of its version
        "board_temp_max_c": (None, 27.0),  # theirs is HBITemp, the air into the board
    }


@needs_port_80
def test_antminer() -> None:
    web = {"/cgi-bin/get_system_info.cgi": recorded("antminer/v2020/system_info.json"), "/cgi-bin/summary.cgi": b"{}"}
    found = differences(*both(recordings("antminer/v2020", "version", "summary", "stats", "pools", "devs"), web))
    assert found == {
        "serial": (None, "THQING0BDJAB024NF"),  # from its pages, which ask for a password; we read the open port
        "board_temp_max_c": (73.0, 61.75),  # the hottest sensor against the mean of four
    }


@needs_port_80
def test_bitaxe() -> None:
    page = recorded("bitaxe/v2_0_0/system_info.json")
    found = differences(*both(web={"/": b"<html><title>AxeOS</title></html>", "/api/system/info": page}))
    assert found == {
        "hashrate_expected_ths": (None, pytest.approx(0.62524)),  # theirs computes cores times clock; it is not said
        "inlet_temp_c": (None, 59.875),  # theirs writes the one chip temperature there
        "outlet_temp_c": (None, 59.875),
    } | {"pools": found["pools"]}  # theirs adds zero shares per pool, which AxeOS does not count
    assert [
        one.shares_accepted
        for one in both(web={"/": b"<html><title>AxeOS</title></html>", "/api/system/info": page})[0].pools
    ] == [None, None]


def test_pyasic_reads_the_same_tables() -> None:
    """The third peer, for what a CGMiner says: no interpretation, the same rows."""
    replies = recordings("luxminer/v1", "summary", "pools")

    async def work() -> tuple[dict[str, Any], ReadResult]:
        async with listening(answering(cgminer_talk(replies)), own_address(), 4028) as (address, _):
            theirs = await peers.CGMinerRPCAPI(address).summary()
            ours = await OwnAdapter().read(Target(address, dialect="cgminer"), limits=LIMITS)
            return theirs, ours

    theirs, ours = asyncio.run(work())
    assert ours.reading is not None
    assert theirs["SUMMARY"][0]["GHS 5s"] / 1000 == ours.reading.hashrate_ths
    assert theirs["SUMMARY"][0]["Accepted"] == ours.reading.shares_accepted


@pytest.mark.parametrize("read", [OwnAdapter().read, PyasicAdapter().read])
def test_garbage_is_no_reading_for_either(read: Callable[..., Any]) -> None:
    async def work() -> ReadResult:
        garbage = {"version": b"\x00\xff{]", "summary": b"<html>"}
        async with listening(answering(cgminer_talk(garbage)), own_address(), 4028) as (address, _):
            return await read(Target(address), limits=LIMITS)

    result = asyncio.run(work())
    assert result.reading is None
    assert result.trouble is not None

"""Two clients nobody here wrote take the machines for what they claim to be, and switch them.

``pyasic_rs`` knows the usual ports only; its makes with a web page are tried where port 80 may be bound. ``pyasic`` is
given a high web port.
"""

import asyncio
import contextlib
import warnings
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from hosting.engine.simulation.kinds import KINDS
from hosting.engine.simulation.machine import Machine, Phase
from hosting.engine.simulation.reading import Reading, read
from tests.hosting.simulator.support import HIGH_PORT, Site, kind, may_bind_port_80, running

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pyasic
    import pyasic_rs

PATIENCE_S = 20
pytestmark = pytest.mark.filterwarnings("default")
NEEDS_PORT_80 = {"antminer", "braiins", "bitaxe"}
RS_MODELS = {
    "antminer-s19pro": ("Antminer", "S19Pro", "AntMiner Stock"),
    "antminer-s19jpro": ("Antminer", "S19jPro", "AntMiner Stock"),
    "antminer-s21": ("Antminer", "S21", "AntMiner Stock"),
    "whatsminer-m30s++": ("Whatsminer", "M30SPlusPlusVH60", "WhatsMiner Stock"),
    "whatsminer-m50": ("Whatsminer", "M50VH50", "WhatsMiner Stock"),
    "avalon-1246": ("Avalonminer", "Avalon1246", "AvalonMiner Stock"),
    "luxos-s19jpro": ("Antminer", "S19jPro", "LuxOS"),
    "luxos-s19kpro": ("Antminer", "S19KPro", "LuxOS"),
    "luxos-s21": ("Antminer", "S21", "LuxOS"),
    "braiins-s19xp": ("Antminer", "S19XP", "Braiins"),
    "braiins-s19jpro": ("Antminer", "S19jPro", "Braiins"),
    "bitaxe-supra": ("Bitaxe", "Supra", "Bitaxe Stock"),
    "bitaxe-gamma": ("Bitaxe", "Gamma", "Bitaxe Stock"),
}
PYASIC_MODELS = {
    "antminer-s19pro": "BMMinerS19Pro",
    "antminer-s19jpro": "BMMinerS19jPro",
    "antminer-s21": "BMMinerS21",
    "whatsminer-m30s++": "BTMinerM30SPlusPlusVH60",
    "whatsminer-m50": "BTMinerM50VH50",
    "avalon-1246": "CGMinerAvalon1246",
    "luxos-s19jpro": "LUXMinerS19jPro",
    "luxos-s19kpro": "LUXMinerS19kPro",
    "luxos-s21": "LUXMinerS21",
    "braiins-s19xp": "BOSMinerS19XP",
    "braiins-s19jpro": "BOSMinerS19jPro",
}
# Makes of which a client shows the last minute's hashrate, not this second's.
RS_SHOWS_A_MINUTE = {"whatsminer", "avalon"}
PYASIC_SHOWS_A_MINUTE = {"whatsminer"}
# Pause, resume and the make's own way of saying whether it mines, as far as the client asks for it.
SWITCHED = ["antminer-s21", "whatsminer-m50", "avalon-1246", "luxos-s19jpro", "braiins-s19xp"]


@pytest.fixture(autouse=True, scope="module")
def patience() -> Iterator[None]:
    """A busy computer is no reason for a client to give up."""
    before = pyasic.settings.get("factory_get_timeout")
    pyasic.settings.update("factory_get_timeout", PATIENCE_S)
    yield
    pyasic.settings.update("factory_get_timeout", before)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running(1, web_port=HIGH_PORT) as one:
        yield one


@pytest.fixture(scope="module")
def web_site() -> Iterator[Site]:
    if not may_bind_port_80():
        pytest.skip("port 80 may not be bound here, and this client knows no other")
    with running(2, web_port=80) as one:
        yield one


def do(work: Coroutine[Any, Any, Any]) -> Any:
    """Run one piece of a client's work, which no machine may keep waiting for long."""
    return asyncio.run(asyncio.wait_for(work, 30))


def settled(site: Site, one: Machine, seconds: float) -> Reading:
    """What the machine means to show once some time has passed."""
    site.clock.now += seconds
    return read(one, site.clock.now)


async def _found_by_rs(address: str) -> Any:
    factory = pyasic_rs.MinerFactory().with_connectivity_timeout_secs(PATIENCE_S)
    found = await factory.with_identification_timeout_secs(PATIENCE_S).get_miner(address)
    assert found is not None, f"nothing found at {address}"
    return found


async def _read_by_rs(address: str) -> tuple[Any, Any]:
    found = await _found_by_rs(address)
    return found, await found.get_data()


def _meant_ths(one: Machine, reading: Reading, shows_a_minute: set[str]) -> float:
    return reading.ths_1m if one.kind.make in shows_a_minute else reading.ths_5s


@pytest.mark.parametrize("key", [one.key for one in KINDS])
def test_pyasic_rs_finds_and_reads_every_kind(key: str, request: pytest.FixtureRequest) -> None:
    site: Site = request.getfixturevalue("web_site" if kind(key).make in NEEDS_PORT_80 else "site")
    one, address = site.machine(key)
    reading = settled(site, one, 0.0)
    found, data = do(_read_by_rs(address))

    assert (found.make, found.model, found.firmware) == RS_MODELS[key]
    assert float(data.hashrate) == pytest.approx(_meant_ths(one, reading, RS_SHOWS_A_MINUTE), rel=1e-4)
    # Antminer's own firmware does not say what it draws; this client then says nothing, as it should.
    assert data.wattage == (None if one.kind.make == "antminer" else pytest.approx(reading.power_w, abs=0.51))
    # The board is cooler than its chips, by as much as the make puts its sensors away from them.
    assert 0 <= reading.chip_c - data.average_temperature < 20 or one.kind.make == "bitaxe"
    assert [fan.rpm for fan in data.fans] == pytest.approx(reading.fans_rpm, abs=0.51)
    assert data.total_chips == one.kind.boards * one.kind.chips
    assert data.uptime.total_seconds() in {reading.uptime_s, reading.elapsed_s}
    assert data.is_mining


async def _rs_switch(address: str, verb: str) -> Any:
    found = await _found_by_rs(address)
    return await getattr(found, verb)()


@pytest.mark.parametrize("key", SWITCHED)
def test_pyasic_rs_pauses_and_resumes(key: str, request: pytest.FixtureRequest) -> None:
    site: Site = request.getfixturevalue("web_site" if kind(key).make in NEEDS_PORT_80 else "site")
    one, address = site.machine(key)
    # An Avalon does as it is told and says so in words that this client does not take for a yes.
    believed = one.kind.make != "avalon"

    assert do(_rs_switch(address, "pause")) is believed
    asleep = settled(site, one, 60.0)
    assert (one.phase, asleep.ths_5s) == (Phase.ASLEEP, 0.0)
    assert do(_rs_switch(address, "resume")) is believed
    settled(site, one, 10.0)
    assert one.phase is Phase.STARTING
    assert settled(site, one, 1500.0).ths_5s == pytest.approx(one.kind.rated_ths, rel=0.08)


@pytest.mark.parametrize("key", ["whatsminer-m30s++", "braiins-s19jpro"])
def test_pyasic_rs_sets_a_power_target(key: str, request: pytest.FixtureRequest) -> None:
    site: Site = request.getfixturevalue("web_site" if kind(key).make in NEEDS_PORT_80 else "site")
    one, address = site.machine(key)

    async def set_power() -> Any:
        return await (await _found_by_rs(address)).set_power_limit(2200)

    assert do(set_power())
    assert settled(site, one, 300.0).power_w == pytest.approx(2200, rel=0.02)


@pytest.mark.parametrize("key", list(PYASIC_MODELS))
def test_pyasic_finds_and_reads_every_kind_on_4028(key: str, site: Site) -> None:
    one, address = site.machine(key)
    reading = settled(site, one, 0.0)

    async def read_by_pyasic() -> Any:
        found = await pyasic.get_miner(address)
        assert type(found).__name__ == PYASIC_MODELS[key]
        if one.kind.make == "braiins":
            return None  # read over gRPC, which is not simulated
        if found.web:
            found.web.port = HIGH_PORT
        return await found.get_data(include=["hashrate", "wattage", "hashboards", "fans", "uptime"])

    data = do(read_by_pyasic())
    if data is None:
        return
    assert float(data.hashrate) == pytest.approx(_meant_ths(one, reading, PYASIC_SHOWS_A_MINUTE), rel=1e-4)
    # Neither an Antminer nor an Avalon of this series tells this client what it draws.
    silent = one.kind.make in {"antminer", "avalon"}
    assert data.wattage == (None if silent else pytest.approx(reading.power_w, abs=1))
    for board, meant in zip(data.hashboards, reading.boards, strict=True):
        assert float(board.hashrate) == pytest.approx(meant.ths, rel=0.02)
        assert board.chip_temp == pytest.approx(meant.chip_c, abs=3)
        assert board.chips == one.kind.chips
    assert [fan.speed for fan in data.fans] == reading.fans_rpm
    assert data.uptime in {reading.uptime_s, reading.elapsed_s}


@pytest.mark.parametrize("key", ["antminer-s19pro", "whatsminer-m50", "avalon-1246", "luxos-s21"])
def test_pyasic_pauses_and_resumes(key: str, site: Site) -> None:
    one, address = site.machine(key)

    async def switch(verb: str) -> Any:
        found = await pyasic.get_miner(address)
        if found.web:
            found.web.port = HIGH_PORT
        return await getattr(found, verb)()

    assert do(switch("stop_mining")) is True
    asleep = settled(site, one, 60.0)
    assert (one.phase, asleep.ths_5s) == (Phase.ASLEEP, 0.0)
    assert do(switch("resume_mining")) is True
    settled(site, one, 10.0)
    assert one.phase is Phase.STARTING
    assert settled(site, one, 1500.0).ths_5s == pytest.approx(one.kind.rated_ths, rel=0.08)


@pytest.mark.parametrize(("key", "meant_w"), [("whatsminer-m50", 2400.0), ("luxos-s19kpro", None)])
def test_pyasic_sets_a_power_target(key: str, meant_w: float | None, site: Site) -> None:
    one, address = site.machine(key)

    async def set_power() -> Any:
        return await (await pyasic.get_miner(address)).set_power_limit(2400)

    assert do(set_power()) is True
    drawn = settled(site, one, 300.0).power_w
    # LuxOS takes the nearest profile below.
    assert drawn == pytest.approx(2400, rel=0.02) if meant_w else 2100 < drawn <= 2424


@pytest.mark.parametrize(("key", "name"), [("bitaxe-supra", "BitAxeSupra"), ("bitaxe-gamma", "BitAxeGamma")])
def test_pyasic_reads_a_bitaxe_at_a_high_port(key: str, name: str, site: Site) -> None:
    from pyasic.miners.factory import MINER_CLASSES, MinerTypes

    one, address = site.machine(key)
    reading = settled(site, one, 0.0)
    found = MINER_CLASSES[MinerTypes.BITAXE][one.kind.model](address)
    found.web.port = HIGH_PORT
    data = do(found.get_data())

    assert type(found).__name__ == name
    assert float(data.hashrate) == pytest.approx(reading.ths_5s)
    assert (data.wattage, [fan.speed for fan in data.fans]) == (reading.power_w, reading.fans_rpm)
    assert data.hashboards[0].chip_temp == pytest.approx(reading.chip_c, abs=0.01)


def test_a_wrong_password_switches_nothing() -> None:
    with running(0, web_port=HIGH_PORT, password="another") as site:

        async def switch(address: str, password: str | None) -> Any:
            found = await pyasic.get_miner(address)
            if password is not None:
                (found.web or found.rpc).pwd = password
            if found.web:
                found.web.port = HIGH_PORT
            return await found.stop_mining()

        for key in ("antminer-s19pro", "whatsminer-m50"):
            one, address = site.machine(key)
            with contextlib.suppress(pyasic.APIError, KeyError):
                do(switch(address, None))
            assert read(one, site.clock.now).hashing
            do(switch(address, "another"))
            assert one.phase is Phase.ASLEEP

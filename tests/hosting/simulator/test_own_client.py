"""Our own reader and drivers, against the same machines as the two foreign clients."""

import asyncio
from collections.abc import Iterator

import pytest

from hosting.clients.adapter import Capability, Credentials, Outcome, Target
from hosting.clients.own import OwnAdapter
from hosting.engine.simulation.kinds import KINDS
from hosting.engine.simulation.machine import Phase
from hosting.engine.simulation.reading import read
from tests.hosting.simulator.support import HIGH_PORT, Site, kind, running

PASSWORDS = {"whatsminer": ("admin", "admin"), "braiins": ("root", "root")}
SHOWS_A_MINUTE = {"whatsminer"}
DIALECTS = {"bitaxe": "axeos"}
SWITCHED = ["whatsminer-m30s++", "avalon-1246", "luxos-s21", "braiins-s19xp"]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running(0, web_port=HIGH_PORT) as one:
        yield one


def target(address: str, make: str, dialect: str = "") -> Target:
    username, password = PASSWORDS.get(make, ("", ""))
    return Target(address, http_port=HIGH_PORT, dialect=dialect, credentials=Credentials(username, password))


@pytest.mark.parametrize("key", [one.key for one in KINDS])
def test_every_kind_is_read_as_it_was_meant(key: str, site: Site) -> None:
    one, address = site.machine(key)
    meant = read(one, site.clock.now)
    result = asyncio.run(OwnAdapter().read(target(address, one.kind.make)))

    assert (result.trouble, result.reading is not None) == (None, True)
    found = result.reading
    assert found is not None
    assert found.dialect == DIALECTS.get(one.kind.make, one.kind.make)
    rate = meant.ths_1m if one.kind.make in SHOWS_A_MINUTE else meant.ths_5s
    assert found.hashrate_ths == pytest.approx(rate, rel=1e-4)
    assert found.power_w == (None if one.kind.make == "antminer" else pytest.approx(meant.power_w, abs=1))
    assert list(found.fans_rpm) == meant.fans_rpm
    assert found.uptime_s in {meant.uptime_s, meant.elapsed_s}
    assert (found.shares_accepted, found.shares_rejected) == (meant.accepted, meant.rejected)


@pytest.mark.parametrize("key", SWITCHED)
def test_what_can_be_switched_is_switched(key: str, site: Site) -> None:
    one, address = site.machine(key)
    own = OwnAdapter()
    there = asyncio.run(own.identify(target(address, one.kind.make)))
    assert {Capability.PAUSE, Capability.RESUME} <= there.capabilities

    assert asyncio.run(own.pause(there.target)).outcome is Outcome.ACCEPTED
    site.clock.now += 60.0
    assert read(one, site.clock.now).ths_5s == 0.0
    assert one.phase is Phase.ASLEEP
    assert asyncio.run(own.resume(there.target)).outcome is Outcome.ACCEPTED
    site.clock.now += 10.0
    one.advance(site.clock.now)
    assert one.phase is Phase.STARTING
    site.clock.now += 1500.0
    assert read(one, site.clock.now).ths_5s == pytest.approx(kind(key).rated_ths, rel=0.08)

"""Our adapter and the simulated fleet were written apart, and tried by others each; here they meet."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from hosting.clients.adapter import Credentials, Outcome, ReadResult, Target
from hosting.clients.limits import Limits
from hosting.clients.own import OwnAdapter
from hosting.engine.machines.reading import MiningState
from hosting.engine.machines.reading import Reading as Seen
from hosting.engine.simulation.kinds import KINDS
from hosting.engine.simulation.machine import Machine, Phase
from hosting.engine.simulation.reading import Reading, read
from tests.hosting.simulator.support import HIGH_PORT, Site, running

LIMITS = Limits(connect_s=5, silence_s=5, total_s=15)
OWN = OwnAdapter()
PASSWORD = "not the factory's"
DIALECTS = {"bitaxe": "axeos"}
T = TypeVar("T")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running(0, web_port=HIGH_PORT, password=PASSWORD) as one:
        yield one


def do(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, 30))


def place(address: str, dialect: str = "") -> Target:
    return Target(address, http_port=HIGH_PORT, dialect=dialect, credentials=Credentials("root", PASSWORD))


def meant(site: Site, one: Machine, seconds: float = 0.0) -> Reading:
    site.clock.now += seconds
    return read(one, site.clock.now)


def seen(result: ReadResult) -> Seen:
    assert result.reading is not None, result
    return result.reading


@pytest.mark.parametrize("key", [one.key for one in KINDS])
def test_every_kind_is_recognised_and_read_as_it_means_to_be(key: str, site: Site) -> None:
    one, address = site.machine(key)
    intended = meant(site, one)
    reading = seen(do(OWN.read(place(address), limits=LIMITS)))
    assert reading.dialect == DIALECTS.get(one.kind.make, one.kind.make)
    shown = intended.ths_1m if one.kind.make == "whatsminer" else intended.ths_5s
    assert reading.hashrate_ths == pytest.approx(shown, rel=1e-4)
    if one.kind.make == "antminer":
        assert reading.power_w is None  # stock firmware does not say
    else:
        assert reading.power_w == pytest.approx(intended.power_w, abs=0.51)
    assert list(reading.fans_rpm) == pytest.approx(list(intended.fans_rpm), abs=0.51)
    assert reading.uptime_s in {float(intended.uptime_s), float(intended.elapsed_s)}
    assert sum(board.chips or 0 for board in reading.boards) == one.kind.boards * one.kind.chips
    assert reading.state == MiningState.MINING
    assert reading.notes == ()


@pytest.mark.parametrize("key", ["luxos-s19jpro", "whatsminer-m50", "avalon-1246", "braiins-s19xp"])
def test_what_we_can_switch_sleeps_and_wakes(key: str, site: Site) -> None:
    one, address = site.machine(key)
    target = place(address, one.kind.make)
    assert do(OWN.pause(target, limits=LIMITS)).outcome is Outcome.ACCEPTED
    assert (meant(site, one, 60.0).ths_5s, one.phase) == (0.0, Phase.ASLEEP)
    assert seen(do(OWN.read(place(address), limits=LIMITS))).state == MiningState.PAUSED
    meant(site, one, 1200.0)  # a Whatsminer shows the mean of a minute or more
    assert seen(do(OWN.read(place(address), limits=LIMITS))).hashrate_ths == pytest.approx(0.0, abs=1e-3)
    assert do(OWN.resume(target, limits=LIMITS)).outcome is Outcome.ACCEPTED
    meant(site, one, 10.0)
    assert one.phase is Phase.STARTING
    assert meant(site, one, 1500.0).ths_5s == pytest.approx(one.kind.rated_ths, rel=0.08)


@pytest.mark.parametrize("key", ["whatsminer-m30s++", "braiins-s19jpro", "luxos-s21"])
def test_power_is_kept_within_the_watts(key: str, site: Site) -> None:
    one, address = site.machine(key)
    result = do(OWN.set_power_target(place(address, one.kind.make), 2600, limits=LIMITS))
    assert result.outcome is Outcome.ACCEPTED, result
    power_w = meant(site, one, 1500.0).power_w
    assert power_w <= 2600 * 1.02
    assert power_w == pytest.approx(2600, rel=0.02 if one.kind.make != "luxos" else 0.15)  # LuxOS has steps


@pytest.mark.parametrize("key", ["whatsminer-m50", "braiins-s19xp"])
def test_a_wrong_password_changes_nothing(key: str, site: Site) -> None:
    one, address = site.machine(key)
    target = Target(address, http_port=HIGH_PORT, dialect=one.kind.make, credentials=Credentials("root", "guess"))
    result = do(OWN.pause(target, limits=LIMITS))
    assert result.outcome in (Outcome.REFUSED, Outcome.UNKNOWN)
    meant(site, one, 60.0)
    assert one.phase is not Phase.ASLEEP

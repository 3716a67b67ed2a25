"""What goes wrong, to whom and when: by the seed alone."""

from collections import Counter

import pytest

from hosting.engine.simulation.faults import Fault, FaultsUnreadable, always_bad, read_plan
from hosting.engine.simulation.fleet import Fleet, FleetPlan, FleetRefused, read_makes
from hosting.engine.simulation.machine import Phase
from hosting.engine.simulation.reading import Reading, read
from tests.hosting.simulator.support import machine, own_network

ALL = "drop=3/day,hang=3/day,garbage=3/day,reboot=2/day,board=2/day,overheat=2/day,fan=2/day"


def _day(seed: int) -> list[tuple[str, Reading, Fault]]:
    fleet = Fleet(FleetPlan(20, seed, own_network(0), faults=read_plan(ALL)))
    seen = []
    for second in range(0, 86400, 3600):
        seen += [(m.kind.key, read(m, float(second)), m.network_fault()) for m in fleet.machines]
    return seen


def test_the_same_seed_is_the_same_fleet_on_the_same_day() -> None:
    assert _day(4) == _day(4)
    assert _day(4) != _day(5)


def test_shares_are_exact() -> None:
    bad = always_bad(read_plan("hang=2.5%,garbage=2.5%,drop=1%"), miners=6000, seed=1)
    assert Counter(bad.values()) == {Fault.HANG: 150, Fault.GARBAGE: 150, Fault.DROP: 60}
    assert bad == always_bad(read_plan("hang=2.5%,garbage=2.5%,drop=1%"), miners=6000, seed=1)
    assert always_bad(read_plan("hang=2.5%"), miners=6000, seed=2).keys() != bad.keys()


def test_incidents_come_as_often_as_said() -> None:
    machines = [machine("luxos-s21", faults="reboot=2/day", index=index) for index in range(200)]
    for one in machines:
        one.advance(86400.0)
    assert sum(one.incidents - 1 for one in machines) == pytest.approx(400, rel=0.15)


def test_a_lost_board_takes_its_part() -> None:
    one = machine("antminer-s19pro")
    one.fault, one.fault_ends = Fault.BOARD, 5000.0
    reading = read(one, 1000.0)
    assert [board.alive for board in reading.boards].count(False) == 1
    assert reading.ths_5s == pytest.approx(one.kind.rated_ths * 2 / 3, rel=0.08)
    assert read(one, 7000.0).ths_5s == pytest.approx(one.kind.rated_ths, rel=0.08)


def test_hot_air_ends_in_a_shutdown_and_comes_back_when_it_cools() -> None:
    one = machine("whatsminer-m30s++")
    one.fault, one.fault_ends = Fault.OVERHEAT, 700.0
    hottest, tripped_at = 0.0, 0.0
    for second in range(0, 1200, 10):
        hottest = max(hottest, read(one, float(second)).chip_c)
        if one.phase is Phase.TRIPPED and not tripped_at:
            tripped_at = second
    assert one.kind.trip_c - 2 < hottest < one.kind.trip_c + 10
    assert 60 < tripped_at < 600
    assert read(one, 5000.0).ths_5s == pytest.approx(one.kind.rated_ths, rel=0.08)


def test_a_still_fan_reads_zero_and_heats() -> None:
    one = machine("luxos-s19jpro")
    cool = read(one, 0.0)
    one.fault, one.fault_ends = Fault.FAN, 9000.0
    hot = read(one, 1200.0)
    assert hot.fans_rpm.count(0) == 1
    assert max(hot.fans_rpm) > max(cool.fans_rpm)
    assert cool.chip_c + 5 < hot.chip_c < one.kind.trip_c


@pytest.mark.parametrize(
    "text",
    ["smoke=1%", "hang", "hang=5", "hang=200%", "hang=x%", "none=1%", "reboot=5%", "hang=60%,drop=60%", "fan=-1/day"],
)
def test_faults_that_say_nothing_are_refused(text: str) -> None:
    with pytest.raises(FaultsUnreadable):
        read_plan(text)


@pytest.mark.parametrize("text", ["", "goldshell", "antminer:0", "antminer:x", "luxos:-1"])
def test_makes_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(FleetRefused):
        read_makes(text)


def test_makes_come_by_weight() -> None:
    fleet = Fleet(FleetPlan(1000, 3, makes=read_makes("antminer:3,luxos")))
    assert Counter(one.kind.make for one in fleet.machines) == {"antminer": 750, "luxos": 250}
    assert all(fleet.at(fleet.address(index)) is one for index, one in enumerate(fleet.machines))
    assert [fleet.at(address) for address in ("127.76.255.255", "127.77.0.0", "127.77.0.255", "127.77.4.1")] == [
        None
    ] * 4

"""What a simulated machine does over time, without clock and socket."""

import pytest

from hosting.engine.simulation.kinds import KINDS
from hosting.engine.simulation.machine import Phase
from hosting.engine.simulation.reading import read
from tests.hosting.simulator.support import kind, machine

EVERY_KIND = pytest.mark.parametrize("key", [one.key for one in KINDS])


@EVERY_KIND
def test_a_machine_does_what_its_label_says(key: str) -> None:
    one = machine(key)
    reading = read(one, 3600.0)

    assert reading.hashing
    assert reading.ths_5s == pytest.approx(one.kind.rated_ths, rel=0.08)
    assert reading.power_w == pytest.approx(one.kind.rated_w, rel=0.1, abs=1)
    assert sum(board.ths for board in reading.boards) == pytest.approx(reading.ths_5s)
    assert 45 < reading.chip_c < one.kind.trip_c - 5
    assert len(reading.fans_rpm) == one.kind.fans


@EVERY_KIND
def test_pause_and_resume_take_their_time(key: str) -> None:
    one, timing = machine(key), kind(key).timing
    one.advance(1000.0)
    one.sleep()
    read(one, 1000.0 + timing.stop_s * 0.5)
    assert 0.3 < one.level < 0.7
    asleep = read(one, 1000.0 + timing.stop_s * 2)
    assert (asleep.ths_5s, asleep.power_w) == (0.0, round(one.kind.idle_w))
    assert read(one, 4600.0).chip_c == pytest.approx(one.air_c(), abs=0.5)

    one.wake()
    assert read(one, 4600.0 + timing.start_s[0] * 0.9).ths_5s == 0.0
    hashing_at = one.phase_ends
    assert timing.start_s[0] <= hashing_at - 4600.0 <= timing.start_s[1]
    read(one, hashing_at + timing.ramp_s / 2)
    assert one.level == pytest.approx(0.5)
    assert read(one, hashing_at + timing.ramp_s * 1.2).ths_5s == pytest.approx(one.kind.rated_ths, rel=0.08)


def test_a_program_that_restarts_counts_from_nothing() -> None:
    one = machine("antminer-s19pro")
    before = read(one, 1000.0)
    one.sleep(restart=True, quiet_s=20.0)
    one.wake(restart=True, quiet_s=20.0)
    after = read(one, 1010.0)

    assert before.accepted > 1000
    assert (after.accepted, after.elapsed_s, after.uptime_s) == (0, 10, before.uptime_s + 10)


def test_a_reboot_resets_uptime_and_keeps_an_order_to_sleep() -> None:
    one, sleeping = machine("luxos-s21"), machine("luxos-s21", index=1)
    for each in (one, sleeping):
        each.advance(500.0)
    sleeping.sleep()
    for each in (one, sleeping):
        each.reboot()
        assert each.phase is Phase.BOOTING
        each.advance(1500.0)
        assert read(each, 1500.0).uptime_s < 1000
    assert (one.phase, sleeping.phase) == (Phase.HASHING, Phase.ASLEEP)
    sleeping.wake()
    assert read(sleeping, 2500.0).ths_5s > 100


@pytest.mark.parametrize("watts", [1500, 2400, 3400])
def test_a_power_target_is_met_and_costs_hashrate(watts: int) -> None:
    one = machine("whatsminer-m50")
    rated = read(one, 100.0)
    one.set_power(watts)
    reading = read(one, 3000.0)

    assert reading.power_w == pytest.approx(watts, rel=0.02)
    assert (reading.ths_5m < rated.ths_5m) == (watts < rated.power_w)
    assert (reading.chip_c < rated.chip_c) == (watts < rated.power_w)
    # Less power is better used.
    assert (reading.power_w / reading.ths_5m < rated.power_w / rated.ths_5m) == (watts < rated.power_w)


def test_how_often_one_looks_changes_nothing() -> None:
    faults = "reboot=20/day,board=20/day,overheat=20/day,fan=10/day"
    often, seldom = machine("antminer-s21", faults=faults), machine("antminer-s21", faults=faults)
    for second in range(0, 86400, 7):
        often.advance(float(second))
    for each in (often, seldom):
        each.advance(86400.0)

    assert often.incidents == seldom.incidents > 10
    assert often.phase is seldom.phase
    for name in ("level", "work_th", "rise_c", "average_15m", "booted_at", "fault_begins", "fault_ends"):
        assert getattr(often, name) == pytest.approx(getattr(seldom, name), rel=1e-6), name


def test_shares_grow_with_work() -> None:
    one = machine("avalon-1246")
    first, second = read(one, 0.0), read(one, 3600.0)
    expected = one.kind.rated_ths * one.full * 3600 * 1e12 / (one.kind.difficulty * 2**32)

    assert second.accepted + second.rejected - first.accepted - first.rejected == pytest.approx(expected, abs=1)

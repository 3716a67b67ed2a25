"""The running estimate and the difficulty in force, against published vectors and on every real day."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.engine.chain import RETARGET_BLOCKS, subsidy_btc
from marketdata.engine.numbers import NumberRefused
from marketdata.engine.retarget import (
    DifficultyPeriod,
    DifficultyPeriods,
    RunningEstimate,
    SubsidySteps,
    Window,
    change_percent,
    running_estimate,
)
from marketdata.engine.targets import difficulty_of, next_bits
from tests.marketdata.engine.sample import days, needs_btc, retargets

D = Decimal
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = 900 * RETARGET_BLOCKS


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def paced(blocks: int, seconds: float, window: Window | None = None, newest_at: datetime | None = None) -> Decimal:
    """The change with the blocks of the period so far ``seconds`` apart."""
    found = running_estimate(
        FIRST + blocks, BEGAN, BEGAN + timedelta(seconds=blocks * seconds), window=window, newest_at=newest_at
    )
    assert found.change_percent is not None
    return found.change_percent


def test_the_estimate_of_a_period_well_under_way() -> None:
    """As mempool.space shows it for height 830,027."""
    found = running_estimate(830_027, at("2024-02-02T15:42:06"), at("2024-02-11T22:43:01"))
    assert float(found.change_percent or 0) == pytest.approx(8.512745140778843, abs=1e-12)
    assert float(found.progress_percent) == pytest.approx(71.97420634920636, abs=1e-12)
    assert float(found.expected_blocks) == pytest.approx(1338.0916666666667, abs=1e-9)
    assert int(found.interval_s * 1000) == 553_311
    assert abs(found.retarget_at.timestamp() - 1_708_004_001.715) < 1  # whole milliseconds per block there
    assert (found.height, found.blocks, found.remaining_blocks, found.next_height) == (830_027, 1451, 565, 830_592)


def test_the_first_quarter_looks_back_over_the_retarget() -> None:
    """Height 750,134 is block 182 of its period; 503 intervals ago the difficulty was lower by 0.6 %."""
    began, now = at("2022-08-18T11:07:00"), at("2022-08-19T14:03:53")
    window = Window(at("2022-08-16T03:16:54"), D("0.6280047707459726"))
    found = running_estimate(750_134, began, now, window=window)
    assert float(found.change_percent or 0) == pytest.approx(1.0420538959004633, abs=1e-12)
    assert int(found.interval_s * 1000) == 594_992
    assert abs(found.retarget_at.timestamp() - 1_662_009_048.328) < 2
    alone = running_estimate(750_134, began, now)
    assert float(alone.change_percent or 0) == pytest.approx(13.180707740199772, abs=1e-12)


def test_the_last_block_s_own_time_counts_when_the_period_is_complete() -> None:
    began, now, newest = at("2023-04-20T09:57:33"), at("2023-05-04T14:54:09"), at("2023-05-04T14:54:26")
    found = running_estimate(788_255, began, now, newest_at=newest)
    assert found.remaining_blocks == 1
    assert float(found.change_percent or 0) == pytest.approx(-1.4512637555574193, abs=1e-12)
    # One block earlier the clock counts: nobody knows yet when the last block will come.
    earlier = running_estimate(788_254, began, now, newest_at=newest)
    assert earlier.change_percent == running_estimate(788_254, began, now).change_percent


@given(st.integers(0x17000001 + 0x10000, 0x1B7FFFFF), st.integers(RETARGET_BLOCKS * 151, RETARGET_BLOCKS * 2390))
def test_at_the_last_block_the_estimate_is_what_the_rule_does(bits: int, span: int) -> None:
    """But for the few digits that packing cuts off."""
    if bits & 0x00800000 or (bits & 0x007FFFFF) < 0x010000:
        return
    began = 1_700_000_000
    first, last = datetime.fromtimestamp(began, UTC), datetime.fromtimestamp(began + span, UTC)
    found = running_estimate(FIRST + 2015, first, last, newest_at=last).change_percent
    done = change_percent(difficulty_of(bits), difficulty_of(next_bits(bits, began, began + span)))
    assert found == pytest.approx(done, abs=D("0.05"))


@pytest.mark.parametrize("blocks", [0, 1, 145])
def test_there_is_no_estimate_in_the_first_146_blocks(blocks: int) -> None:
    now = BEGAN + timedelta(seconds=blocks * 300)
    found = running_estimate(FIRST + blocks, BEGAN, now, window=Window(BEGAN - timedelta(days=2), D(1)))
    assert (found.change_percent, found.interval_s) == (None, 600)
    assert found.retarget_at == now + timedelta(seconds=600 * (RETARGET_BLOCKS - blocks))


def test_from_the_146th_block_on_there_is_one() -> None:
    # The block that comes next is counted in: 147 blocks in the time of 146 intervals.
    assert paced(146, 600) == pytest.approx(D(147) / 146 * 100 - 100)
    assert paced(146, 300) == pytest.approx(D(147) / 146 * 200 - 100)


def test_the_window_ends_with_the_first_quarter() -> None:
    # 503 intervals of 600 s before the period, and a difficulty that doubled: they would have taken twice as long.
    doubled = Window(BEGAN - timedelta(seconds=600 * (503 - 502)), D(100))
    assert paced(502, 600, doubled) == pytest.approx(D(504 * 600) / (502 * 600 + 2 * 600) * 100 - 100)
    assert paced(503, 600, doubled) == paced(503, 600) == pytest.approx(D(504) / 503 * 100 - 100)


def test_the_change_is_held_as_the_rule_holds_it() -> None:
    assert (paced(1000, 100), paced(1000, 150.2), paced(1000, 2390), paced(1000, 2500)) == (
        300, pytest.approx(D(60060000) / 150200 - 100), pytest.approx(D(60060000) / 2390000 - 100), -75,
    )  # fmt: skip
    assert paced(1000, 0) == 300


def test_an_estimate_before_its_period_and_moments_without_a_zone_are_refused() -> None:
    with pytest.raises(NumberRefused, match="begins after the moment"):
        running_estimate(FIRST + 200, BEGAN, BEGAN - timedelta(seconds=1))
    with pytest.raises(NumberRefused, match="without a time zone"):
        running_estimate(FIRST + 200, BEGAN.replace(tzinfo=None), BEGAN)


def test_an_estimate_cannot_be_changed() -> None:
    found = running_estimate(FIRST + 200, BEGAN, BEGAN + timedelta(days=1))
    assert isinstance(found, RunningEstimate)
    with pytest.raises(AttributeError):
        found.height = 1  # type: ignore[misc]


def periods(*rows: tuple[int, int, int | None]) -> DifficultyPeriods:
    """Rows of (number of the period, difficulty, day of its first block)."""
    return DifficultyPeriods([
        DifficultyPeriod(number * RETARGET_BLOCKS, D(difficulty), None if day is None else BEGAN + timedelta(days=day))
        for number, difficulty, day in rows
    ])  # fmt: skip


def found_at(found: DifficultyPeriods, day: float) -> Decimal | None:
    period = found.at_instant(BEGAN + timedelta(days=day))
    return period and period.difficulty


def test_the_difficulty_in_force_at_a_height() -> None:
    found = periods((1, 10, None), (2, 20, None), (4, 40, None))
    edges = [2015, 2016, 4031, 4032, 6047, 6048, 8063, 8064, 10_079, 10_080]
    assert [(p.difficulty if (p := found.at_height(h)) else None) for h in edges] == [
        None, 10, 10, 20, 20, None, None, 40, 40, None,
    ]  # fmt: skip


def test_the_difficulty_in_force_at_a_moment() -> None:
    found = periods((1, 10, 0), (2, 20, 14), (3, 30, 27))
    assert [found_at(found, day) for day in (-0.001, 0, 13.999, 14, 26.999, 27, 400)] == [None, 10, 10, 20, 20, 30, 30]


def test_a_moment_that_could_belong_to_an_unknown_period_has_no_answer() -> None:
    without_moment = periods((1, 10, 0), (2, 20, None), (3, 30, 27))
    without_row = periods((1, 10, 0), (3, 30, 27))
    newest_without_moment = periods((1, 10, 0), (2, 20, None))
    for found in (without_moment, without_row):
        assert [found_at(found, day) for day in (0, 26, 27, 28)] == [None, None, 30, 30]
    assert found_at(newest_without_moment, 1) is None
    assert found_at(periods(), 1) is None


def test_periods_out_of_order_are_refused() -> None:
    with pytest.raises(NumberRefused, match="the heights of the periods do not rise at place 2"):
        periods((1, 10, 0), (3, 20, 14), (2, 30, 27))
    with pytest.raises(NumberRefused, match="the moments of the periods do not rise at place 1"):
        periods((1, 10, 14), (2, 20, 14))
    with pytest.raises(NumberRefused, match="the difficulty must be above 0"):
        periods((1, 0, 0))


def test_a_span_is_split_where_difficulty_and_subsidy_change() -> None:
    found = periods((1, 10, 0), (2, 20, 14), (3, 30, 27))
    steps = SubsidySteps.from_block(839_000, [BEGAN + timedelta(days=20)])
    pieces = found.pieces(BEGAN + timedelta(days=13), BEGAN + timedelta(days=28), steps, fees=D("0.1"))
    day = 86_400
    assert [(piece.seconds, piece.difficulty, piece.subsidy, piece.fees) for piece in pieces] == [
        (day, 10, D("6.25"), D("0.1")), (6 * day, 20, D("6.25"), D("0.1")), (7 * day, 20, D("3.125"), D("0.1")),
        (day, 30, D("3.125"), D("0.1")),
    ]  # fmt: skip
    assert found.pieces(BEGAN, BEGAN, steps) == []
    with pytest.raises(NumberRefused, match="the difficulty at 2025-12-31T00:00:00\\+00:00 is not known"):
        found.pieces(BEGAN - timedelta(days=1), BEGAN, steps)
    with pytest.raises(NumberRefused, match="ends before it begins"):
        found.pieces(BEGAN + timedelta(days=1), BEGAN, steps)
    twice = SubsidySteps(D(1), ((BEGAN + timedelta(days=2), D(1)), (BEGAN + timedelta(days=1), D(1))))
    with pytest.raises(NumberRefused, match="moments of the subsidies do not rise"):
        found.pieces(BEGAN, BEGAN + timedelta(days=1), twice)


def test_the_steps_of_the_subsidy_follow_the_halvings() -> None:
    steps = SubsidySteps.from_block(0, [BEGAN, BEGAN + timedelta(days=1)])
    assert (steps.first, [subsidy for _, subsidy in steps.later]) == (50, [25, D("12.5")])
    assert steps.later[1][1] == subsidy_btc(420_000)


class TestRealDays:
    """Every height there is, and every day more than two days from a retarget."""

    pytestmark = needs_btc

    def table(self) -> DifficultyPeriods:
        return DifficultyPeriods([
            DifficultyPeriod.of_bits(row.height, row.bits, row.about and datetime.combine(row.about, time(), UTC))
            for row in retargets()
        ])  # fmt: skip

    def test_the_difficulty_in_force_at_any_height(self) -> None:
        found = self.table()
        for row in retargets():
            for height in (row.height, row.height + 1007, row.height + 2015):
                period = found.at_height(height)
                assert period is not None
                assert (period.first_height, float(period.difficulty)) == (row.height, float(row.difficulty))
        assert found.at_height(931_392) is None

    def test_the_difficulty_in_force_on_any_day_away_from_a_retarget(self) -> None:
        found = self.table()
        changes = {row.about for row in retargets() if row.about}
        near = {day + timedelta(days=shift) for day in changes for shift in range(-2, 3)}
        asked, unknown = 0, []
        for day in days():
            if day.on in near:
                continue
            period = found.at_instant(datetime.combine(day.on, time(12), UTC))
            if period is None:
                unknown.append(day.on)
                continue
            asked += 1
            assert float(period.difficulty) == float(day.difficulty), day
        # The table's first moment is that of period 38; before, nobody can know, and nothing is made up.
        assert max(unknown) < date(2010, 8, 26)
        assert asked == 3489

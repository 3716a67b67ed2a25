"""Packed targets and the retarget rule, against Bitcoin Core's own vectors and every retarget there has been."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.engine.numbers import NumberRefused
from marketdata.engine.targets import (
    POW_LIMIT,
    POW_LIMIT_BITS,
    RETARGET_SPAN_S,
    TargetRefused,
    compact,
    difficulty_float,
    difficulty_of,
    next_bits,
    target_of,
)
from tests.marketdata.engine.sample import needs_btc, retargets

TARGETS = st.integers(min_value=1, max_value=2**256 - 1)


@pytest.mark.parametrize(
    ("bits", "first_time", "last_time", "expected"),
    [
        (0x1D00FFFF, 1261130161, 1262152739, 0x1D00D86A),
        (0x1D00FFFF, 1231006505, 1233061996, 0x1D00FFFF),  # held by the easiest target
        (0x1C05A3F4, 1279008237, 1279297671, 0x1C0168FD),  # a quarter of the time at least
        (0x1C387F6F, 1263163443, 1269211443, 0x1D00E1FD),  # four times at most
    ],
)
def test_retargets_of_bitcoin_core(bits: int, first_time: int, last_time: int, expected: int) -> None:
    assert next_bits(bits, first_time, last_time) == expected


def test_a_retarget_is_held_to_a_factor_of_four_either_way() -> None:
    bits = 0x1B0404CB
    target = target_of(bits)
    at = 1_600_000_000
    assert next_bits(bits, at, at + RETARGET_SPAN_S) == bits
    assert {next_bits(bits, at, at + span) for span in (-5, 0, RETARGET_SPAN_S // 4)} == {compact(target // 4)}
    assert {next_bits(bits, at, at + span) for span in (RETARGET_SPAN_S * 4, RETARGET_SPAN_S * 400)} == {
        compact(target * 4)
    }
    assert target_of(next_bits(bits, at, at + RETARGET_SPAN_S // 4 + 1000)) > target_of(compact(target // 4))


@pytest.mark.parametrize(
    ("bits", "target"),
    [
        (0x01123456, 0x12), (0x02123456, 0x1234), (0x03123456, 0x123456), (0x04123456, 0x12345600),
        (0x05009234, 0x92340000), (0x20123456, 0x123456 << 232), (0x02008000, 0x80), (0x1D00FFFF, 0xFFFF << 208),
        (0x2100FFFF, 0xFFFF << 240), (0x220000FF, 0xFF << 248), (0x207FFFFF, 0x7FFFFF << 232),
    ],
)  # fmt: skip
def test_targets_of_bitcoin_core(bits: int, target: int) -> None:
    assert target_of(bits) == target


@pytest.mark.parametrize(
    ("bits", "why"),
    [
        (0, "zero"), (0x00123456, "zero"), (0x01003456, "zero"), (0x02000056, "zero"), (0x03000000, "zero"),
        (0x04000000, "zero"), (0x00923456, "zero"), (0x01803456, "zero"), (0x02800056, "zero"), (0x03800000, "zero"),
        (0x04800000, "zero"), (0x01FEDCBA, "negative"), (0x04923456, "negative"), (0x1D80FFFF, "negative"),
        (0xFF123456, "beyond 256 bits"), (0x21010000, "beyond 256 bits"), (0x22000100, "beyond 256 bits"),
        (0x23000001, "beyond 256 bits"),
    ],
)  # fmt: skip
def test_bits_that_stand_for_no_target_are_refused(bits: int, why: str) -> None:
    with pytest.raises(TargetRefused, match=f"^bits 0x{bits:08x} stand for a target .*{why}|^bits .* a {why} target"):
        target_of(bits)


@pytest.mark.parametrize("bits", [-1, 2**32, "1d00ffff", 1.0, True, None])
def test_what_are_no_bits_are_refused(bits: object) -> None:
    with pytest.raises(NumberRefused, match="bits must be"):
        target_of(bits)  # type: ignore[arg-type]


@pytest.mark.parametrize("target", [0, -1, 2**256])
def test_what_is_no_target_cannot_be_packed(target: int) -> None:
    with pytest.raises(NumberRefused, match="the target must be"):
        compact(target)


def test_the_easiest_target_packs_into_its_bits() -> None:
    assert compact(POW_LIMIT) == POW_LIMIT_BITS
    assert compact(0x80) == 0x02008000  # a mantissa that would read as a sign moves up by a byte
    assert compact(0x12345678) == 0x04123456  # cut, not rounded: 0x78 would not matter, and 0xff would not either
    assert compact(0x123456FF) == 0x04123456


@given(TARGETS)
def test_packing_cuts_off_and_is_stable(target: int) -> None:
    packed = compact(target)
    unpacked = target_of(packed)
    assert unpacked <= target
    assert (target - unpacked) << 15 < target or target < 1 << 24  # at least 15 bits are kept
    assert compact(unpacked) == packed


@given(st.integers(0x03000001, 0x207FFFFF))
def test_unpacking_and_packing_gives_the_same_target(bits: int) -> None:
    """Some targets have several packed forms; the one that packing chooses stands for the same target."""
    try:
        target = target_of(bits)
    except TargetRefused:
        return
    assert target_of(compact(target)) == target


@given(TARGETS, TARGETS)
def test_a_smaller_target_never_packs_to_a_larger_one(one: int, two: int) -> None:
    low, high = sorted((one, two))
    assert target_of(compact(low)) <= target_of(compact(high))


def test_difficulties() -> None:
    assert difficulty_float(0x1B0404CB) == 16307.420938523983
    exact = Fraction(0xFFFF << 208, 0x0404CB << 192)
    assert abs(Fraction(difficulty_of(0x1B0404CB)) / exact - 1) < Fraction(1, 10**39)
    assert difficulty_of(POW_LIMIT_BITS) == 1
    assert len(difficulty_of(0x1B0404CB).as_tuple().digits) == 40


class TestEveryRetarget:
    """462 periods, from the first block to the end of 2025."""

    pytestmark = needs_btc

    def test_the_difficulty_of_each_follows_from_its_target(self) -> None:
        assert [row.period for row in retargets()] == list(range(462))
        assert [row for row in retargets() if difficulty_float(row.bits) != float(row.difficulty)] == []
        for row in retargets():
            exact = difficulty_of(row.bits)
            assert abs(Decimal(row.difficulty) / exact - 1) < Decimal("1e-15")
            assert compact(target_of(row.bits)) == row.bits

    def test_each_target_can_be_reached_from_the_one_before(self) -> None:
        """Some span of whole seconds between a quarter and four times two weeks leads from each period to the next."""
        at, reached = 1_600_000_000, 0
        for before, after in pairwise(retargets()):
            wanted = target_of(after.bits)
            span = -(-wanted * RETARGET_SPAN_S // target_of(before.bits))
            found = [next_bits(before.bits, at, at + span + shift) for shift in (-1, 0, 1)]
            reached += after.bits in found
            low = target_of(next_bits(before.bits, at, at + span - 1))
            high = target_of(next_bits(before.bits, at, at + span + 1))
            assert low <= wanted <= high
        assert reached == 461

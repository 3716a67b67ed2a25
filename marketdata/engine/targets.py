"""Targets: the number a block's hash must not exceed, its packed form in the header ("bits"), and how it is set anew.

Rules as in Bitcoin's consensus: the packed form is a base-256 float of one byte exponent and three bytes mantissa whose
highest bit is a sign. Packing cuts off, it does not round. All of it is exact arithmetic on whole numbers.
"""

from decimal import Decimal

from marketdata.engine.chain import RETARGET_BLOCKS, TARGET_SPACING_S
from marketdata.engine.numbers import exactly, whole

RETARGET_SPAN_S = RETARGET_BLOCKS * TARGET_SPACING_S  # 1,209,600 s: two weeks
MAX_STEP = 4  # a retarget changes the difficulty at most by this factor, either way
POW_LIMIT_BITS = 0x1D00FFFF
POW_LIMIT = (1 << 224) - 1  # what a target is held against; packed it is POW_LIMIT_BITS
_MAX_TARGET = (1 << 256) - 1
_SIGN = 0x00800000
_MANTISSA = 0x007FFFFF


class TargetRefused(ValueError):
    """The packed target stands for no target: it is negative, zero or does not fit into 256 bits."""


def target_of(bits: int) -> int:
    """The target that ``bits`` stands for. Raises TargetRefused where it stands for none."""
    size = whole("bits", bits, most=0xFFFFFFFF) >> 24
    word = bits & _MANTISSA
    if size <= 3:
        word >>= 8 * (3 - size)
    if word == 0:
        raise TargetRefused(f"bits 0x{bits:08x} stand for a target of zero")
    if bits & _SIGN:
        raise TargetRefused(f"bits 0x{bits:08x} stand for a negative target")
    target = word << 8 * max(0, size - 3)
    if target > _MAX_TARGET:
        raise TargetRefused(f"bits 0x{bits:08x} stand for a target beyond 256 bits")
    return target


def compact(target: int) -> int:
    """``target`` packed, its lower digits cut off."""
    size = (whole("the target", target, least=1, most=_MAX_TARGET).bit_length() + 7) // 8
    word = target << 8 * (3 - size) if size <= 3 else target >> 8 * (size - 3)
    if word & _SIGN:  # would be read as a sign
        word >>= 8
        size += 1
    return size << 24 | word


def difficulty_of(bits: int) -> Decimal:
    """How much harder than the easiest target, with 40 digits."""
    with exactly():
        return Decimal(target_of(POW_LIMIT_BITS)) / Decimal(target_of(bits))


def difficulty_float(bits: int) -> float:
    """The float nearest to the difficulty, as nodes print it."""
    return target_of(POW_LIMIT_BITS) / target_of(bits)


def next_bits(bits: int, first_time: int, last_time: int) -> int:
    """The packed target after a period with ``bits`` whose first and last block have these Unix times.

    These are 2,015 intervals, not 2,016: the rule counts so, and blocks come some 0.05 % late for it.
    """
    actual = whole("the last time", last_time) - whole("the first time", first_time)
    actual = min(max(actual, RETARGET_SPAN_S // MAX_STEP), RETARGET_SPAN_S * MAX_STEP)
    return compact(min(target_of(bits) * actual // RETARGET_SPAN_S, POW_LIMIT))

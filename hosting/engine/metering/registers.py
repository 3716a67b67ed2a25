"""Registers of Modbus as figures: sixteen bits each, several of them in one figure, in either order."""

import math
import struct
from collections.abc import Sequence
from decimal import Decimal

SIZES = {"uint16": 1, "int16": 1, "uint32": 2, "int32": 2, "float32": 2, "uint64": 4}
_SIGNED = frozenset({"int16", "int32"})


class NoFigure(ValueError):
    """The registers hold none: too few of them, of a kind nobody knows, or what meters show where nothing is."""


def figure_of(registers: Sequence[int], kind: str, *, low_first: bool = False) -> Decimal:
    """The figure of as many registers as its kind has; exact. Raises NoFigure.

    All ones (of signed figures the least, of floats no number) is how meters say that there is nothing.
    """
    size = SIZES.get(kind)
    if size is None or len(registers) != size or not all(0 <= one <= 0xFFFF for one in registers):
        raise NoFigure(f"{len(registers)} registers are no {kind}")
    words = list(reversed(registers)) if low_first else list(registers)
    raw = struct.pack(f">{size}H", *words)
    if kind == "float32":
        return _float(raw)
    value = int.from_bytes(raw, "big", signed=kind in _SIGNED)
    bits = 16 * size
    nothing = -(1 << (bits - 1)) if kind in _SIGNED else (1 << bits) - 1
    if value == nothing:
        raise NoFigure(f"{kind} without a value")
    return Decimal(value)


def _float(raw: bytes) -> Decimal:
    """The shortest decimal that is this float: 12.3, not 12.300000190734863."""
    (value,) = struct.unpack(">f", raw)
    if not math.isfinite(value):
        raise NoFigure("float32 without a value")
    for digits in (6, 7, 8, 9):
        text = f"{value:.{digits}g}"
        if struct.pack(">f", float(text)) == raw:
            return Decimal(text)
    return Decimal(value)

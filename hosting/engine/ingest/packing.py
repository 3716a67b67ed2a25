"""PostgreSQL's binary forms, built by columns: the stream of a COPY, and arrays as parameters."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hosting.engine.ingest.columns import Mask

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)
EPOCH_US = 946_684_800_000_000  # PostgreSQL counts microseconds from 2000
PORTION = 16_384  # rows; some megabytes
# Types of elements in arrays, by the kind of column.
OIDS = {">i8": 20, ">i2": 21, ">f4": 700, "time": 1184, "?": 16}


@dataclass(frozen=True, slots=True)
class Cell:
    """One column: ``kind`` is the type on the wire, ``valid`` says where it is not NULL (None: nowhere)."""

    kind: str  # ">i8", ">i2", ">f4", "?" or "time" (``values`` are microseconds since 1970)
    values: NDArray[Any]
    valid: Mask | None = None

    @property
    def wire(self) -> np.dtype[Any]:
        """As it is sent."""
        return np.dtype(">i8" if self.kind == "time" else self.kind)

    def sent(self, places: Any) -> NDArray[Any]:
        """The values at these places, as they are sent but for the order of bytes."""
        values = self.values if places is None else self.values[places]
        return values - EPOCH_US if self.kind == "time" else values


def copy_stream(cells: Sequence[Cell]) -> Iterator[memoryview | bytes]:
    """The rows as ``COPY … FROM STDIN (FORMAT BINARY)`` takes them, rows with the same NULLs together.

    In portions, so that the server works on one while the next is built; in each, one block of fixed width per pattern
    of NULLs.
    """
    yield SIGNATURE
    count = len(cells[0].values)
    patterns = np.zeros(count, np.uint32)
    for number, cell in enumerate(cells):
        if cell.valid is not None:
            patterns |= (~cell.valid).astype(np.uint32) << np.uint32(number)
    for first in range(0, count, PORTION):
        some = patterns[first : first + PORTION]
        if (some == some[0]).all():
            yield _block(cells, int(some[0]), slice(first, first + len(some)), len(some))
            continue
        for pattern in np.unique(some).tolist():
            places = first + np.flatnonzero(some == pattern)
            yield _block(cells, pattern, places, len(places))
    yield TRAILER


def _block(cells: Sequence[Cell], pattern: int, places: Any, count: int) -> memoryview:
    fields: list[tuple[str, Any]] = [("cells", ">i2")]
    for number, cell in enumerate(cells):
        fields.append((f"size{number}", ">i4"))
        if not pattern >> number & 1:
            fields.append((f"value{number}", cell.wire))
    row = np.zeros((), np.dtype(fields))
    row["cells"] = len(cells)
    for number, cell in enumerate(cells):
        row[f"size{number}"] = -1 if pattern >> number & 1 else cell.wire.itemsize
    block = np.full(count, row)
    for number, cell in enumerate(cells):
        if not pattern >> number & 1:
            block[f"value{number}"] = cell.sent(places)
    return block.view(np.uint8).data


def array(cell: Cell) -> bytes:
    """One column as a binary array parameter (of ``bigint[]``, ``real[]`` and so on)."""
    count = len(cell.values)
    nulls = cell.valid is not None and not cell.valid.all()
    head = struct.pack(">iiI", 1 if count else 0, int(nulls), OIDS[cell.kind])
    if not count:
        return head
    items = np.zeros(count, np.dtype([("size", ">i4"), ("value", cell.wire)]))
    items["size"] = cell.wire.itemsize
    items["value"] = cell.sent(None) if cell.valid is None else np.where(cell.valid, cell.sent(None), 0)
    head += struct.pack(">ii", count, 1)
    if not nulls or cell.valid is None:
        return head + items.tobytes()
    items["size"][~cell.valid] = -1
    kept = np.ones((count, items.itemsize), bool)
    kept[~cell.valid, 4:] = False
    return head + items.view(np.uint8).reshape(count, -1)[kept].tobytes()

"""Hashes of the chain: the canonical header of a batch, its signature, and the comparison of its rows."""

import hashlib
import hmac
import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

ENTRY = struct.Struct(">q32s")
Row = tuple[int, bytes]  # id and SHA-256


@dataclass(frozen=True)
class Header:
    """What is hashed and signed."""

    number: int
    table: str
    columns: Sequence[str]
    first_id: int
    last_id: int
    row_count: int
    rows_sha256: str
    previous_hash: str
    sealed_at: str

    def hash(self) -> str:
        """SHA-256 over the canonical JSON of all fields."""
        fields = {**self.__dict__, "columns": list(self.columns)}
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Difference:
    """One row that is not what was sealed."""

    row_id: int
    what: str  # changed, missing, added


def pack(rows: Iterable[Row]) -> bytes:
    """Ids and digests, one after the other."""
    return b"".join(ENTRY.pack(row_id, digest) for row_id, digest in rows)


def unpack(contents: bytes) -> Iterator[Row]:
    """The rows again; raises struct.error when the contents are cut."""
    yield from ENTRY.iter_unpack(contents)


def signature(batch_hash: str, key: bytes) -> str:
    """HMAC-SHA256 of the hash."""
    return hmac.new(key, batch_hash.encode(), hashlib.sha256).hexdigest()


def is_signed(batch_hash: str, known: str, keys: Sequence[bytes]) -> bool:
    """Whether one of the keys made this signature."""
    return any(hmac.compare_digest(signature(batch_hash, key), known) for key in keys)


def first_difference(sealed: Iterable[Row], found: Iterable[Row]) -> Difference | None:
    """The first row, by id, that was changed, removed or added; both sides ordered by id."""
    there = dict(found)
    known = dict(sealed)
    for row_id in sorted({*known, *there}):
        if row_id not in there:
            return Difference(row_id, "missing")
        if row_id not in known:
            return Difference(row_id, "added")
        if not hmac.compare_digest(known[row_id], there[row_id]):
            return Difference(row_id, "changed")
    return None

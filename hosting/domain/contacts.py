"""What machines say of themselves, kept where it changes, and where it is not what we know."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from hosting.clients.adapter import ReadResult
from hosting.engine.identity import Known, differences
from hosting.engine.machines.reading import Reading
from hosting.models import MinerContact

# What a machine says of itself, with as many characters as are kept.
_WORDS = {
    "dialect": 40, "make": 100, "model": 100, "serial": 100, "mac": 40, "firmware": 100, "firmware_version": 100,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Contact:
    """The row of one machine; all empty before it was spoken with."""

    dialect: str = ""
    make: str = ""
    model: str = ""
    serial: str = ""
    mac: str = ""
    firmware: str = ""
    firmware_version: str = ""
    differs: tuple[str, ...] = ()
    trouble: str = ""
    detail: str = ""
    asked_in_full_at: datetime | None = None


COLUMNS = tuple(field.name for field in fields(Contact))
NOBODY = Contact()


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer, or none, of one machine; ``in_full``: it was asked everything, not only the figures."""

    miner_id: int
    ours: Known
    result: ReadResult
    in_full: bool


def keep_contacts(heard: Iterable[Heard], *, at: datetime) -> int:
    """Write the rows that change; returns how many."""
    told = {one.miner_id: one for one in heard}
    before = contacts_of(list(told))
    changed = []
    for miner_id, one in told.items():
        known = before.get(miner_id)
        after = after_hearing(known or NOBODY, one, at=at)
        if after != known:
            row: dict[str, Any] = {name: getattr(after, name) for name in COLUMNS}
            changed.append(MinerContact(miner_id=miner_id, changed_at=at, **{**row, "differs": list(after.differs)}))
    changed.sort(key=lambda row: row.miner_id)
    MinerContact.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["miner"], update_fields=[*COLUMNS, "changed_at"]
    )
    return len(changed)


def contacts_of(miner_ids: Sequence[int]) -> Mapping[int, Contact]:
    """The rows as they stand."""
    rows = MinerContact.objects.filter(pk__in=miner_ids).values("miner_id", *COLUMNS)
    return {row.pop("miner_id"): Contact(**{**row, "differs": tuple(row["differs"])}) for row in rows}


def after_hearing(known: Contact, heard: Heard, *, at: datetime) -> Contact:
    """What is known of a machine afterwards.

    Silence leaves who it was; an answer in full replaces all of it, since another machine may stand there now.
    """
    reading, result = heard.result.reading, heard.result
    if reading is None:
        return replace(known, trouble=str(result.trouble or ""), detail=_line(result.detail, 200))
    said = _said(reading)
    in_full = heard.in_full or reading.dialect != known.dialect
    words = said if in_full else {name: said[name] or getattr(known, name) for name in _WORDS}
    return replace(
        known,
        **words,
        differs=tuple(
            map(str, differences(heard.ours, Known(words["serial"], words["mac"], words["model"])))
        ),
        trouble="",
        detail="",
        asked_in_full_at=at if in_full else known.asked_in_full_at,
    )  # fmt: skip


def _said(reading: Reading) -> dict[str, str]:
    return {name: _line(getattr(reading, name) or "", most) for name, most in _WORDS.items()}


def _line(text: str, most: int) -> str:
    """One line of a foreign text: no character that a page, a log or the database stumbles over."""
    return "".join(character if character.isprintable() else " " for character in text)[:most].strip()

"""Whether a machine that answers is the one we expect at its address, by what it says of itself."""

import re
from dataclasses import dataclass
from enum import StrEnum

_PARTS = re.compile(r"[^0-9a-z+]+")
_GRADES = frozenset({"pro", "xp", "hyd", "hydro", "imm"})


class Difference(StrEnum):
    """What a machine says otherwise than we do."""

    SERIAL = "serial"
    MAC = "mac"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Known:
    """What one side knows of a machine; empty is unknown and differs from nothing."""

    serial: str = ""
    mac: str = ""
    model: str = ""


def differences(ours: Known, said: Known) -> tuple[Difference, ...]:
    """Where both sides know something and it is not the same."""
    found = []
    if ours.serial and said.serial and ours.serial.casefold() != said.serial.casefold():
        found.append(Difference.SERIAL)
    if ours.mac and said.mac and hex_digits(ours.mac) != hex_digits(said.mac):
        found.append(Difference.MAC)
    if ours.model and said.model and not same_model(ours.model, said.model):
        found.append(Difference.MODEL)
    return tuple(found)


def hex_digits(mac: str) -> str:
    """A MAC without its separators."""
    return re.sub(r"[^0-9a-f]", "", mac.casefold())


def same_model(one: str, other: str) -> bool:
    """Catalogue and firmware spell models in their own ways: "Antminer S19j Pro 104T" is "Antminer S19j Pro".

    Compared are the type ("s19j", "m50s++", "1246") and its grade ("pro", "xp", ...); makers, hashrates and
    revisions are not. A name without a type differs from nothing.
    """
    first, second = _type_and_grade(one), _type_and_grade(other)
    return first is None or second is None or first == second


def _type_and_grade(name: str) -> tuple[str, frozenset[str]] | None:
    parts = [part for part in _PARTS.split(name.casefold()) if part]
    kinds = [part for part in parts if any(character.isdigit() for character in part)]
    if not kinds:
        return None
    # Avalons print "A1246" on the box and say "1246".
    kind = re.sub(r"^a(?=\d{3,4}\w*$)", "", kinds[0])
    return kind.rstrip("+") + "+" * kind.count("+"), frozenset(parts) & _GRADES

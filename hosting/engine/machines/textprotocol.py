"""The old text protocol: sections end with a bar, values are separated by commas, a backslash guards both."""

import re
from typing import Any

MOST_SECTIONS = 256
MOST_VALUES = 4096

_SECTIONS = re.compile(r"((?:[^|\\]|\\.?)*+)(?:\||$)", re.DOTALL)
_VALUES = re.compile(r"((?:[^,\\]|\\.?)*+)(?:,|$)", re.DOTALL)
_PAIR = re.compile(r"((?:[^=\\]|\\.?)++)=(.*)", re.DOTALL)
_GUARDED = re.compile(r"\\(.)", re.DOTALL)
# How a section begins, and the name its table has in JSON.
_TABLES = {
    "STATUS": "STATUS",
    "POOL": "POOLS",
    "ASC": "DEVS",
    "PGA": "DEVS",
    "STATS": "STATS",
    "SUMMARY": "SUMMARY",
    "CONFIG": "CONFIG",
    "VERSION": "VERSION",
    "CGMiner": "VERSION",
    "BMMiner": "VERSION",
    "DEVDETAILS": "DEVDETAILS",
    "COIN": "COIN",
    "CHECK": "CHECK",
    "NOTIFY": "NOTIFY",
}


def read_text_protocol(text: str) -> dict[str, tuple[dict[str, Any], ...]] | None:
    """Tables by name, as the JSON of the same command has them; ``None`` if this is not the text protocol."""
    if not text.startswith("STATUS="):
        return None
    tables: dict[str, list[dict[str, Any]]] = {}
    for at, found in enumerate(_SECTIONS.finditer(text)):
        if at >= MOST_SECTIONS:
            break
        if found.group(1).strip(" \r\n\0"):
            name, row = _section(found.group(1))
            tables.setdefault(name, []).append(row)
    return {name: tuple(rows) for name, rows in tables.items()}


def _section(text: str) -> tuple[str, dict[str, Any]]:
    name, row = "", {}
    for at, found in enumerate(_VALUES.finditer(text)):
        if at >= MOST_VALUES:
            break
        pair = _PAIR.fullmatch(found.group(1))
        if pair:
            key = _plain(pair.group(1))
            row[key] = _plain(pair.group(2))
            name = name or key
        elif at == 0:
            name = _plain(found.group(1))
    return _TABLES.get(name, name[:64]), row


def _plain(text: str) -> str:
    return _GUARDED.sub(r"\1", text)

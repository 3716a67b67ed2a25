"""Which make speaks: told from its own answers, never from what somebody configured.

A new make is one file with a ``read_…`` function and one entry here (docs/howto/add-a-make-of-machine.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from hosting.engine.machines import axeos, braiins
from hosting.engine.machines.antminer import read_antminer
from hosting.engine.machines.avalon import read_avalon
from hosting.engine.machines.cgminer import Reply, ReplyKind
from hosting.engine.machines.common import Replies, reply
from hosting.engine.machines.luxos import read_luxos
from hosting.engine.machines.plain import read_plain, read_unknown
from hosting.engine.machines.reading import Reading
from hosting.engine.machines.whatsminer import read_whatsminer

_TABLES = frozenset({"summary", "stats", "devs", "pools"})


def any_answer(replies: Replies) -> bool:
    """There is no mark to go by."""
    return bool(replies)


class Wire(StrEnum):
    """How it is spoken to."""

    CGMINER = "cgminer"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of answering."""

    name: str
    commands: tuple[str, ...]  # what is asked for the figures of each minute
    read: Callable[[Replies], Reading]
    wire: Wire = Wire.CGMINER
    joins: frozenset[str] = frozenset()  # commands that may be joined: ``summary+pools`` in one connection
    extra: tuple[str, ...] = ()  # asked when the machine itself is of interest, not each minute
    limit: tuple[str, ...] = ()  # of those, what its limit of power is read from
    known: bool = True
    needs_login: bool = False
    is_it: Callable[[Replies], bool] = any_answer  # whether these answers are still of this dialect


def _says_luxminer(replies: Replies) -> bool:
    return any((one.description or "").startswith("LUXminer") for one in replies.values())


def _has_whatsminer_columns(replies: Replies) -> bool:
    row = reply(replies, "summary").first("SUMMARY")
    return any(name in row for name in ("Factory GHS", "HS RT", "Chip Temp Avg", "Fan Speed In"))


def _names_antminer(replies: Replies) -> bool:
    return str(reply(replies, "stats").first("STATS").get("Type", "")).lower().startswith("antminer")


def _has_modules(replies: Replies) -> bool:
    rows = reply(replies, "stats").rows("STATS")
    return any(str(name).startswith("MM ID") for row in rows for name in row)


def _is_axeos(replies: Replies) -> bool:
    return axeos.is_axeos(reply(replies, axeos.COMMAND))


LUXOS = Dialect(
    "luxos",
    joins=frozenset({"summary", "devs", "config", "temps", "fans", "power", "pools"}),
    is_it=_says_luxminer,
    commands=("summary", "devs", "config", "temps", "fans", "power"),
    extra=("pools", "stats", "profiles", "events"),
    limit=("profiles",),
    read=read_luxos,
)
WHATSMINER = Dialect(
    "whatsminer",
    joins=_TABLES,  # what answers in an object of its own (status, get_…) cannot be joined
    is_it=_has_whatsminer_columns,
    commands=("summary", "devs", "status"),
    extra=("pools", "get_version", "get_miner_info", "get_error_code", "devdetails"),
    read=read_whatsminer,
)
ANTMINER = Dialect(
    "antminer",
    joins=_TABLES,
    is_it=_names_antminer,
    commands=("summary", "stats"),
    extra=("pools",),
    read=read_antminer,
)
AVALON = Dialect(
    "avalon", joins=_TABLES, is_it=_has_modules, commands=("summary", "stats"), extra=("pools",), read=read_avalon
)
CGMINER = Dialect("cgminer", joins=_TABLES, commands=("summary", "devs"), extra=("pools",), read=read_plain)
UNKNOWN = Dialect("unknown", commands=("summary", "devs"), extra=("pools",), read=read_unknown, known=False)
AXEOS = Dialect("axeos", commands=(axeos.COMMAND,), read=axeos.read_axeos, wire=Wire.HTTP, is_it=_is_axeos)
BRAIINS = Dialect("braiins", commands=braiins.COMMANDS, read=braiins.read_braiins, wire=Wire.HTTP, needs_login=True)
DIALECTS = {one.name: one for one in (LUXOS, WHATSMINER, ANTMINER, AVALON, CGMINER, AXEOS, BRAIINS, UNKNOWN)}

_WHATSMINER_CODES = frozenset({14, 23, 45, 131, 132, 134, 135, 136, 137})
_CGMINER_NAMES = ("CGMiner", "BFGMiner", "GCMiner", "BOSer", "BOSminer", "BOSminer+", "cpuminer")


def of_version(answer: Reply) -> Dialect | None:
    """Who answered ``version`` like this; ``None`` if that was no answer of a miner at all."""
    if answer.kind not in (ReplyKind.JSON, ReplyKind.TEXT):
        return None
    row = answer.first("VERSION")
    said = (answer.description or "").lower()
    if "LUXminer" in row or said.startswith("luxminer"):
        return LUXOS
    if _is_whatsminer(answer, said):
        return WHATSMINER
    if str(row.get("PROD", "")).lower().startswith("avalon") or str(row.get("MODEL", "")).lower().startswith("avalon"):
        return AVALON
    if "BMMiner" in row or str(row.get("Type", "")).lower().startswith("antminer"):
        return ANTMINER
    if any(name in row for name in _CGMINER_NAMES):
        return CGMINER
    return UNKNOWN if answer.status is not None or row else None


def _is_whatsminer(answer: Reply, said: str) -> bool:
    """It answers in an object of its own; old firmware in CGMiner's tables, signed btminer."""
    if "whatsminer" in said or "btminer" in said or "bitmicro" in said:
        return True
    return "STATUS" not in answer.sections and answer.status is not None and answer.code in _WHATSMINER_CODES


def of_stats(dialect: Dialect, stats: Reply) -> Dialect:
    """Old Avalons call themselves CGMiner in ``version`` and tell in ``stats``; so do old Antminers."""
    if dialect not in (CGMINER, UNKNOWN):
        return dialect
    replies = {"stats": stats}
    return AVALON if _has_modules(replies) else ANTMINER if _names_antminer(replies) else dialect


def is_braiins(answer: Reply) -> bool:
    """Braiins OS still answers ``version``, and has a better way to be read."""
    return any(name in answer.first("VERSION") for name in ("BOSer", "BOSminer", "BOSminer+"))

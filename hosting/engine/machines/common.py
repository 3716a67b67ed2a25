"""What all CGMiner-like dialects have in common: shares, pools, windows of hashrate, numbered columns."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from hosting.engine.machines import bounds
from hosting.engine.machines.cgminer import NO_REPLY, Reply, ReplyKind, Row
from hosting.engine.machines.draft import Draft
from hosting.engine.machines.reading import MiningState, PoolReading

Replies = Mapping[str, Reply]

MOST_POOLS = 16
MOST_BOARDS = 32
MOST_FANS = 32
MOST_ERRORS = 64
_CREDENTIALS = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.\-]{0,20}://)?[^/?#\s]*@")
# The most recent window first; what each make calls it, and the unit of the field.
_WINDOWS = (
    ("MHS 5s", "MH", "5s"),
    ("GHS 5s", "GH", "5s"),
    ("MHS 20s", "MH", "20s"),  # BFGMiner, and CGMiner with another log interval
    ("MHS 30s", "MH", "30s"),
    ("MHS 1m", "MH", "1m"),
    ("GHS 1m", "GH", "1m"),
    ("MHS 5m", "MH", "5m"),
    ("GHS 5m", "GH", "5m"),
    ("MHS 15m", "MH", "15m"),
    ("GHS 15m", "GH", "15m"),
    ("GHS 30m", "GH", "30m"),
)
_AVERAGES = (("MHS av", "MH"), ("GHS av", "GH"))

_SPELLINGS = {"true": True, "y": True, "yes": True, "1": True, "false": False, "n": False, "no": False, "0": False}


def reply(replies: Replies, command: str) -> Reply:
    """The reply to a command, or an empty one."""
    return replies.get(command, NO_REPLY)


def start(dialect: str, replies: Replies, *, known: bool = True) -> Draft:
    """A draft that already says which replies were bad."""
    draft = Draft(dialect, known=known)
    for command, one in replies.items():
        for note in one.notes:
            draft.note(command, note)
        if one.kind in (ReplyKind.JSON, ReplyKind.TEXT) and one.status in ("E", "F"):
            draft.note(command, "the machine refused the command", one.text or "")
    return draft


def say(draft: Draft, **values: Any) -> None:
    """Write values down."""
    draft.values.update(values)


def read_windows(draft: Draft, summary: Row, *, unit: str = "") -> None:
    """Hashrate of the shortest window that is readable, and the average. ``unit`` outranks the one of the names."""
    for name, own, window in _WINDOWS:
        if name in summary:
            rate = draft.hashrate("hashrate_ths", summary[name], unit or own)
            if rate is not None:
                say(draft, hashrate_ths=rate, hashrate_window=window)
                break
    for name, own in _AVERAGES:
        if name in summary:
            say(draft, hashrate_average_ths=draft.hashrate("hashrate_average_ths", summary[name], unit or own))
            break


def read_shares(draft: Draft, summary: Row) -> None:
    """Shares, errors and time since the program began."""
    say(
        draft,
        uptime_s=draft.number("uptime_s", summary.get("Elapsed"), bounds.UPTIME_S),
        shares_accepted=draft.whole("shares_accepted", summary.get("Accepted")),
        shares_rejected=draft.whole("shares_rejected", summary.get("Rejected")),
        shares_stale=draft.whole("shares_stale", summary.get("Stale")),
        hardware_errors=draft.whole("hardware_errors", summary.get("Hardware Errors")),
    )


def read_pools(draft: Draft, pools: Reply) -> None:
    """Pools without their passwords."""
    say(
        draft,
        pools=tuple(
            PoolReading(
                url=pool_url(draft, row.get("URL") or None),
                user=draft.text("pools.user", row.get("User")),
                active=flag(row.get("Stratum Active")),
                alive=_alive(row.get("Status")),
                shares_accepted=draft.whole("pools.shares_accepted", row.get("Accepted")),
                shares_rejected=draft.whole("pools.shares_rejected", row.get("Rejected")),
            )
            for row in pools.rows("POOLS")[:MOST_POOLS]
        ),
    )


def pool_url(draft: Draft, value: object) -> str | None:
    """The address of a pool, without the name and the password some write into it, and without a query."""
    text = draft.text("pools.url", value, most=255)
    return (
        None
        if text is None
        else _CREDENTIALS.sub(lambda found: found.group(1) or "", text).split("?")[0].split("#")[0] or None
    )


def flag(value: object) -> bool | None:
    """True and false as JSON and as C write them."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _SPELLINGS.get(value.strip().lower())
    return None


def _alive(value: object) -> bool | None:
    return value.strip().lower() == "alive" if isinstance(value, str) and value.strip() else None


def mining_if_hashing(draft: Draft) -> None:
    """A machine that hashes mines; one that does not may be starting, resting or broken, and is not judged here."""
    if draft.values.get("state") is None and (draft.values.get("hashrate_ths") or 0.0) > 0.0:
        say(draft, state=MiningState.MINING)


def rpm(draft: Draft, values: Iterable[object]) -> tuple[float | None, ...]:
    """Fans in order."""
    return tuple(draft.number("fans_rpm", value, bounds.FAN_RPM) for value in list(values)[:MOST_FANS])


def version_row(replies: Replies) -> Row:
    """The table of versions."""
    return reply(replies, "version").first("VERSION")

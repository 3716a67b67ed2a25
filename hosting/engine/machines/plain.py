"""CGMiner and BFGMiner as they are, and everything that answers like them without being known to us."""

from hosting.engine.machines import bounds
from hosting.engine.machines.cgminer import Row
from hosting.engine.machines.common import (
    MOST_BOARDS,
    Replies,
    mining_if_hashing,
    read_pools,
    read_shares,
    read_windows,
    reply,
    say,
    start,
    version_row,
)
from hosting.engine.machines.draft import Draft, highest
from hosting.engine.machines.reading import BoardReading, Reading


def read_plain(replies: Replies) -> Reading:
    """A known program on hardware it does not name."""
    return _read("cgminer", replies, known=True)


def read_unknown(replies: Replies) -> Reading:
    """What can be read without knowing who speaks; nothing of it may be switched."""
    return _read("unknown", replies, known=False)


def _read(dialect: str, replies: Replies, *, known: bool) -> Reading:
    draft = start(dialect, replies, known=known)
    version = version_row(replies)
    program = next((name for name in _PROGRAMS if version.get(name)), None)
    say(
        draft,
        make=_PROGRAMS.get(program or ""),
        model=draft.text("model", version.get("Type") or version.get("PROD") or version.get("Miner")),
        firmware=program,
        firmware_version=draft.text("firmware_version", version.get(program)) if program else None,
    )
    summary = reply(replies, "summary").first("SUMMARY")
    read_windows(draft, summary)
    read_shares(draft, summary)
    boards = tuple(_board(draft, row) for row in reply(replies, "devs").rows("DEVS")[:MOST_BOARDS])
    say(draft, boards=boards, board_temp_max_c=highest(board.board_temp_c for board in boards))
    read_pools(draft, reply(replies, "pools"))
    mining_if_hashing(draft)
    return draft.done()


# How each program names itself in the table of versions, and whose machines it runs on where that is certain.
_PROGRAMS = {
    "BFGMiner": None,
    "CGMiner": None,
    "BOSer": "Braiins",
    "BOSminer": "Braiins",
    "BOSminer+": "Braiins",
    "GCMiner": "Auradine",
    "cpuminer": None,
}


def _board(draft: Draft, row: Row) -> BoardReading:
    name = next((one for one in ("MHS 5s", "GHS 5s", "MHS 20s", "MHS av", "GHS av") if one in row), "MHS av")
    return BoardReading(
        slot=draft.whole("boards.slot", row.get("ASC", row.get("PGA", row.get("ID"))), bounds.SLOT),
        hashrate_ths=draft.hashrate("boards.hashrate_ths", row.get(name), "GH" if name[0] == "G" else "MH"),
        board_temp_c=draft.temperature("boards.board_temp_c", row.get("Temperature")),
        hardware_errors=draft.whole("boards.hardware_errors", row.get("Hardware Errors")),
    )

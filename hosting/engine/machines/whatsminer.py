"""Whatsminers (MicroBT, btminer), API versions 1 and 2, read without encryption.

Rates are in MH/s (``HS RT`` as well), ``Factory GHS`` in GH/s, power in W, temperatures in °C. Answers that are not
tables have ``Msg`` with an object. ``Env Temp`` is the air that goes in.
"""

import re

from hosting.engine.machines import bounds
from hosting.engine.machines.cgminer import Reply, Row
from hosting.engine.machines.common import (
    MOST_BOARDS,
    MOST_ERRORS,
    Replies,
    flag,
    mining_if_hashing,
    read_pools,
    read_shares,
    read_windows,
    reply,
    rpm,
    say,
    start,
)
from hosting.engine.machines.draft import Draft, highest
from hosting.engine.machines.reading import Algorithm, BoardReading, MiningState, PowerSource, Reading

_VARIANT = re.compile(r"[_\s]?V\w{1,4}$")  # M30S+_VE40: the variant is told apart from the model
_NO_ERROR = frozenset({"", "0"})


def read_whatsminer(replies: Replies) -> Reading:
    """A reading of ``summary``, ``devs``, ``pools``, ``get_version``, ``status`` and the two lists of errors."""
    draft = start("whatsminer", replies)
    summary = reply(replies, "summary").first("SUMMARY")
    _identity(draft, replies, summary)
    _hashrate(draft, summary)
    read_shares(draft, summary)
    _power(draft, replies, summary)
    boards = tuple(_board(draft, row) for row in reply(replies, "devs").rows("DEVS")[:MOST_BOARDS])
    say(
        draft,
        boards=boards,
        chip_temp_max_c=draft.temperature("chip_temp_max_c", summary.get("Chip Temp Max")),
        board_temp_max_c=highest(board.board_temp_c for board in boards)
        or draft.temperature("board_temp_max_c", summary.get("Temperature")),
        inlet_temp_c=draft.temperature("inlet_temp_c", summary.get("Env Temp")),
        fans_rpm=rpm(draft, (summary[name] for name in ("Fan Speed In", "Fan Speed Out") if name in summary)),
        error_codes=_errors(draft, replies, summary),
        state=_state(replies),
    )
    read_pools(draft, reply(replies, "pools"))
    mining_if_hashing(draft)
    return draft.done()


def _identity(draft: Draft, replies: Replies, summary: Row) -> None:
    version = reply(replies, "get_version").message or {}
    info = reply(replies, "get_miner_info").message or {}
    kind = draft.text("model", reply(replies, "devdetails").first("DEVDETAILS").get("Model"))
    say(
        draft,
        make="Whatsminer",
        model=kind and (_VARIANT.sub("", kind).strip() or None),
        firmware="Stock",
        firmware_version=draft.text("firmware_version", version.get("fw_ver") or summary.get("Firmware Version")),
        mac=draft.mac(info.get("mac") or summary.get("MAC")),
        serial=draft.text("serial", info.get("minersn")),
        algorithm=Algorithm.SHA256,
    )


def _hashrate(draft: Draft, summary: Row) -> None:
    read_windows(draft, summary)
    now = draft.hashrate("hashrate_ths", summary.get("HS RT"), "MH")
    if now is not None:
        say(draft, hashrate_ths=now, hashrate_window="real time")
    say(
        draft,
        hashrate_rated_ths=draft.hashrate("hashrate_rated_ths", summary.get("Factory GHS"), "GH"),
        hashrate_expected_ths=draft.hashrate("hashrate_expected_ths", summary.get("Target MHS"), "MH"),
    )


def _power(draft: Draft, replies: Replies, summary: Row) -> None:
    watts = draft.number("power_w", summary.get("Power"), bounds.POWER_W)
    wanted = reply(replies, "status").message or {}
    limit = summary.get("Power Limit")
    say(
        draft,
        power_w=watts,
        power_source=PowerSource.NONE if watts is None else PowerSource.REPORTED,
        power_target_w=draft.number(
            "power_target_w", limit if limit is not None else wanted.get("power_limit_set"), bounds.POWER_W
        ),
        mode=draft.text("mode", summary.get("Power Mode") or wanted.get("power_mode")),
    )


def _board(draft: Draft, row: Row) -> BoardReading:
    name = next((one for one in ("MHS 5s", "MHS 1m", "MHS av") if one in row), "MHS av")
    return BoardReading(
        slot=draft.whole("boards.slot", row.get("Slot", row.get("ASC")), bounds.SLOT),
        hashrate_ths=draft.hashrate("boards.hashrate_ths", row.get(name), "MH"),
        chip_temp_max_c=draft.temperature("boards.chip_temp_max_c", row.get("Chip Temp Max")),
        board_temp_c=draft.temperature("boards.board_temp_c", row.get("Temperature")),
        chips=draft.whole("boards.chips", row.get("Effective Chips"), bounds.CHIPS),
        hardware_errors=draft.whole("boards.hardware_errors", row.get("Hardware Errors")),
        serial=draft.text("boards.serial", row.get("PCB SN")),
    )


def _errors(draft: Draft, replies: Replies, summary: Row) -> tuple[str, ...]:
    found: list[str] = []
    for at in range(MOST_ERRORS):
        value = summary.get(f"Error Code {at}")
        if value is None:
            break
        found.append(draft.text("error_codes", value, most=20) or "")
    found += _listed_errors(reply(replies, "get_error_code"))
    return tuple(dict.fromkeys(code for code in found if code not in _NO_ERROR))[:MOST_ERRORS]


def _listed_errors(answer: Reply) -> list[str]:
    """``[{"218": "2024-06-15 10:30:00"}]``, older ``["218"]``."""
    listed = (answer.message or {}).get("error_code")
    found: list[str] = []
    for entry in listed[:MOST_ERRORS] if isinstance(listed, list) else []:
        found += [str(code)[:20] for code in entry] if isinstance(entry, dict) else []
        found += [str(entry)[:20]] if isinstance(entry, str | int) and not isinstance(entry, bool) else []
    return found


def _state(replies: Replies) -> MiningState | None:
    told = reply(replies, "status").message or {}
    off = flag(told.get("mineroff", told.get("btmineroff")))
    return MiningState.PAUSED if off else None

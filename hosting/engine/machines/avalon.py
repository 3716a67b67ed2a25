"""Avalons (Canaan): CGMiner with everything of interest packed into one text of ``NAME[values]``.

Rates are in GH/s. ``GHSspd`` is the present rate, ``GHSmm`` what the modules should do, ``GHSavg`` the average. ``PS``
has the figures of the power supply: the fifth is what the hash boards take, in W; ``WALLPOWER``, where there is one, is
the whole machine. ``MPO`` is the power it is set to. -273 and 0 °C mean that there is no sensor.
"""

import re
from collections.abc import Mapping

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
    rpm,
    say,
    start,
    version_row,
)
from hosting.engine.machines.draft import Draft
from hosting.engine.machines.reading import Algorithm, BoardReading, MiningState, PowerSource, Reading

MOST_CHARACTERS = 65_536  # the longest seen has 9 KB
_NO_SENSOR = "-273"
_FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,40})\[([^\[\]]*)\]")
_POWER_OF_BOARDS = 4  # PS: errors, control volts, board volts, board amperes, board watts, set volts, …
_MODEL_OF_VERSION = re.compile(r"^(\d{3,4}|[A-Z][a-z0-9]*)-")

Fields = Mapping[str, str]


def unpack(text: str) -> dict[str, str]:
    """The fields of a packed text; of a name given twice the first holds."""
    found: dict[str, str] = {}
    for field in _FIELD.finditer(text[:MOST_CHARACTERS]):
        found.setdefault(field.group(1), field.group(2).strip())
    return found


def read_avalon(replies: Replies) -> Reading:
    """A reading of ``version``, ``summary``, ``stats`` (or ``estats``) and ``pools``."""
    draft = start("avalon", replies)
    rows = reply(replies, "stats").rows("STATS") or reply(replies, "estats").rows("STATS")
    row: Row = next((row for row in rows if any(str(name).startswith("MM ID") for name in row)), {})
    packed = next((value for name, value in row.items() if name.startswith("MM ID") and isinstance(value, str)), "")
    fields = unpack(packed)
    if rows and not fields:
        draft.note("stats", "no packed values of a module")
    _identity(draft, version_row(replies), fields)
    read_shares(draft, reply(replies, "summary").first("SUMMARY"))
    if draft.values["uptime_s"] is None:
        say(draft, uptime_s=draft.number("uptime_s", fields.get("Elapsed"), bounds.UPTIME_S))
    _hashrate(draft, reply(replies, "summary").first("SUMMARY"), fields)
    _conditions(draft, fields)
    say(draft, boards=_boards(draft, fields, _board_texts(row)), state=_state(fields))
    read_pools(draft, reply(replies, "pools"))
    mining_if_hashing(draft)
    return draft.done()


def _identity(draft: Draft, version: Row, fields: Fields) -> None:
    named = draft.text("model", version.get("MODEL"))
    if named is None:
        found = _MODEL_OF_VERSION.match(fields.get("Ver", ""))
        named = found.group(1) if found else None
    say(
        draft,
        make="Avalon",
        model=named,
        firmware="Stock",
        firmware_version=draft.text("firmware_version", version.get("LVERSION") or fields.get("Ver")),
        serial=draft.text("serial", version.get("DNA")),
        mac=draft.mac(version.get("MAC")),
        algorithm=Algorithm.SHA256,
        mode=draft.text("mode", fields.get("WORKMODE")),
    )


def _hashrate(draft: Draft, summary: Row, fields: Fields) -> None:
    read_windows(draft, summary)
    now = draft.hashrate("hashrate_ths", fields.get("GHSspd"), "GH")
    if now is not None:
        say(draft, hashrate_ths=now, hashrate_window="real time")
    average = draft.hashrate("hashrate_average_ths", fields.get("GHSavg"), "GH")
    if average is not None:
        say(draft, hashrate_average_ths=average)
    say(draft, hashrate_expected_ths=draft.hashrate("hashrate_expected_ths", fields.get("GHSmm"), "GH"))
    if draft.values.get("hardware_errors") is None:
        say(draft, hardware_errors=draft.whole("hardware_errors", fields.get("HW")))


def _conditions(draft: Draft, fields: Fields) -> None:
    supply = fields.get("PS", "").split()
    boards_w = supply[_POWER_OF_BOARDS] if len(supply) > _POWER_OF_BOARDS else None
    watts = draft.number("power_w", fields.get("WALLPOWER") or boards_w, bounds.POWER_W)
    say(
        draft,
        power_w=watts,
        power_source=PowerSource.NONE if watts is None else PowerSource.REPORTED,
        power_target_w=draft.number("power_target_w", fields.get("MPO"), bounds.POWER_W),
        chip_temp_max_c=_degrees(draft, "chip_temp_max_c", fields.get("TMax")),
        inlet_temp_c=_degrees(draft, "inlet_temp_c", fields.get("ITemp", fields.get("Temp"))),
        outlet_temp_c=_degrees(draft, "outlet_temp_c", fields.get("HBOTemp")),
        fans_rpm=rpm(draft, (fields[f"Fan{at}"] for at in range(1, 9) if f"Fan{at}" in fields)),
    )


def _degrees(draft: Draft, field: str, text: str | None) -> float | None:
    first = text.split()[0] if text and text.split() else None
    return None if first is not None and first.startswith(_NO_SENSOR) else draft.temperature(field, first)


def _board_texts(row: Row) -> Fields:
    """Newer firmware keeps the values of each chip apart."""
    text = row.get("HBinfo")
    return unpack(text) if isinstance(text, str) else {}


def _boards(draft: Draft, fields: Fields, apart: Fields) -> tuple[BoardReading, ...]:
    rates = fields.get("MGHS", "").split()[:MOST_BOARDS]
    hottest = fields.get("MTmax", "").split()
    return tuple(
        BoardReading(
            slot=at,
            hashrate_ths=draft.hashrate("boards.hashrate_ths", rate, "GH"),
            chip_temp_max_c=_degrees(draft, "boards.chip_temp_max_c", hottest[at] if at < len(hottest) else None),
            chips=_chips(fields.get(f"PVT_T{at}") or apart.get(f"PVT_T{at}")),
        )
        for at, rate in enumerate(rates)
    )


def _chips(temperatures: str | None) -> int | None:
    """One temperature per chip; a chip that does not answer has none."""
    parts = (temperatures or "").split()
    return sum(part not in ("0", _NO_SENSOR) for part in parts) if 0 < len(parts) <= bounds.CHIPS.high else None


def _state(fields: Fields) -> MiningState | None:
    said = fields.get("SYSTEMSTATU", "").lower()
    asleep = fields.get("SoftOFF", "0") not in ("0", "")
    if "in work" in said:
        return MiningState.MINING
    if "in idle" in said:
        return MiningState.PAUSED if asleep else MiningState.IDLE
    return MiningState.STARTING if "in init" in said else None

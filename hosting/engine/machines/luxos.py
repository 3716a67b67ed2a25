"""LuxOS (Luxor) on Antminers: CGMiner's tables, and ``config``, ``temps``, ``fans``, ``power`` beside them.

``power`` says whether a power supply measured it (``PSU``); otherwise the firmware has computed it. ``temps`` names its
sensors: left is the exhaust side of a board, right the intake side, unless ``METADATA`` says otherwise. Those are
sensors on the board; the firmware tells no temperature of chips.
"""

from collections.abc import Iterable

from hosting.engine.machines import bounds
from hosting.engine.machines.cgminer import Row
from hosting.engine.machines.common import (
    MOST_BOARDS,
    MOST_ERRORS,
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
from hosting.engine.machines.draft import Draft, highest, lowest, total
from hosting.engine.machines.reading import Algorithm, BoardReading, MiningState, PowerSource, Reading

_CORNERS = ("TopLeft", "TopRight", "BottomLeft", "BottomRight")
_INTAKE, _EXHAUST = "intake", "exhaust"
_ASLEEP = frozenset({"sleep", "sleeping", "curtail", "curtailed", "idle"})
# Events that tell of the past or of what somebody wanted are no errors.
_QUIET = frozenset({"MINER_TUNED", "MINER_TUNING", "IDLE", "SLEEP", "REBOOT_USER", "SHUTDOWN_USER", "REBOOT_SYSINIT"})


def read_luxos(replies: Replies) -> Reading:
    """A reading of ``version``, ``summary``, ``devs``, ``config``, ``temps``, ``fans``, ``power``, ``profiles``, …"""
    draft = start("luxos", replies)
    config = reply(replies, "config").first("CONFIG")
    _identity(draft, version_row(replies), config)
    summary = reply(replies, "summary").first("SUMMARY")
    read_windows(draft, summary)
    read_shares(draft, summary)
    devices = reply(replies, "devs").rows("DEVS")[:MOST_BOARDS]
    say(
        draft,
        hashrate_rated_ths=draft.hashrate("hashrate_rated_ths", config.get("NameplateTHS"), "TH"),
        hashrate_expected_ths=total(
            draft.hashrate("hashrate_expected_ths", row.get("Nominal MHS"), "MH") for row in devices
        ),
        fans_rpm=rpm(draft, (row.get("RPM") for row in reply(replies, "fans").rows("FANS"))),
    )
    _boards(draft, replies, devices)
    _power(draft, replies, config)
    say(draft, error_codes=_events(draft, replies), state=_state(config))
    read_pools(draft, reply(replies, "pools"))
    if draft.values["state"] is None:
        mining_if_hashing(draft)
    return draft.done()


def _identity(draft: Draft, version: Row, config: Row) -> None:
    say(
        draft,
        make="Antminer",
        model=draft.text("model", version.get("Type") or config.get("Model")),
        firmware="LuxOS",
        firmware_version=draft.text("firmware_version", version.get("Miner") or version.get("LUXminer")),
        serial=draft.text("serial", config.get("SerialNumber")),
        mac=draft.mac(config.get("MACAddr")),
        algorithm=Algorithm.SHA256,
        mode=draft.text("mode", config.get("Profile")),
    )


def _boards(draft: Draft, replies: Replies, devices: Iterable[Row]) -> None:
    sensors = {_slot(draft, row): row for row in reply(replies, "temps").rows("TEMPS")[:MOST_BOARDS]}
    sides = _sides(reply(replies, "temps").first("METADATA"))
    stats = reply(replies, "stats").rows("STATS")
    chains = stats[1] if len(stats) > 1 else {}
    boards = [_board(draft, row, sensors.get(_slot(draft, row), {}), sides, chains) for row in devices]
    boards.sort(key=lambda board: -1 if board.slot is None else board.slot)
    say(
        draft,
        boards=tuple(boards),
        board_temp_max_c=highest(board.board_temp_c for board in boards),
        inlet_temp_c=lowest(board.inlet_temp_c for board in boards),
        outlet_temp_c=highest(board.outlet_temp_c for board in boards),
    )


def _slot(draft: Draft, row: Row) -> int | None:
    return draft.whole("boards.slot", row.get("ID"), bounds.SLOT)


def _sides(metadata: Row) -> dict[str, str]:
    found = {}
    for corner in _CORNERS:
        labelled = metadata.get(corner)
        label = str(labelled.get("Label", "")).lower() if isinstance(labelled, dict) else ""
        found[corner] = _INTAKE if "intake" in label else _EXHAUST if "exhaust" in label else ""
    return found


def _board(draft: Draft, row: Row, sensors: Row, sides: dict[str, str], chains: Row) -> BoardReading:
    slot = _slot(draft, row)
    degrees = {name: draft.temperature("boards.board_temp_c", sensors.get(name)) for name in _CORNERS}
    chips = None if slot is None else chains.get(f"chain_acn{slot + 1}")
    return BoardReading(
        slot=slot,
        hashrate_ths=draft.hashrate("boards.hashrate_ths", row.get("MHS 5s", row.get("MHS av")), "MH"),
        board_temp_c=highest([*degrees.values(), draft.temperature("boards.board_temp_c", row.get("Temperature"))]),
        inlet_temp_c=lowest(value for name, value in degrees.items() if sides[name] == _INTAKE),
        outlet_temp_c=highest(value for name, value in degrees.items() if sides[name] == _EXHAUST),
        chips=draft.whole("boards.chips", chips, bounds.CHIPS),
        hardware_errors=draft.whole("boards.hardware_errors", row.get("Hardware Errors")),
        serial=draft.text("boards.serial", row.get("SerialNumber")),
    )


def _power(draft: Draft, replies: Replies, config: Row) -> None:
    said = reply(replies, "power").first("POWER")
    watts = draft.number("power_w", said.get("Watts"), bounds.POWER_W)
    source = PowerSource.REPORTED if said.get("PSU") is True else PowerSource.ESTIMATED
    profile = config.get("Profile")
    named = (
        row for row in reply(replies, "profiles").rows("PROFILES") if profile and row.get("Profile Name") == profile
    )
    wanted: Row = next(named, {})
    say(
        draft,
        power_w=watts,
        power_source=PowerSource.NONE if watts is None else source,
        power_target_w=draft.number("power_target_w", wanted.get("Watts"), bounds.POWER_W),
    )


def _events(draft: Draft, replies: Replies) -> tuple[str, ...]:
    codes = (draft.text("error_codes", row.get("Code"), most=60) for row in reply(replies, "events").rows("EVENTS"))
    return tuple(dict.fromkeys(code for code in codes if code and code not in _QUIET))[:MOST_ERRORS]


def _state(config: Row) -> MiningState | None:
    if str(config.get("CurtailMode", "")).strip().lower() in _ASLEEP:
        return MiningState.PAUSED
    return MiningState.STARTING if config.get("IsPowerSupplyOn") is False else None

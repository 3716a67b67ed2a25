"""Braiins OS from 25.03 on, through its REST API (``/api/v1/…``); units stand in the names of the fields.

Each quantity is an object of one number (``{"gigahash_per_second": 141463.5}``, ``{"watt": 3137}``). Power is
approximated by the firmware. ``status`` of ``miner/details``: 1 not started, 2 normal, 3 paused, 4 suspended,
5 restricted.
"""

from collections.abc import Mapping
from typing import Any

from hosting.engine.machines import bounds
from hosting.engine.machines.cgminer import Row
from hosting.engine.machines.common import MOST_BOARDS, MOST_POOLS, Replies, flag, pool_url, reply, rpm, say, start
from hosting.engine.machines.draft import Draft, highest, lowest
from hosting.engine.machines.reading import Algorithm, BoardReading, MiningState, PoolReading, PowerSource, Reading

VERSION = "/api/v1/version/"
DETAILS = "/api/v1/miner/details"
STATS = "/api/v1/miner/stats"
BOARDS = "/api/v1/miner/hw/hashboards"
COOLING = "/api/v1/cooling/state"
POOLS = "/api/v1/pools/"
TUNER = "/api/v1/performance/tuner-state"
COMMANDS = (DETAILS, STATS, BOARDS, COOLING, POOLS, TUNER)
_UNITS = {
    "gigahash_per_second": "GH",
    "megahash_per_second": "MH",
    "terahash_per_second": "TH",
}
_STATES = {
    1: MiningState.STARTING,
    2: MiningState.MINING,
    3: MiningState.PAUSED,
    4: MiningState.IDLE,
    5: MiningState.FAULT,
}
_WINDOWS = ("last_5s", "last_15s", "last_30s", "last_1m", "last_5m", "last_15m")


def read_braiins(replies: Replies) -> Reading:
    """A reading of the six answers."""
    draft = start("braiins", replies)
    details = reply(replies, DETAILS).body
    _identity(draft, details)
    stats = reply(replies, STATS).body
    _performance(draft, stats, details, _inside(reply(replies, TUNER).body, "mode_state"))
    boards = tuple(_board(draft, row) for row in reply(replies, BOARDS).rows("hashboards")[:MOST_BOARDS])
    cooling = reply(replies, COOLING)
    say(
        draft,
        boards=boards,
        chip_temp_max_c=highest(board.chip_temp_max_c for board in boards),
        board_temp_max_c=highest(board.board_temp_c for board in boards),
        inlet_temp_c=lowest(board.inlet_temp_c for board in boards),
        outlet_temp_c=highest(board.outlet_temp_c for board in boards),
        fans_rpm=rpm(draft, (row.get("rpm") for row in cooling.rows("fans"))),
        pools=_pools(draft, replies),
    )
    return draft.done()


def _inside(value: object, *names: str) -> Mapping[str, Any]:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _identity(draft: Draft, details: Row) -> None:
    model = draft.text("model", _inside(details, "miner_identity").get("miner_model"))
    make, _, rest = (model or "").partition(" ")
    status = details.get("status")
    say(
        draft,
        make=make or None,
        model=model if make == "Antminer" else rest or model,
        firmware="Braiins OS",
        firmware_version=draft.text("firmware_version", _inside(details, "bos_version").get("current")),
        serial=draft.text("serial", details.get("serial_number")),
        mac=draft.mac(details.get("mac_address")),
        algorithm=Algorithm.SHA256,
        uptime_s=draft.number("uptime_s", details.get("bosminer_uptime_s"), bounds.UPTIME_S),
        state=_STATES.get(status) if isinstance(status, int) else None,
    )


def _rate(draft: Draft, field: str, quantity: Mapping[str, Any]) -> float | None:
    for name, unit in _UNITS.items():
        if name in quantity:
            return draft.hashrate(field, quantity[name], unit)
    return None


def _performance(draft: Draft, stats: Row, details: Row, mode: Mapping[str, Any]) -> None:
    mining = _inside(stats, "miner_stats")
    real = _inside(mining, "real_hashrate")
    for window in _WINDOWS:
        rate = _rate(draft, "hashrate_ths", _inside(real, window))
        if rate is not None:
            say(draft, hashrate_ths=rate, hashrate_window=window.removeprefix("last_"))
            break
    watts = draft.number(
        "power_w", _inside(stats, "power_stats", "approximated_consumption").get("watt"), bounds.POWER_W
    )
    shares = _inside(stats, "pool_stats")
    target = _inside(mode, "powertargetmodestate", "current_target").get("watt")
    say(
        draft,
        hashrate_average_ths=_rate(draft, "hashrate_average_ths", _inside(real, "since_restart")),
        hashrate_expected_ths=_rate(draft, "hashrate_expected_ths", _inside(mining, "nominal_hashrate")),
        hashrate_rated_ths=_rate(draft, "hashrate_rated_ths", _inside(details, "sticker_hashrate")),
        power_w=watts,
        power_source=PowerSource.NONE if watts is None else PowerSource.ESTIMATED,
        power_target_w=draft.number("power_target_w", target, bounds.POWER_W),
        mode=next((name.removesuffix("modestate") for name in mode if name.endswith("modestate")), None),
        shares_accepted=draft.whole("shares_accepted", shares.get("accepted_shares")),
        shares_rejected=draft.whole("shares_rejected", shares.get("rejected_shares")),
        shares_stale=draft.whole("shares_stale", shares.get("stale_shares")),
    )


def _board(draft: Draft, row: Row) -> BoardReading:
    return BoardReading(
        slot=draft.whole("boards.slot", row.get("id"), bounds.SLOT),
        hashrate_ths=_rate(draft, "boards.hashrate_ths", _inside(row, "stats", "real_hashrate", "last_5s")),
        chip_temp_max_c=_degrees(draft, "boards.chip_temp_max_c", _inside(row, "highest_chip_temp", "temperature")),
        board_temp_c=_degrees(draft, "boards.board_temp_c", _inside(row, "board_temp")),
        inlet_temp_c=_degrees(draft, "boards.inlet_temp_c", _inside(row, "lowest_inlet_temp")),
        outlet_temp_c=_degrees(draft, "boards.outlet_temp_c", _inside(row, "highest_outlet_temp")),
        chips=draft.whole("boards.chips", row.get("chips_count"), bounds.CHIPS),
        serial=draft.text("boards.serial", row.get("serial_number")),
    )


def _degrees(draft: Draft, field: str, quantity: Mapping[str, Any]) -> float | None:
    return draft.temperature(field, quantity.get("degree_c"))


def _pools(draft: Draft, replies: Replies) -> tuple[PoolReading, ...]:
    groups = [group.get("pools") for group in reply(replies, POOLS).rows("list")[:MOST_POOLS]]
    rows = [row for pools in groups if isinstance(pools, list) for row in pools[:MOST_POOLS]]
    return tuple(
        PoolReading(
            url=pool_url(draft, row.get("url")),
            user=draft.text("pools.user", row.get("user")),
            active=flag(row.get("active")),
            alive=flag(row.get("alive")),
            shares_accepted=draft.whole("pools.shares_accepted", _inside(row, "stats").get("accepted_shares")),
            shares_rejected=draft.whole("pools.shares_rejected", _inside(row, "stats").get("rejected_shares")),
        )
        for row in rows[:MOST_POOLS]
        if isinstance(row, dict)
    )

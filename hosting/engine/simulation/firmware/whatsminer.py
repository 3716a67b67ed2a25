"""Whatsminer, API version 2: reading in the open, writing only encrypted under a token (``whatsminer_write``)."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from hosting.engine.simulation.faults import Fault
from hosting.engine.simulation.firmware import pools
from hosting.engine.simulation.firmware.cgminer import COMMON, Cgminer, Words, boards_or_none, hashing_rows, r2
from hosting.engine.simulation.firmware.whatsminer_write import grant_token, write
from hosting.engine.simulation.machine import Phase
from hosting.engine.simulation.protocol import Answer, Request, as_json
from hosting.engine.simulation.visit import Visit

API_VERSION, FIRMWARE_VERSION = "2.0.5", "20230803.11.REL"
FAN_LOST, TOO_HOT, BOARD_LOST = 110, 350, 410


def flat(visit: Visit, code: int, message: Any, status: str = "S") -> bytes:
    """The form of the make's own commands: everything on one level."""
    row = {"STATUS": status, "When": visit.when, "Code": code, "Msg": message, "Description": ""}
    return as_json(row)


def error_codes(visit: Visit) -> list[int]:
    """What the machine complains about."""
    codes = []
    if visit.machine.fault is Fault.FAN:
        codes.append(FAN_LOST)
    if visit.machine.phase is Phase.TRIPPED:
        codes.append(TOO_HOT)
    if visit.machine.fault is Fault.BOARD:
        codes.append(BOARD_LOST)
    return codes


def power_limit(visit: Visit) -> int:
    """The limit that holds."""
    target = visit.machine.power_target_w
    return round(visit.machine.kind.rated_w * 1.05 if target is None else target)


def power_mode(visit: Visit) -> str:
    """Low, Normal or High."""
    return str(visit.machine.extra.get("power_mode", "Normal"))


def _get_version(visit: Visit) -> Any:
    platform = visit.machine.kind.details["platform"]
    return {"api_ver": API_VERSION, "fw_ver": FIRMWARE_VERSION, "platform": platform, "chip": ""}


def _get_miner_info(visit: Visit) -> Any:
    return {
        "ip": visit.address, "proto": "dhcp", "netmask": "255.0.0.0", "gateway": "", "dns": "",
        "hostname": "WhatsMiner", "mac": visit.mac, "ledstat": "auto", "minersn": visit.serial,
        "powersn": f"P{visit.serial}",
    }  # fmt: skip


def _get_psu(visit: Visit) -> Any:
    name = visit.machine.kind.details["psu"]
    draws = visit.reading.power_w
    return {
        "name": name, "hw_version": "", "sw_version": "230208.220429", "model": name, "iin": str(draws * 1000 // 230),
        "vin": "23000", "pin": str(draws), "fan_speed": "6000" if visit.machine.level > 0 else "0",
        "serial_no": f"P{visit.serial}", "vendor": "1", "temp0": str(round(visit.reading.air_c + 12, 1)),
    }  # fmt: skip


def _get_error_code(visit: Visit) -> Any:
    return {"error_code": [{str(code): "1970-01-01 00:00:00"} for code in error_codes(visit)]}


def _status(visit: Visit) -> Any:
    off = visit.machine.phase is Phase.ASLEEP
    return {
        "mineroff": "true" if off else "false", "mineroff_reason": "power_off" if off else "", "mineroff_time": "",
        "FirmwareVersion": FIRMWARE_VERSION, "power_mode": power_mode(visit).lower(), "hash_percent": "",
        "power_limit_set": str(power_limit(visit)),
    }  # fmt: skip


_OWN: Mapping[str, Callable[[Visit], Any]] = {
    "get_version": _get_version,
    "get_miner_info": _get_miner_info,
    "get_psu": _get_psu,
    "get_error_code": _get_error_code,
    "status": _status,
}


class Whatsminer(Cgminer):
    """btminer."""

    description = "btminer"
    default_password = "admin"  # noqa: S105 - the maker's own

    def answer(self, visit: Visit, request: Request | Answer) -> bytes:
        """The make's own commands have a form of their own; the rest is cgminer's."""
        if isinstance(request, Answer):
            return flat(visit, 23, "invalid json message", "E")
        if "enc" in request.body:
            return write(visit, request.body, password=visit.password(self.default_password))
        if request.command == "get_token":
            return grant_token(visit)
        if request.command in _OWN:
            return flat(visit, 131, _OWN[request.command](visit))
        if request.command not in self.words and "+" not in request.command:
            return flat(visit, 14, "invalid cmd", "E")
        return super().answer(visit, request)

    def summary(self, visit: Visit, request: Request) -> Answer:
        """``summary``, hashrates in MH/s."""
        reading, kind = visit.reading, visit.machine.kind
        chips = [board.chip_c for board in reading.boards if board.alive]
        inlets = [board.inlet_c for board in reading.boards if board.alive]
        fan_in, fan_out = (*reading.fans_rpm, 0, 0)[:2]
        row: dict[str, Any] = {
            "Elapsed": reading.elapsed_s, "MHS av": r2(reading.ths_average * 1e6), "MHS 5s": r2(reading.ths_5s * 1e6),
            "MHS 1m": r2(reading.ths_1m * 1e6), "MHS 5m": r2(reading.ths_5m * 1e6),
            "MHS 15m": r2(reading.ths_15m * 1e6), "HS RT": r2(reading.ths_1m * 1e6), **hashing_rows(visit),
            "Temperature": r2(max(chips) - 12), "freq_avg": kind.frequency_mhz, "Fan Speed In": fan_in,
            "Fan Speed Out": fan_out, "Voltage": 1180, "Power": reading.power_w, "Power_RT": reading.power_w,
            "Device Hardware%": 0.0, "Chip Temp Min": r2(min(inlets)), "Chip Temp Max": r2(max(chips)),
            "Chip Temp Avg": r2(sum(chips) / len(chips)), "Uptime": reading.uptime_s,
            "Power Current": reading.power_w * 100 // 1300, "Power Fanspeed": 6000 if reading.hashing else 0,
            "Error Code Count": len(error_codes(visit)), "Factory Error Code Count": 0, "Security Mode": 0,
            "Liquid Cooling": False, "Hash Stable": reading.hashing, "Hash Stable Cost Seconds": 900,
            "Hash Deviation%": 0.1, "Target Freq": kind.frequency_mhz, "Target MHS": int(kind.rated_ths * 1e6),
            "Env Temp": r2(reading.air_c), "Power Mode": power_mode(visit), "Factory GHS": int(kind.rated_ths * 1000),
            "Power Limit": power_limit(visit), "Firmware Version": f"'{FIRMWARE_VERSION}'", "MAC": visit.mac,
            "CB Platform": kind.details["platform"], "CB Version": "V10",
        }  # fmt: skip
        row |= {f"Error Code {number}": code for number, code in enumerate(error_codes(visit))}
        return Answer(11, "Summary", "SUMMARY", (row,))

    def devs(self, visit: Visit, request: Request) -> Answer:
        """``devs``: one row per board."""
        return boards_or_none(visit, tuple(_dev(visit, slot) for slot in range(visit.machine.kind.boards)))

    def devdetails(self, visit: Visit, request: Request) -> Answer:
        """``devdetails``: the driver and the model."""
        rows = tuple(
            {
                "DEVDETAILS": slot, "Name": "SM", "ID": slot, "Driver": "bitmicro", "Kernel": "",
                "Model": visit.machine.kind.model,
            }
            for slot in range(visit.machine.kind.boards)
        )  # fmt: skip
        return Answer(69, "Device Details", "DEVDETAILS", rows)

    def pools(self, visit: Visit, request: Request) -> Answer:
        """``pools``, counted from 1."""
        rows = tuple({**row, "POOL": row["POOL"] + 1} for row in pools.rows(visit))
        return Answer(7, f"{len(rows)} Pool(s)", "POOLS", rows)

    words: ClassVar[Words] = {
        **{word: COMMON[word] for word in ("coin", "config", "check")},
        "summary": summary, "devs": devs, "edevs": devs, "devdetails": devdetails, "pools": pools,
    }  # fmt: skip


def _dev(visit: Visit, slot: int) -> dict[str, Any]:
    reading, kind = visit.reading, visit.machine.kind
    board = reading.boards[slot]
    part = board.ths / reading.ths_5s if reading.ths_5s else 0.0
    accepted, fans = reading.accepted // kind.boards, (*reading.fans_rpm, 0, 0)
    return {
        "ASC": slot, "Name": "SM", "ID": slot, "Slot": slot, "Enabled": "Y", "Status": "Alive",
        "Temperature": r2(board.chip_c - 12), "Chip Frequency": kind.frequency_mhz if board.ths else 0,
        "Fan Speed In": fans[0], "Fan Speed Out": fans[1], "MHS av": r2(reading.ths_average * part * 1e6),
        "MHS 5s": r2(board.ths * 1e6), "MHS 1m": r2(reading.ths_1m * part * 1e6),
        "MHS 5m": r2(reading.ths_5m * part * 1e6), "MHS 15m": r2(reading.ths_15m * part * 1e6),
        "Accepted": accepted, "Rejected": reading.rejected // kind.boards,
        "Hardware Errors": reading.hardware_errors // kind.boards, "Utility": 0.0, "Last Share Pool": 0,
        "Last Share Time": visit.when, "Total MH": r2(reading.work_th * part * 1e6), "Diff1 Work": 0,
        "Difficulty Accepted": float(accepted * kind.difficulty), "Difficulty Rejected": 0.0,
        "Last Share Difficulty": float(kind.difficulty), "Last Valid Work": visit.when, "Device Hardware%": 0.0,
        "Device Rejected%": 0.0, "Device Elapsed": reading.elapsed_s, "Upfreq Complete": int(reading.hashing),
        "Effective Chips": kind.chips if board.alive else 0, "PCB SN": f"{visit.serial}{slot}",
        "Chip Temp Min": r2(board.inlet_c), "Chip Temp Max": r2(board.chip_c), "Chip Temp Avg": r2(board.chip_c - 2),
        "Factory GHS": int(kind.rated_ths * 1000 / kind.boards), "Frequency": float(kind.frequency_mhz),
    }  # fmt: skip

"""Antminer with the maker's own firmware: bmminer on TCP 4028. Reading only; it is switched on its web page."""

from collections.abc import Callable
from typing import Any, ClassVar

from hosting.engine.simulation.firmware import antminer_web, pools
from hosting.engine.simulation.firmware.cgminer import (
    COMMON,
    Cgminer,
    Words,
    boards_or_none,
    hashing_rows,
    no_boards,
    r2,
)
from hosting.engine.simulation.protocol import Answer, Request
from hosting.engine.simulation.reading import Board
from hosting.engine.simulation.visit import Visit, WebAnswer, WebRequest

VERSION = "49.0.1.3"
COMPILED = "Tue Dec  6 16:12:30 CST 2022"
SLOTS = 4  # chains are numbered to four, whatever is plugged in
Sensors = Callable[[Board], tuple[list[int], list[int], list[int]]]


def temperatures(board: Board) -> tuple[list[int], list[int], list[int]]:
    """Sensors at the controller, on the board and of the chips: four each, about the mean."""
    if not board.alive:
        return [0] * SLOTS, [0] * SLOTS, [0] * SLOTS
    chips = [round(board.chip_c + offset) for offset in (8, -10, 1, 1)]
    return [chip - 15 for chip in chips], [chip - 5 for chip in chips], chips


def identity(visit: Visit) -> dict[str, Any]:
    """Who speaks."""
    return {
        "BMMiner": "1.0.0",
        "Miner": VERSION,
        "CompileTime": COMPILED,
        "Type": visit.machine.kind.model,
    }


def chain_rows(visit: Visit, *, no_rate: str = "", sensors: Sensors = temperatures) -> dict[str, Any]:
    """Fields that are numbered by chain; makes differ in where their sensors sit and how they write no rate."""
    kind, reading = visit.machine.kind, visit.reading
    boards: list[Board | None] = [*reading.boards, *[None] * (SLOTS - kind.boards)]
    row: dict[str, Any] = {}
    spelled = [_chain(visit, board, no_rate, sensors) for board in boards]
    for name in ("temp_pcb", "temp_chip", "temp_pic", "chain_acn", "chain_acs", "chain_hw", "chain_rate", "freq"):
        for number, chain in enumerate(spelled, 1):
            row[f"{name}{number}"] = chain[name]
    return row


def _chain(visit: Visit, board: Board | None, no_rate: str, sensors: Sensors) -> dict[str, Any]:
    kind = visit.machine.kind
    if board is None or not board.alive:
        none = "-".join("0" * SLOTS)
        return {
            "temp_pcb": none, "temp_chip": none, "temp_pic": none, "chain_acn": 0, "chain_acs": "", "chain_hw": 0,
            "chain_rate": no_rate, "freq": 0,
        }  # fmt: skip
    pic, pcb, chip = ("-".join(map(str, values)) for values in sensors(board))
    chips = "o" * kind.chips
    groups = "".join(f" {chips[start : start + 3]}" for start in range(0, kind.chips, 3))
    return {
        "temp_pcb": pcb, "temp_chip": chip, "temp_pic": pic, "chain_acn": kind.chips, "chain_acs": groups,
        "chain_hw": visit.reading.hardware_errors // kind.boards, "chain_rate": f"{board.ths * 1000:.2f}",
        "freq": kind.frequency_mhz,
    }  # fmt: skip


def stats_row(visit: Visit) -> dict[str, Any]:
    """The long row of ``stats``."""
    kind, reading = visit.machine.kind, visit.reading
    sensors = [temperatures(board) for board in reading.boards]
    row: dict[str, Any] = {
        "STATS": 0, "ID": "BTM_SOC0", "Elapsed": reading.elapsed_s, "Calls": 0, "Wait": 0, "Max": 0,
        "Min": 99999999, "GHS 5s": r2(reading.ths_5s * 1000), "GHS av": r2(reading.ths_average * 1000),
        "rate_30m": r2(reading.ths_15m * 1000), "Mode": 2, "miner_count": sum(b.alive for b in reading.boards),
        "frequency": kind.frequency_mhz, "fan_num": kind.fans,
    }  # fmt: skip
    row |= {f"fan{number}": rpm for number, rpm in enumerate(reading.fans_rpm, 1)}
    row["temp_num"] = kind.boards
    row |= {f"temp{number}": max(pcb) for number, (_, pcb, _) in enumerate(sensors, 1)}
    row |= {f"temp2_{number}": max(chip) for number, (_, _, chip) in enumerate(sensors, 1)}
    row |= chain_rows(visit)
    row |= {
        "total_rateideal": float(kind.rated_ths * 1000), "rate_unit": "GH", "total_freqavg": kind.frequency_mhz,
        "total_acn": kind.chips * sum(b.alive for b in reading.boards), "total rate": r2(reading.ths_average * 1000),
        "temp_max": 0, "no_matching_work": reading.hardware_errors, "miner_version": VERSION,
        "miner_id": f"{visit.machine.seed:016x}",
    }  # fmt: skip
    return row


class Antminer(Cgminer):
    """bmminer 1.0.0, which calls itself cgminer. It does not understand joined commands."""

    description = "cgminer 1.0.0"
    joins = False

    def web(self, visit: Visit, request: WebRequest) -> WebAnswer:
        """The maker's web page, behind a digest login."""
        return antminer_web.web(visit, request, stats_of=_web_chains, identity=identity(visit))

    def version(self, visit: Visit, request: Request) -> Answer:
        """``version``."""
        return Answer(22, "CGMiner versions", "VERSION", ({**identity(visit), "API": "3.1"},))

    def summary(self, visit: Visit, request: Request) -> Answer:
        """``summary``."""
        reading = visit.reading
        row = {
            "Elapsed": reading.elapsed_s,
            "GHS 5s": r2(reading.ths_5s * 1000),
            "GHS av": r2(reading.ths_average * 1000),
            "GHS 30m": r2(reading.ths_15m * 1000),
            **hashing_rows(visit),
        }
        return Answer(11, "Summary", "SUMMARY", (row,))

    def stats(self, visit: Visit, request: Request) -> Answer:
        """``stats``: who speaks, then everything in one row."""
        return Answer(70, "CGMiner stats", "STATS", (identity(visit), stats_row(visit)))

    def devs(self, visit: Visit, request: Request) -> Answer:
        """``devs``: all boards as one device, with zeros where others have rates."""
        reading, difficulty = visit.reading, visit.machine.kind.difficulty
        row = {
            "ASC": 0, "Name": "BTM_SOC", "ID": 0, "Enabled": "Y", "Status": "Alive", "Tenperature": 0.0,
            "MHS av": 0.0, "MHS 5s": 0.0, "Accepted": reading.accepted, "Rejected": reading.rejected,
            "Hardware Errors": 0, "Utility": 0.0, "Last Share Pool": 0, "Last Share Time": visit.when,
            "Total MH": 0.0, "Diff1 Work": 0, "Difficulty Accepted": reading.accepted * difficulty,
            "Difficulty Rejected": reading.rejected * difficulty, "Last Share Difficulty": difficulty,
            "Last Valid Work": visit.when, "Device Hardware%": 0.0, "Device Rejected%": 0.0,
            "Device Elapsed": reading.elapsed_s,
        }  # fmt: skip
        return boards_or_none(visit, (row,))

    def pools(self, visit: Visit, request: Request) -> Answer:
        """``pools``, with the difficulty in words and the age of the last share instead of its time."""
        rows = []
        for row in pools.rows(visit):
            used = row["POOL"] == 0
            difficulty = pools.short_difficulty(visit.machine.kind.difficulty) if used else ""
            rows.append({**row, "Diff": difficulty, "Last Share Time": "0:00:03" if used else "0"})
        return Answer(7, f"{len(rows)} Pool(s)", "POOLS", tuple(rows))

    words: ClassVar[Words] = {
        **COMMON, "version": version, "summary": summary, "stats": stats, "devs": devs, "pools": pools,
    }  # fmt: skip


def _web_chains(visit: Visit) -> list[dict[str, Any]]:
    """Chains as the web page has them."""
    kind = visit.machine.kind
    chains = []
    for index, board in enumerate(visit.reading.boards):
        if not board.alive or no_boards(visit):
            continue
        pic, pcb, chip = temperatures(board)
        chains.append(
            {
                "index": index,
                "freq_avg": kind.frequency_mhz,
                "rate_ideal": r2(kind.rated_ths * 1000 / kind.boards),
                "rate_real": r2(board.ths * 1000),
                "asic_num": kind.chips,
                "asic": "",
                "temp_pic": pic,
                "temp_pcb": pcb,
                "temp_chip": chip,
                "hw": visit.reading.hardware_errors // kind.boards,
                "eeprom_loaded": True,
                "sn": f"{visit.serial}{index}",
                "hwp": 0,
                "tpl": [],
            }
        )
    return chains

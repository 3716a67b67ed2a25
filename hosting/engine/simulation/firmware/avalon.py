"""Avalon A-series: cgminer whose ``stats`` packs everything into ``Name[value]`` pairs of one string."""

from typing import Any, ClassVar

from hosting.engine.simulation import noise
from hosting.engine.simulation.firmware.cgminer import COMMON, Cgminer, Words, boards_or_none, hashing_rows, r2
from hosting.engine.simulation.machine import Phase
from hosting.engine.simulation.protocol import Answer, Request
from hosting.engine.simulation.reading import Board
from hosting.engine.simulation.visit import Visit

VERSION = "21072802_4ec6bb0_211fc46"
HELP = "help|voltage|fan-spd|led|hash-sn-read|workmode|worklevel|reboot|softon|softoff|"
MODES = {0: 0.8, 1: 1.0, 2: 1.08}
_CHIPS = 701


class Avalon(Cgminer):
    """cgminer 4.11.1 as Canaan ships it."""

    description = "cgminer 4.11.1"

    def version(self, visit: Visit, request: Request) -> Answer:
        """``version``."""
        model = visit.machine.kind.model
        row = {
            "CGMiner": "4.11.1", "API": "3.7", "PROD": f"AvalonMiner {model}", "MODEL": model, "HWTYPE": "MM3v2_X3",
            "SWTYPE": "MM317", "VERSION": VERSION, "LOADER": "d0d779de.00", "DNA": f"{visit.machine.seed:016x}",
            "MAC": visit.mac.replace(":", "").lower(), "UPAPI": "2",
        }  # fmt: skip
        return Answer(22, "CGMiner versions", "VERSION", (row,))

    def summary(self, visit: Visit, request: Request) -> Answer:
        """``summary``."""
        row = {"Elapsed": visit.reading.elapsed_s, **_rates(visit), **hashing_rows(visit)}
        return Answer(11, "Summary", "SUMMARY", (row,))

    def devs(self, visit: Visit, request: Request) -> Answer:
        """``devs``: the machine as one device."""
        reading, difficulty = visit.reading, visit.machine.kind.difficulty
        row = {
            "ASC": 0, "Name": "AVALON", "ID": 0, "Enabled": "Y", "Status": "Alive",
            "Temperature": r2(reading.air_c), **_rates(visit), "Accepted": reading.accepted,
            "Rejected": reading.rejected, "Hardware Errors": reading.hardware_errors, "Utility": 0.0,
            "Last Share Pool": 0, "Last Share Time": visit.when, "Total MH": round(reading.work_th * 1e6, 4),
            "Diff1 Work": reading.accepted * difficulty, "Difficulty Accepted": float(reading.accepted * difficulty),
            "Difficulty Rejected": float(reading.rejected * difficulty), "Last Share Difficulty": float(difficulty),
            "Last Valid Work": visit.when, "Device Hardware%": 0.0, "Device Rejected%": 0.0,
            "Device Elapsed": reading.elapsed_s,
        }  # fmt: skip
        return boards_or_none(visit, (row,))

    def devdetails(self, visit: Visit, request: Request) -> Answer:
        """``devdetails``."""
        row = {
            "DEVDETAILS": 0, "Name": "AVALON", "ID": 0, "Driver": "avalon", "Kernel": "", "Model": "",
            "Device Path": "",
        }  # fmt: skip
        return Answer(69, "Device Details", "DEVDETAILS", (row,))

    def stats(self, visit: Visit, request: Request) -> Answer:
        """``stats`` and ``estats``."""
        row = {
            "STATS": 0, "ID": "AVA100", "Elapsed": visit.reading.elapsed_s, "Calls": 0, "Wait": 0.0, "Max": 0.0,
            "Min": 99999999.0, "MM ID0": packed(visit), "MM Count": 1, "Smart Speed": 1, "Voltage Level Offset": 0,
            "Nonce Mask": 25,
        }  # fmt: skip
        return Answer(70, "CGMiner stats", "STATS", (row, _pool_row(visit)))

    def ascset(self, visit: Visit, request: Request) -> Answer:
        """``ascset|0,softoff,1:…``: off and on at a moment, work mode, reboot."""
        number, _, rest = request.parameter.partition(",")
        option, _, value = rest.partition(",")
        if number.strip() != "0":
            return Answer(107, f"Invalid ASC id {number} - range is 0 - 0", status="E")
        if option == "help":
            return _told(HELP)
        if option in {"softoff", "softon"}:
            return _switch(visit, option, value)
        if option == "workmode":
            return _work_mode(visit, value)
        if option == "reboot":
            visit.machine.reboot()
            return Answer(119, "ASC 0 set OK")
        return Answer(120, f"ASC 0 set failed: Unknown option: {option}", status="E")

    words: ClassVar[Words] = {
        **COMMON, "version": version, "summary": summary, "devs": devs, "devdetails": devdetails, "stats": stats,
        "estats": stats, "ascset": ascset,
    }  # fmt: skip


def _rates(visit: Visit) -> dict[str, float]:
    reading = visit.reading
    return {
        "MHS av": r2(reading.ths_average * 1e6), "MHS 5s": r2(reading.ths_5s * 1e6),
        "MHS 1m": r2(reading.ths_1m * 1e6), "MHS 5m": r2(reading.ths_5m * 1e6),
        "MHS 15m": r2(reading.ths_15m * 1e6),
    }  # fmt: skip


def _told(text: str) -> Answer:
    return Answer(118, f"ASC 0 set info: {text}", status="I")


def _switch(visit: Visit, option: str, value: str) -> Answer:
    moment = value.rpartition(":")[2]
    if not moment.isdigit():
        return Answer(120, f"ASC 0 set failed: Invalid {option} time", status="E")
    visit.machine.order(int(moment) - visit.world.epoch, asleep=option == "softoff")
    return _told(f"success {option}:{moment}")


def _work_mode(visit: Visit, value: str) -> Answer:
    mode = value.rpartition(",")[2]
    if not mode.isdigit() or int(mode) not in MODES:
        return Answer(120, "ASC 0 set failed: Invalid workmode", status="E")
    visit.machine.extra["mode"] = int(mode)
    visit.machine.set_share(MODES[int(mode)])
    return Answer(119, "ASC 0 set OK")


def packed(visit: Visit) -> str:
    """The string of ``stats``: ``Name[value]`` with a blank between."""
    reading, kind, machine = visit.reading, visit.machine.kind, visit.machine
    boards = reading.boards
    mode = int(str(machine.extra.get("mode", 1)))
    states = {Phase.HASHING: "In Work", Phase.ASLEEP: "In Idle", Phase.STARTING: "In Init"}
    state = states.get(machine.phase, "In Protect")
    pairs: dict[str, Any] = {
        "Ver": f"{kind.model}-83-{VERSION}", "DNA": f"{machine.seed:016x}", "MEMFREE": "1201472.0",
        "NETFAIL": "0 0 0 0 0 0 0 0", "SYSTEMSTATU": f"Work: {state}, Hash Board: {sum(b.alive for b in boards)} ",
        "Elapsed": reading.elapsed_s, "BOOTBY": "0x08.00000000", "LW": reading.elapsed_s * 990,
        "MH": _row(reading.hardware_errors // kind.boards for _ in boards), "HW": reading.hardware_errors,
        "DH": "2.732%", "Temp": round(reading.air_c), "TMax": round(reading.chip_c),
        "TAvg": round(sum(b.chip_c for b in boards) / len(boards)),
    }  # fmt: skip
    pairs |= {f"Fan{number}": rpm for number, rpm in enumerate(reading.fans_rpm, 1)}
    pairs |= {
        "FanR": f"{reading.fan_percent}%", "Vo": 329, "PS": f"0 1214 1316 242 {reading.power_w} 1320 {reading.power_w}",
        "GHSspd": f"{reading.ths_5s * 1000:.2f}", "DHspd": "2.732%",
        "GHSmm": f"{kind.rated_ths * machine.share * 1000:.2f}", "GHSavg": f"{reading.ths_average * 1000:.2f}",
        "WU": f"{reading.ths_average * 1e12 / 2**32 * 60:.2f}", "Freq": f"{kind.frequency_mhz:.2f}", "Led": 0,
        "MGHS": _row(f"{b.ths * 1000:.2f}" for b in boards), "MTmax": _row(round(b.chip_c) for b in boards),
        "MTavg": _row(round(b.chip_c - 11) for b in boards), "TA": kind.chips * sum(b.alive for b in boards),
        "Core": "A3201", "PING": 43, "POWS": 0, "HASHS": _row(0 if b.alive else 1 for b in boards), "POOLS": 0,
        "SoftOFF": 4 if machine.phase is Phase.ASLEEP else 0, "ECHU": _row(0 for _ in boards), "ECMM": 0,
    }  # fmt: skip
    for number, board in enumerate(boards):
        pairs[f"SF{number}"] = _row(kind.frequency_mhz + step for step in (-30, -10, 10, 30))
        pairs |= _chips(visit, number, board)
    pairs |= {"CRC": _row(0 for _ in boards), "POW_I2C": "OK", "ADJ": 1, "MPO": round(kind.rated_w), "WORKMODE": mode}
    return " ".join(f"{name}[{value}]" for name, value in pairs.items())


def _row(values: Any) -> str:
    return " ".join(map(str, values))


def _chips(visit: Visit, number: int, board: Board) -> dict[str, str]:
    """Temperature, voltage and work of every chip of a board."""
    count = visit.machine.kind.chips if board.alive else 0
    drawn = noise.bits(visit.machine.seed, _CHIPS + number, int(visit.now // 60))
    middle, works = round(board.chip_c - 11), 620 if board.ths else 0
    steps = [drawn >> place % 61 & 7 for place in range(count)]
    return {
        f"PVT_T{number}": " " + "  ".join(str(middle - 3 + step) for step in steps),
        f"PVT_V{number}": " ".join(str(303 + step) for step in steps),
        f"MW{number}": " ".join(str(works + step * 4 if works else 0) for step in steps),
    }


def _pool_row(visit: Visit) -> dict[str, Any]:
    reading = visit.reading
    return {
        "STATS": 1, "ID": "POOL0", "Elapsed": reading.elapsed_s, "Calls": 0, "Wait": 0.0, "Max": 0.0,
        "Min": 99999999.0, "Pool Calls": 0, "Pool Attempts": 0, "Pool Wait": 0.0, "Pool Max": 0.0,
        "Pool Min": 99999999.0, "Pool Av": 0.0, "Work Had Roll Time": False, "Work Can Roll": False,
        "Work Had Expire": False, "Work Roll Time": 0, "Work Diff": float(visit.machine.kind.difficulty),
        "Times Sent": reading.accepted, "Bytes Sent": reading.accepted * 131, "Times Recv": reading.accepted * 2,
        "Bytes Recv": reading.accepted * 1015,
    }  # fmt: skip

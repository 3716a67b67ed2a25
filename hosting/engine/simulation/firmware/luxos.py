"""LuxOS: reading in the open; a session for everything that changes the machine; profiles instead of watts."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from hosting.engine.simulation import noise
from hosting.engine.simulation.firmware import pools
from hosting.engine.simulation.firmware.antminer import SLOTS, chain_rows
from hosting.engine.simulation.firmware.cgminer import COMMON, Cgminer, Words, boards_or_none, hashing_rows, r2
from hosting.engine.simulation.machine import Phase
from hosting.engine.simulation.protocol import Answer, Request
from hosting.engine.simulation.reading import Board
from hosting.engine.simulation.visit import Visit

VERSION, SHORT_VERSION = "2025.4.8.220305-57b389c7", "2025.4.8.220305"
COMPILED = "Tue Apr  8 22:05:35 UTC 2025"
STEPS = range(-8, 3)  # profiles around the default one
STEP_MHZ = 25
SESSION_S = 900.0
_SESSION = 601


def profile_name(visit: Visit, step: int) -> str:
    """Profiles are named after their frequency; the default one is called so."""
    return "default" if step == 0 else f"{visit.machine.kind.frequency_mhz + step * STEP_MHZ}MHz"


def profile_share(visit: Visit, step: int) -> float:
    """Hashrate of a profile as a share of the default one's."""
    return 1.0 + step * STEP_MHZ / visit.machine.kind.frequency_mhz


def current_step(visit: Visit) -> int:
    """The profile in use."""
    return int(str(visit.machine.extra.get("step", 0)))


def sensors(board: Board) -> tuple[list[int], list[int], list[int]]:
    """Exhaust, intake, intake, exhaust: all three names read the same sensors."""
    exhaust, intake = round(board.chip_c), round(board.inlet_c)
    corners = [exhaust, intake, intake, exhaust] if board.alive else [0] * SLOTS
    return corners, corners, corners


class LuxOS(Cgminer):
    """LUXminer, the program of LuxOS."""

    description = f"LUXminer {VERSION}"
    program = "LUXminer"
    leaves = False

    def version(self, visit: Visit, request: Request) -> Answer:
        """``version``."""
        row = {
            "API": "3.7", "CompileTime": COMPILED, "LUXminer": VERSION, "Miner": SHORT_VERSION,
            "Type": visit.machine.kind.model,
        }  # fmt: skip
        return Answer(22, "LUXminer versions", "VERSION", (row,))

    def summary(self, visit: Visit, request: Request) -> Answer:
        """``summary``."""
        reading = visit.reading
        rates = {
            "5s": reading.ths_5s, "1m": reading.ths_1m, "5m": reading.ths_5m, "15m": reading.ths_15m,
            "30m": reading.ths_15m, "24h": reading.ths_average, "av": reading.ths_average,
        }  # fmt: skip
        row = {"Elapsed": reading.elapsed_s} | {f"GHS {name}": r2(ths * 1000) for name, ths in rates.items()}
        return Answer(11, "Summary", "SUMMARY", ({**row, **hashing_rows(visit)},))

    def stats(self, visit: Visit, request: Request) -> Answer:
        """``stats``, in the form of an Antminer."""
        kind, reading = visit.machine.kind, visit.reading
        head = {"CompileTime": COMPILED, "Miner": SHORT_VERSION, "Type": kind.model}
        row: dict[str, Any] = {
            "STATS": 0, "ID": "BTM_SOC0", "Elapsed": reading.elapsed_s, "Calls": 0, "Wait": 0, "Max": 0,
            "Min": 99999999, "GHS 5s": r2(reading.ths_5s * 1000), "GHS av": r2(reading.ths_average * 1000),
            "rate_30m": r2(reading.ths_15m * 1000), "Mode": 2, "miner_count": kind.boards,
            "frequency": kind.frequency_mhz, "fan_num": kind.fans, "temp_num": kind.boards,
        }  # fmt: skip
        row |= {f"fan{number}": rpm for number, rpm in enumerate(reading.fans_rpm, 1)}
        row |= chain_rows(visit, no_rate="0", sensors=sensors)
        row |= {
            "total_rateideal": kind.rated_ths * 1000 * visit.machine.share, "rate_unit": "GH",
            "total_freqavg": float(kind.frequency_mhz), "total_acn": SLOTS,
            "total rate": r2(reading.ths_average * 1000), "temp_max": r2(reading.chip_c), "no_matching_work": 0,
            "miner_version": SHORT_VERSION, "miner_id": visit.mac.replace(":", "").lower(),
        }  # fmt: skip
        return Answer(70, "LUXminer stats", "STATS", (head, row))

    def devs(self, visit: Visit, request: Request) -> Answer:
        """``devs``: one row per board."""
        return boards_or_none(visit, tuple(_dev(visit, n, board) for n, board in enumerate(visit.reading.boards)))

    def pools(self, visit: Visit, request: Request) -> Answer:
        """``pools``, in groups."""
        rows = tuple({**row, "GROUP": 0, "AsicBoost": True, "Quota": 1.0} for row in pools.rows(visit))
        return Answer(7, f"{len(rows)} Pool(s)", "POOLS", rows)

    def groups(self, visit: Visit, request: Request) -> Answer:
        """``groups``: all pools in one."""
        return Answer(360, "1 Group(s)", "GROUPS", ({"GROUP": 0, "Name": "default", "Quota": 1},))

    def config(self, visit: Visit, request: Request) -> Answer:
        """``config``: network, profile and state."""
        machine, step = visit.machine, current_step(visit)
        row = {
            "ASC Count": machine.kind.boards, "PGA Count": 0, "Pool Count": 3, "Strategy": "Failover",
            "Log Interval": 0, "Device Code": "", "OS": "LuxOS", "Hotplug": "None", "Hostname": "simulated",
            "IPAddr": visit.address, "MACAddr": visit.mac.lower(), "Netmask": "255.0.0.0", "DHCP": True,
            "ControlBoardType": "cvitek", "Cooling": "Air", "Model": machine.kind.model,
            "CurtailMode": "Sleep" if machine.phase is Phase.ASLEEP else "None", "GreenLed": "auto", "RedLed": "auto",
            "ImmersionMode": False, "IsAtmEnabled": bool(machine.extra.get("atm", False)),
            "IsPowerSupplyOn": machine.level > 0, "IsSingleVoltage": True, "IsTuning": False,
            "NameplateTHS": float(machine.kind.rated_ths), "PSULabel": "APW121215e",
            "Profile": profile_name(visit, step), "ProfileStep": str(step), "SerialNumber": visit.serial,
            "SystemStatus": "Normal",
        }  # fmt: skip
        return Answer(33, "LUXminer config", "CONFIG", (row,))

    def fans(self, visit: Visit, request: Request) -> Answer:
        """``fans``."""
        reading = visit.reading
        rows = tuple(
            {"FAN": f"FAN{number + 1}", "ID": number, "RPM": rpm, "Speed": reading.fan_percent}
            for number, rpm in enumerate(reading.fans_rpm)
        )
        control = ({"MinFans": 3, "PowerOffSpeed": 20},)
        return Answer(202, f"{len(rows)} Fan(s)", "FANS", rows, more=(("FANCTRL", control),))

    def temps(self, visit: Visit, request: Request) -> Answer:
        """``temps``: exhaust and intake of each board."""
        rows = tuple(
            {
                "TEMP": number, "ID": number, "TopLeft": float(sensors(board)[0][0]),
                "BottomLeft": float(sensors(board)[0][3]), "TopRight": float(sensors(board)[0][1]),
                "BottomRight": float(sensors(board)[0][2]),
            }
            for number, board in enumerate(visit.reading.boards)
        )  # fmt: skip
        return Answer(201, f"{len(rows)} Temp(s)", "TEMPS", rows)

    def power(self, visit: Visit, request: Request) -> Answer:
        """``power``: an estimate, as the supply has no meter."""
        return Answer(311, "Power usage", "POWER", ({"PSU": False, "Watts": visit.reading.power_w},))

    def profiles(self, visit: Visit, request: Request) -> Answer:
        """``profiles``: what ``profileset`` takes."""
        rows = tuple(_profile(visit, step) for step in STEPS)
        return Answer(327, f"{len(rows)} Profile(s)", "PROFILES", rows)

    def tempctrl(self, visit: Visit, request: Request) -> Answer:
        """``tempctrl``."""
        row = {"Mode": "Automatic", "Target": 60.0, "Hot": 80.0, "Dangerous": visit.machine.kind.trip_c}
        return Answer(204, "Temperature control", "TEMPCTRL", (row,))

    def events(self, visit: Visit, request: Request) -> Answer:
        """``events``."""
        return Answer(357, "Miner Events", "EVENTS", ())

    def voltageget(self, visit: Visit, request: Request) -> Answer:
        """``voltageget``: of one board."""
        board = int(request.parameter) if request.parameter.isdigit() else 0
        return Answer(307, "Get Voltage", "VOLTAGE", ({"Board": board, "Voltage": 13.2},))

    def atm(self, visit: Visit, request: Request) -> Answer:
        """``atm``: whether it tunes by temperature."""
        row = {"Enabled": bool(visit.machine.extra.get("atm", False)), "StartupMinutes": 15, "PostRampMinutes": 10}
        return Answer(339, "ATM", "ATM", (row,))

    def session(self, visit: Visit, request: Request) -> Answer:
        """``session``: the one that is open, if any."""
        return Answer(316, "Session information", "SESSION", ({"SessionID": _open_session(visit)},))

    def logon(self, visit: Visit, request: Request) -> Answer:
        """``logon``: there is one session at a time."""
        if _open_session(visit):
            return Answer(402, "Another session is active", status="E")
        number = int(str(visit.machine.extra.get("sessions", 0))) + 1
        name = f"{noise.bits(visit.machine.seed, _SESSION, number) & 0xFFFFFFFF:08x}"
        visit.machine.extra |= {"sessions": number, "session": (name, visit.now + SESSION_S)}
        return Answer(316, "Session created", "SESSION", ({"SessionID": name},))

    def obey(self, visit: Visit, request: Request) -> Answer:
        """Commands that need a session: it comes first in the parameter."""
        session, _, rest = request.parameter.partition(",")
        if not session or session != _open_session(visit):
            return Answer(323, "Invalid session_id", status="E")
        visit.machine.extra["session"] = (session, visit.now + SESSION_S)
        return _ORDERS[request.command](visit, rest)

    words: ClassVar[Words] = {
        **COMMON, "version": version, "summary": summary, "stats": stats, "devs": devs, "pools": pools,
        "groups": groups, "config": config, "fans": fans, "temps": temps, "power": power, "profiles": profiles,
        "tempctrl": tempctrl, "events": events, "voltageget": voltageget, "atm": atm, "session": session,
        "logon": logon, "logoff": obey, "curtail": obey, "profileset": obey, "atmset": obey, "resetminer": obey,
        "rebootdevice": obey, "ledset": obey,
    }  # fmt: skip


def _open_session(visit: Visit) -> str:
    kept: Any = visit.machine.extra.get("session")
    return str(kept[0]) if kept and kept[1] > visit.now else ""


def _dev(visit: Visit, number: int, board: Board) -> dict[str, Any]:
    reading, kind = visit.reading, visit.machine.kind
    part = board.ths / reading.ths_5s if reading.ths_5s else 0.0
    accepted = reading.accepted // kind.boards
    return {
        "ASC": number, "Board": "BHB56903", "Connector": f"J{7 + number}", "Name": "", "ID": number, "Enabled": "Y",
        "Status": "Alive" if board.alive else "Dead", "Temperature": float(sensors(board)[0][0]),
        "MHS 5s": board.ths * 1e6, "MHS 1m": reading.ths_1m * part * 1e6, "MHS 5m": reading.ths_5m * part * 1e6,
        "MHS 15m": reading.ths_15m * part * 1e6, "MHS av": reading.ths_average * part * 1e6, "Accepted": accepted,
        "Rejected": reading.rejected // kind.boards, "Hardware Errors": 0, "Utility": 0, "Last Share Pool": 0,
        "Last Share Time": visit.when, "Total MH": reading.work_th * part * 1e6,
        "Diff1 Work": accepted * kind.difficulty, "Difficulty Accepted": accepted * kind.difficulty,
        "Difficulty Rejected": 0, "Last Share Difficulty": kind.difficulty, "Last Valid Work": visit.when,
        "Device Hardware%": 0, "Device Rejected%": 0, "Device Elapsed": reading.elapsed_s,
        "IsRamping": visit.machine.level < visit.machine.goal, "IsUserShutdown": visit.machine.phase is Phase.ASLEEP,
        "Nominal MHS": kind.rated_ths * 1e6 / kind.boards, "Profile": profile_name(visit, current_step(visit)),
        "SerialNumber": f"{visit.serial}{number}",
    }  # fmt: skip


def _profile(visit: Visit, step: int) -> dict[str, Any]:
    machine = visit.machine
    share = profile_share(visit, step)
    return {
        "Profile Name": profile_name(visit, step), "Step": str(step),
        "Frequency": machine.kind.frequency_mhz + step * STEP_MHZ,
        "Hashrate": round(machine.kind.rated_ths * share, 1), "Watts": round(machine.power_for(machine.full * share)),
        "Voltage": 13.2, "IsDynamic": False, "IsTuned": step == current_step(visit), "CanRestore": True,
        "HasOverrides": False,
    }  # fmt: skip


def _curtail(visit: Visit, rest: str) -> Answer:
    if rest == "sleep":
        visit.machine.sleep()
    elif rest == "wakeup":
        visit.machine.wake()
    else:
        return Answer(312, "Invalid curtail mode", status="E")
    return Answer(313, "Curtail mode updated", "CURTAIL", ({"Mode": rest},))


def _profileset(visit: Visit, rest: str) -> Answer:
    name = rest.split(",")[-1]
    for step in STEPS:
        if name == profile_name(visit, step):
            visit.machine.extra["step"] = step
            visit.machine.set_share(profile_share(visit, step))
            return Answer(328, "Profile updated", "PROFILE", ({"Board": -1, "Profile": name},))
    return Answer(329, f"Profile '{name}' not found", status="E")


def _atmset(visit: Visit, rest: str) -> Answer:
    if "enabled=" in rest:
        visit.machine.extra["atm"] = "enabled=true" in rest.lower()
    return Answer(340, "ATM updated")


def _logoff(visit: Visit, rest: str) -> Answer:
    visit.machine.extra.pop("session", None)
    return Answer(317, "Session closed")


def _resetminer(visit: Visit, rest: str) -> Answer:
    visit.machine.wake(restart=True, quiet_s=10.0)
    return Answer(318, "Miner restarting")


def _rebootdevice(visit: Visit, rest: str) -> Answer:
    visit.machine.reboot()
    return Answer(319, "Device rebooting")


def _ledset(visit: Visit, rest: str) -> Answer:
    return Answer(320, "LED updated")


_ORDERS: Mapping[str, Callable[[Visit, str], Answer]] = {
    "curtail": _curtail,
    "profileset": _profileset,
    "atmset": _atmset,
    "logoff": _logoff,
    "resetminer": _resetminer,
    "rebootdevice": _rebootdevice,
    "ledset": _ledset,
}

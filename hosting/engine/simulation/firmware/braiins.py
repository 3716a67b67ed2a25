"""Braiins OS: HTTP only here, with a login that gives a token; pause, resume and a power target in watts."""

import json
from collections.abc import Callable
from typing import Any

from hosting.engine.simulation import noise
from hosting.engine.simulation.faults import Fault
from hosting.engine.simulation.firmware import pools
from hosting.engine.simulation.machine import Phase
from hosting.engine.simulation.protocol import INVALID_COMMAND, Answer, Request, as_json, as_object
from hosting.engine.simulation.reading import Board
from hosting.engine.simulation.visit import Visit, WebAnswer, WebRequest

VERSION = "2025-08-06-0-3881c51d-25.07-plus"
USER, PASSWORD = "root", "root"
NOT_STARTED, NORMAL, PAUSED = 1, 2, 3
LEAST_SHARE, MOST_SHARE = 0.35, 1.3  # of the rated power
_TOKEN = 801


class Braiins:
    """The REST API of version 25.07, and the GraphQL question by which it is recognised."""

    description = "BOSer boser-openwrt 0.1.0-3881c51d"

    def answer(self, visit: Visit, request: Request | Answer) -> bytes:
        """TCP 4028 knows only who speaks."""
        answer = request if isinstance(request, Answer) else INVALID_COMMAND
        if isinstance(request, Request) and request.command == "version":
            answer = Answer(22, "BOSer versions", "VERSION", ({"API": "3.7", "BOSer": self.description},))
        if isinstance(request, Request) and request.command == "devdetails":
            row = {"DEVDETAILS": 0, "Name": "", "ID": 0, "Driver": "", "Kernel": "", "Model": _bitmain(visit)}
            answer = Answer(69, "Device Details", "DEVDETAILS", (row,))
        return as_json(as_object(answer, when=visit.when, description=self.description))

    def web(self, visit: Visit, request: WebRequest) -> WebAnswer:
        """The answer on the web port."""
        if request.path == "/":
            return WebAnswer(200, b"<!doctype html><title>Braiins OS</title>", "text/html")
        if request.path == "/graphql":
            return _json(_graphql(visit))
        path = request.path.removeprefix("/api/v1/").rstrip("/")
        if path == "auth/login":
            return _login(visit, request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") != _token(visit):
            return _json({"message": "Unauthorized"}, 401)
        if request.method == "GET" and path in _PAGES:
            return _json(_PAGES[path](visit))
        if request.method in {"PUT", "PATCH", "POST"} and path in _ORDERS:
            return _ORDERS[path](visit, _body(request))
        return _json({"message": "Not Found"}, 404)


def _bitmain(visit: Visit) -> str:
    return f"Bitmain {visit.machine.kind.model}"


def _json(content: Any, status: int = 200) -> WebAnswer:
    return WebAnswer(status, json.dumps(content).encode())


def _body(request: WebRequest) -> dict[str, Any]:
    try:
        content = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _token(visit: Visit) -> str:
    return f"{noise.bits(visit.machine.seed, _TOKEN):016x}"


def _login(visit: Visit, request: WebRequest) -> WebAnswer:
    said = _body(request)
    if said.get("username") != USER or said.get("password") != visit.password(PASSWORD):
        return _json({"message": "Invalid credentials"}, 401)
    return _json({"token": _token(visit), "timeout_s": 3600})


def _graphql(visit: Visit) -> dict[str, Any]:
    info = {"modelName": visit.machine.kind.model, "summary": {"realHashrate": {"mhs5S": visit.reading.ths_5s * 1e6}}}
    return {"data": {"bosminer": {"info": info}, "bos": {"info": {"version": {"full": VERSION}}}}}


def _ghs(ths: float) -> dict[str, float]:
    return {"gigahash_per_second": ths * 1000}


def _rates(visit: Visit, part: float) -> dict[str, Any]:
    reading = visit.reading
    rates = {
        "last_5s": reading.ths_5s, "last_15s": reading.ths_5s, "last_30s": reading.ths_1m, "last_1m": reading.ths_1m,
        "last_5m": reading.ths_5m, "last_15m": reading.ths_15m, "last_30m": reading.ths_15m,
        "last_1h": reading.ths_15m, "last_24h": reading.ths_average, "since_restart": reading.ths_average,
    }  # fmt: skip
    return {
        "best_share": reading.best_share,
        "error_hashrate": {"megahash_per_second": 0.0},
        "found_blocks": 0,
        "nominal_hashrate": _ghs(visit.machine.kind.rated_ths * part),
        "real_hashrate": {name: _ghs(ths * part) for name, ths in rates.items()},
    }


def _target_w(visit: Visit) -> int:
    target = visit.machine.power_target_w
    return round(visit.machine.kind.rated_w if target is None else target)


def _details(visit: Visit) -> dict[str, Any]:
    machine, reading = visit.machine, visit.reading
    status = PAUSED if machine.phase is Phase.ASLEEP else NORMAL if machine.phase is Phase.HASHING else NOT_STARTED
    return {
        "uid": f"{machine.seed:016x}", "miner_identity": {
            "brand": 1, "model": 18, "name": machine.kind.model, "miner_model": machine.kind.model,
        },
        "platform": 4, "bos_mode": 4, "bos_version": {"current": VERSION, "major": VERSION, "bos_plus": True},
        "hostname": "Antminer", "mac_address": visit.mac.lower(), "system_uptime": reading.uptime_s,
        "system_uptime_s": reading.uptime_s, "bosminer_uptime_s": reading.elapsed_s, "status": status,
        "sticker_hashrate": _ghs(machine.kind.rated_ths), "kernel_version": "4.9.113",
        "serial_number": visit.serial, "control_board_soc_family": 3, "psu_info": {"model_name": "APW121215d/e"},
    }  # fmt: skip


def _stats(visit: Visit) -> dict[str, Any]:
    reading = visit.reading
    efficiency = reading.power_w / reading.ths_5m if reading.ths_5m > 0.01 else 0.0
    return {
        "pool_stats": {
            "accepted_shares": reading.accepted, "rejected_shares": reading.rejected, "stale_shares": 0,
            "last_difficulty": visit.machine.kind.difficulty, "best_share": reading.best_share,
            "generated_work": reading.accepted * 1700, "last_share_time": {"seconds": visit.when, "nanos": 0},
        },
        "miner_stats": _rates(visit, 1.0),
        "power_stats": {
            "approximated_consumption": {"watt": reading.power_w}, "efficiency": {"joule_per_terahash": efficiency},
        },
    }  # fmt: skip


def _hashboards(visit: Visit) -> dict[str, Any]:
    return {"hashboards": [_hashboard(visit, n, board) for n, board in enumerate(visit.reading.boards, 1)]}


def _hashboard(visit: Visit, number: int, board: Board) -> dict[str, Any]:
    reading, kind = visit.reading, visit.machine.kind
    part = board.ths / reading.ths_5s if reading.ths_5s else 0.0
    board_c = {"degree_c": round(board.chip_c - 15, 1)}
    return {
        "id": str(number), "enabled": board.alive, "chips_count": kind.chips if board.alive else 0,
        "current_voltage": {"volt": 12.9}, "current_frequency": {"hertz": kind.frequency_mhz * 1e6},
        "highest_chip_temp": {"id": number, "location": 1, "temperature": {"degree_c": round(board.chip_c, 1)}},
        "board_temp": board_c, "highest_outlet_temp": board_c, "lowest_inlet_temp": {
            "degree_c": round(board.inlet_c, 1),
        },
        "stats": _rates(visit, part), "model": "BHB56801", "board_name": "BHB56801", "chip_type": "BM1366",
        "serial_number": f"{visit.serial}{number}",
    }  # fmt: skip


def _cooling(visit: Visit) -> dict[str, Any]:
    reading = visit.reading
    fans = [
        {"position": number, "rpm": rpm, "target_speed_ratio": reading.fan_percent / 100}
        for number, rpm in enumerate(reading.fans_rpm)
    ]
    hottest = {"id": None, "location": 1, "temperature": {"degree_c": round(reading.chip_c, 1)}}
    return {"fans": fans, "highest_temperature": hottest}


def _errors(visit: Visit) -> dict[str, Any]:
    texts = {Fault.FAN: "Fan not spinning", Fault.BOARD: "Hashboard not responding"}
    message = "Overheat protection" if visit.machine.phase is Phase.TRIPPED else texts.get(visit.machine.fault)
    row: dict[str, Any] = {"timestamp": "1970-01-01T00:00:00Z", "message": message, "error_codes": [], "components": []}
    return {"errors": [row] if message else []}


def _pools(visit: Visit) -> list[dict[str, Any]]:
    rows = [
        {
            "uid": f"pool{row['POOL']}", "url": row["URL"], "user": row["User"], "enabled": True, "alive": True,
            "active": row["Stratum Active"], "stats": {
                "accepted_shares": row["Accepted"], "rejected_shares": row["Rejected"], "stale_shares": 0,
                "last_difficulty": visit.machine.kind.difficulty, "best_share": row["Best Share"],
            },
        }
        for row in pools.rows(visit)
    ]  # fmt: skip
    return [{"name": "default", "pools": rows, "strategy": {"quota": {"value": 1}}}]


def _network(visit: Visit) -> dict[str, Any]:
    return {
        "name": "eth0", "mac_address": visit.mac.lower(), "hostname": "Antminer", "protocol": 1,
        "dns_servers": [], "networks": [{"address": visit.address, "netmask": "255.0.0.0"}], "default_gateway": "",
    }  # fmt: skip


def _configuration(visit: Visit) -> dict[str, Any]:
    tuner = {
        "enabled": True, "tuner_mode": 1, "power_target": {"watt": _target_w(visit)}, "hashrate_target": None,
    }  # fmt: skip
    return {"pool_groups": [], "tuner": tuner}


def _tuner_state(visit: Visit) -> dict[str, Any]:
    profile = {
        "target": {"watt": _target_w(visit)}, "measured_hashrate": _ghs(visit.reading.ths_5m),
        "estimated_power_consumption": {"watt": visit.reading.power_w},
    }  # fmt: skip
    state = {"current_target": {"watt": _target_w(visit)}, "profile": profile}
    return {"overall_tuner_state": 2, "mode_state": {"powertargetmodestate": state}}


def _pause(visit: Visit, body: dict[str, Any]) -> WebAnswer:
    already = visit.machine.phase is Phase.ASLEEP
    visit.machine.sleep()
    return _json(already)


def _resume(visit: Visit, body: dict[str, Any]) -> WebAnswer:
    already = visit.machine.phase is not Phase.ASLEEP
    visit.machine.wake()
    return _json(already)


def _restart(visit: Visit, body: dict[str, Any]) -> WebAnswer:
    visit.machine.wake(restart=True)
    return _json(False)


def _reboot(visit: Visit, body: dict[str, Any]) -> WebAnswer:
    visit.machine.reboot()
    return _json(None)


def _power_target(visit: Visit, body: dict[str, Any]) -> WebAnswer:
    watts, rated = body.get("watt"), visit.machine.kind.rated_w
    if not isinstance(watts, int) or not rated * LEAST_SHARE <= watts <= rated * MOST_SHARE:
        return _json({"message": "power target out of range"}, 400)
    visit.machine.set_power(watts)
    return _json({"watt": watts})


def _version(visit: Visit) -> dict[str, int]:
    return {"major": 1, "minor": 0, "patch": 0}


def _blinks(visit: Visit) -> bool:
    return False


_PAGES: dict[str, Callable[[Visit], Any]] = {
    "version": _version,
    "miner/details": _details,
    "miner/stats": _stats,
    "miner/hw/hashboards": _hashboards,
    "miner/errors": _errors,
    "cooling/state": _cooling,
    "pools": _pools,
    "network": _network,
    "configuration/miner": _configuration,
    "performance/tuner-state": _tuner_state,
    "actions/locate": _blinks,
}
_ORDERS: dict[str, Callable[[Visit, dict[str, Any]], WebAnswer]] = {
    "actions/pause": _pause,
    "actions/resume": _resume,
    "actions/restart": _restart,
    "actions/reboot": _reboot,
    "performance/power-target": _power_target,
}

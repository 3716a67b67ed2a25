"""Bitaxe (AxeOS): one chip, HTTP only, no password, no pause; restart and settings."""

import json
from typing import Any

from hosting.engine.simulation.firmware import pools
from hosting.engine.simulation.machine import Phase
from hosting.engine.simulation.protocol import Answer, Request
from hosting.engine.simulation.visit import Visit, WebAnswer, WebRequest

VERSION = "v2.9.0"
PORT = 3333
PUBLIC_FREQUENCIES = range(300, 701)


class Bitaxe:
    """AxeOS: ``/api/system/info`` says everything."""

    def answer(self, visit: Visit, request: Request | Answer) -> bytes:
        """Nothing listens on TCP 4028."""
        return b""

    def web(self, visit: Visit, request: WebRequest) -> WebAnswer:
        """The answer on the web port."""
        asked = (request.method, request.path)
        if asked == ("GET", "/api/system/info"):
            return _json(_info(visit))
        if asked == ("GET", "/api/system/asic"):
            return _json(_asic(visit))
        if asked == ("POST", "/api/system/restart"):
            visit.machine.reboot()
            return WebAnswer(200, b"System will restart shortly.", "text/plain")
        if asked == ("PATCH", "/api/system"):
            return _settings(visit, request)
        if asked == ("GET", "/"):
            return WebAnswer(200, b"<!doctype html><title>AxeOS</title>", "text/html")
        return WebAnswer(404, b"not found", "text/plain")


def _json(content: Any) -> WebAnswer:
    return WebAnswer(200, json.dumps(content).encode())


def _frequency(visit: Visit) -> int:
    return int(str(visit.machine.extra.get("frequency", visit.machine.kind.frequency_mhz)))


def _settings(visit: Visit, request: WebRequest) -> WebAnswer:
    try:
        wanted = json.loads(request.body or b"{}")
    except ValueError:
        return WebAnswer(400, b"Invalid JSON", "text/plain")
    frequency = wanted.get("frequency") if isinstance(wanted, dict) else None
    if frequency is not None:
        if frequency not in PUBLIC_FREQUENCIES:
            return WebAnswer(400, b"Wrong API input", "text/plain")
        visit.machine.extra["frequency"] = frequency
        visit.machine.set_share(frequency / visit.machine.kind.frequency_mhz)
    return WebAnswer(200, b"{}")


def _asic(visit: Visit) -> dict[str, Any]:
    kind = visit.machine.kind
    return {"ASICModel": kind.model, "asicCount": 1, "defaultFrequency": kind.frequency_mhz, "deviceModel": kind.key}


def _info(visit: Visit) -> dict[str, Any]:
    reading, machine = visit.reading, visit.machine
    kind, cores = machine.kind, int(machine.kind.details["cores"])
    return {
        "power": float(reading.power_w), "voltage": 5175, "current": reading.power_w * 1000 / 5.175,
        "temp": round(reading.chip_c, 3), "vrTemp": round(reading.chip_c + 9), "hashRate": reading.ths_5s * 1000,
        "expectedHashrate": kind.rated_ths * machine.share * 1000, "bestDiff": _short(reading.best_share),
        "bestSessionDiff": _short(reading.best_share), "freeHeap": 8443612, "coreVoltage": 1166,
        "coreVoltageActual": 1172, "frequency": _frequency(visit), "ssid": "simulated",
        "macAddr": visit.mac, "hostname": "bitaxe", "wifiStatus": "Connected!",
        "sharesAccepted": reading.accepted, "sharesRejected": reading.rejected, "uptimeSeconds": reading.uptime_s,
        "asicCount": 1, "smallCoreCount": cores, "ASICModel": kind.model,
        "stratumURL": pools.URLS[0].split("://")[1].split(":")[0], "fallbackStratumURL": "",
        "stratumPort": PORT, "fallbackStratumPort": PORT, "stratumUser": visit.worker, "fallbackStratumUser": "",
        "isUsingFallbackStratum": 0, "version": VERSION, "idfVersion": "v5.4", "boardVersion": kind.details["board"],
        "runningPartition": "ota_0", "flipscreen": 1, "overheat_mode": int(machine.phase is Phase.TRIPPED),
        "invertscreen": 0, "invertfanpolarity": 1, "autofanspeed": 1, "fanspeed": reading.fan_percent,
        "fanrpm": reading.fans_rpm[0], "stratumDiff": kind.difficulty,
    }  # fmt: skip


def _short(difficulty: int) -> str:
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if difficulty >= size:
            return f"{difficulty / size:.3g}{letter}"
    return str(difficulty)

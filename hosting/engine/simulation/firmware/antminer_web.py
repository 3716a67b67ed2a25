"""The web page of an Antminer: digest login, the ``cgi-bin`` answers, and the switch (``bitmain-work-mode``)."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from hosting.engine.simulation.firmware import pools
from hosting.engine.simulation.machine import Phase
from hosting.engine.simulation.visit import Visit, WebAnswer, WebRequest

REALM = "antMiner Configuration"
USER, PASSWORD = "root", "root"
NORMAL, SLEEP, HIGH, LOW = 0, 1, 2, 3
SHARES = {NORMAL: 1.0, HIGH: 1.08, LOW: 0.7}
QUIET_S = 20.0  # the mining program starts anew after each change
_PAIR = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
StatsOf = Callable[[Visit], list[dict[str, Any]]]


def web(visit: Visit, request: WebRequest, *, stats_of: StatsOf, identity: dict[str, Any]) -> WebAnswer:
    """Refuse whoever is not signed in, then answer."""
    if not _signed_in(visit, request):
        nonce = f"{visit.machine.seed:016x}"
        challenge = f'Digest realm="{REALM}", nonce="{nonce}", algorithm=MD5, qop="auth"'
        return WebAnswer(401, b"<h1>401 - Unauthorized</h1>", "text/html", {"WWW-Authenticate": challenge})
    if request.path == "/":
        return WebAnswer(200, b"<!doctype html><title>Ant Miner</title>", "text/html")
    page = request.path.removeprefix("/cgi-bin/").removesuffix(".cgi")
    if page in _PAGES:
        return _json(_PAGES[page](visit))
    if page == "summary":
        return _json(_summary(visit, identity))
    if page == "stats":
        return _json(_stats(visit, identity, stats_of(visit)))
    if page in _ORDERS:
        return _json(_ORDERS[page](visit, _body(request)))
    return WebAnswer(404, b"<h1>404 - Not Found</h1>", "text/html")


def _json(content: Any) -> WebAnswer:
    return WebAnswer(200, json.dumps(content).encode())


def _body(request: WebRequest) -> dict[str, Any]:
    try:
        content = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _signed_in(visit: Visit, request: WebRequest) -> bool:
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "digest":
        return False
    said = {name: quoted or bare for name, quoted, bare in _PAIR.findall(rest)}
    secret = _md5(f"{USER}:{REALM}:{visit.password(PASSWORD)}")
    asked = _md5(f"{request.method}:{said.get('uri', '')}")
    middle = ":".join(said.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
    if said.get("nonce") != f"{visit.machine.seed:016x}" or said.get("username") != USER:
        return False
    return said.get("response") == _md5(f"{secret}:{middle}:{asked}")


def _mode(visit: Visit) -> int:
    return int(str(visit.machine.extra.get("mode", NORMAL)))


def _system_info(visit: Visit) -> dict[str, Any]:
    return {
        "minertype": visit.machine.kind.model, "nettype": "DHCP", "netdevice": "eth0", "macaddr": visit.mac,
        "hostname": "Antminer", "ipaddress": visit.address, "netmask": "255.0.0.0", "gateway": "", "dnsservers": "",
        "system_mode": "GNU/Linux", "system_kernel_version": "Linux 4.9.113 #1 SMP PREEMPT",
        "system_filesystem_version": "Tue Dec  6 16:12:30 CST 2022", "firmware_type": "Release",
        "serinum": visit.serial,
    }  # fmt: skip


def _network_info(visit: Visit) -> dict[str, Any]:
    return {
        "nettype": "DHCP", "netdevice": "eth0", "macaddr": visit.mac, "ipaddress": visit.address,
        "netmask": "255.0.0.0", "conf_nettype": "DHCP", "conf_hostname": "Antminer", "conf_ipaddress": "",
        "conf_netmask": "", "conf_gateway": "", "conf_dnsservers": "",
    }  # fmt: skip


def _miner_conf(visit: Visit) -> dict[str, Any]:
    return {
        "pools": [{"url": url, "user": visit.worker, "pass": "x"} for url in pools.URLS],
        "api-listen": True, "api-network": True, "api-groups": "A:stats:pools:devs:summary:version",
        "api-allow": "A:0/0,W:*", "bitmain-fan-ctrl": False, "bitmain-fan-pwm": "100", "bitmain-use-vil": True,
        "bitmain-freq": str(visit.machine.kind.frequency_mhz), "bitmain-voltage": "1350",
        "bitmain-ccdelay": "0", "bitmain-pwth": "0", "bitmain-work-mode": str(_mode(visit)),
        "bitmain-freq-level": "100",
    }  # fmt: skip


def _blink_status(visit: Visit) -> dict[str, Any]:
    return {"blink": bool(visit.machine.extra.get("blink"))}


def _status(visit: Visit, message: str) -> dict[str, Any]:
    return {"STATUS": "S", "when": visit.when, "Msg": message, "api_version": "1.0.0"}


def _info(identity: dict[str, Any]) -> dict[str, Any]:
    return {
        "miner_version": identity["Miner"],
        "CompileTime": identity["CompileTime"],
        "type": identity["Type"],
    }


def _rates(visit: Visit) -> dict[str, Any]:
    reading, kind = visit.reading, visit.machine.kind
    return {
        "elapsed": reading.elapsed_s, "rate_5s": round(reading.ths_5s * 1000, 2),
        "rate_30m": round(reading.ths_15m * 1000, 2), "rate_avg": round(reading.ths_average * 1000, 2),
        "rate_ideal": kind.rated_ths * 1000, "rate_unit": "GH/s",
    }  # fmt: skip


def _summary(visit: Visit, identity: dict[str, Any]) -> dict[str, Any]:
    reading, machine = visit.reading, visit.machine
    hot, still = machine.phase is Phase.TRIPPED, 0 in reading.fans_rpm
    lights = [
        {"type": "rate", "status": "s" if reading.hashing else "e", "code": 0, "msg": ""},
        {"type": "network", "status": "s", "code": 0, "msg": ""},
        {"type": "fans", "status": "e" if still else "s", "code": 0, "msg": "fan lost" if still else ""},
        {"type": "temp", "status": "e" if hot else "s", "code": 0, "msg": "over max temp" if hot else ""},
    ]
    row = {
        **_rates(visit), "hw_all": reading.hardware_errors, "bestshare": reading.best_share, "status": lights,
    }  # fmt: skip
    return {"STATUS": _status(visit, "summary"), "INFO": _info(identity), "SUMMARY": [row]}


def _stats(visit: Visit, identity: dict[str, Any], chains: list[dict[str, Any]]) -> dict[str, Any]:
    row = {
        **_rates(visit), "chain_num": len(chains), "fan_num": visit.machine.kind.fans,
        "fan": visit.reading.fans_rpm, "hwp_total": 0, "miner-mode": _mode(visit), "freq-level": 100,
        "chain": chains,
    }  # fmt: skip
    return {"STATUS": _status(visit, "stats"), "INFO": _info(identity), "STATS": [row]}


def _set_miner_conf(visit: Visit, body: dict[str, Any]) -> dict[str, Any]:
    wanted = body.get("miner-mode", body.get("bitmain-work-mode", _mode(visit)))
    try:
        mode = int(wanted)
    except (TypeError, ValueError):
        mode = -1
    if mode not in {SLEEP, *SHARES}:
        return {"stats": "error", "code": "M002", "msg": "illegal request!"}
    visit.machine.extra["mode"] = mode
    if mode == SLEEP:
        visit.machine.sleep(restart=True, quiet_s=QUIET_S)
    else:
        visit.machine.set_share(SHARES[mode])
        visit.machine.wake(restart=True, quiet_s=QUIET_S)
    return {"stats": "success", "code": "M000", "msg": "OK!"}


def _blink(visit: Visit, body: dict[str, Any]) -> dict[str, Any]:
    on = str(body.get("blink")).lower() == "true"
    visit.machine.extra["blink"] = on
    return {"code": "B000" if on else "B100"}


def _reboot(visit: Visit, body: dict[str, Any]) -> dict[str, Any]:
    visit.machine.reboot()
    return {"stats": "success"}


_PAGES: dict[str, Callable[[Visit], dict[str, Any]]] = {
    "get_system_info": _system_info,
    "get_network_info": _network_info,
    "get_miner_conf": _miner_conf,
    "get_blink_status": _blink_status,
}
_ORDERS: dict[str, Callable[[Visit, dict[str, Any]], dict[str, Any]]] = {
    "set_miner_conf": _set_miner_conf,
    "blink": _blink,
    "reboot": _reboot,
}

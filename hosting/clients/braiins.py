"""Switching Braiins OS through its REST API: log in, then one PUT."""

import json
from typing import Any

from hosting.clients import http_miner
from hosting.clients.adapter import Outcome, SwitchResult, Target
from hosting.clients.http_miner import Page
from hosting.clients.limits import ExchangeFailed, Limits, Trouble
from hosting.clients.switching import asked, guarded
from hosting.engine.machines.redact import kept

LOGIN = "/api/v1/auth/login"
PAUSE = "/api/v1/actions/pause"
RESUME = "/api/v1/actions/resume"
POWER_TARGET = "/api/v1/performance/power-target"


async def pause(target: Target, limits: Limits) -> SwitchResult:
    """Stop hashing."""
    return await guarded(target, limits, lambda: _put(target, limits, PAUSE, None))


async def resume(target: Target, limits: Limits) -> SwitchResult:
    """Hash again."""
    return await guarded(target, limits, lambda: _put(target, limits, RESUME, None))


async def set_power_target(target: Target, watts: float, limits: Limits) -> SwitchResult:
    """The tuner keeps to it; whole watts."""
    return await guarded(target, limits, lambda: _put(target, limits, POWER_TARGET, {"watt": int(watts)}))


async def login(target: Target, limits: Limits) -> str:
    """A token for some minutes; ``ExchangeFailed`` without credentials or when they are wrong."""
    if target.credentials is None:
        raise ExchangeFailed(Trouble.LOGIN, "Braiins OS asks for a login, and none was given", sent=False)
    body = {"username": target.credentials.username, "password": target.credentials.password}
    page = await http_miner.fetch(target.address, LOGIN, method="POST", body=body, port=target.http_port, limits=limits)
    token = _json(page).get("token") if page.status == 200 else None
    if not isinstance(token, str) or not token or len(token) > 4096:
        raise ExchangeFailed(Trouble.LOGIN, f"the login was refused (status {page.status})", sent=False)
    return token


def _json(page: Page) -> dict[str, Any]:
    try:
        value = json.loads(page.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


async def _put(target: Target, limits: Limits, path: str, body: Any) -> SwitchResult:
    token = await asked(login(target, limits))
    page = await http_miner.fetch(
        target.address, path, method="PUT", body=body, token=token, port=target.http_port, limits=limits
    )
    if 200 <= page.status < 300:
        outcome = Outcome.ACCEPTED
    else:
        outcome = Outcome.REFUSED if 400 <= page.status < 500 else Outcome.UNKNOWN
    said = str(_json(page).get("message") or "")[:200]
    detail = said or f"status {page.status}"
    return SwitchResult(target=target, outcome=outcome, sent=True, detail=detail, raw=kept(page.body))

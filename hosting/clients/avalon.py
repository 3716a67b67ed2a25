"""Switching Avalons: ``ascset`` with ``softoff`` and ``softon`` at a moment a few seconds ahead.

The moment is seconds of Unix time by the caller's clock; a machine whose clock is ahead obeys at once, one that is
behind obeys later. No command takes watts (``worklevel`` and ``workmode`` choose steps), so power is not set here.
"""

import time

from hosting.clients import cgminer
from hosting.clients.adapter import Outcome, SwitchResult, Target
from hosting.clients.limits import Limits
from hosting.clients.switching import guarded, of_reply
from hosting.engine.machines.cgminer import parse_reply

_AHEAD_S = 5


async def pause(target: Target, limits: Limits) -> SwitchResult:
    """Soft off."""
    return await guarded(target, limits, lambda: _set(target, limits, "softoff"))


async def resume(target: Target, limits: Limits) -> SwitchResult:
    """Soft on."""
    return await guarded(target, limits, lambda: _set(target, limits, "softon"))


async def _set(target: Target, limits: Limits, what: str) -> SwitchResult:
    request = cgminer.request_of("ascset", f"0,{what},1:{int(time.time()) + _AHEAD_S}")
    raw = await cgminer.ask(target.address, request, port=target.port, limits=limits)
    reply = parse_reply(raw)
    result = of_reply(target, reply, raw)
    if result.outcome is Outcome.ACCEPTED and f"success {what}" not in (reply.text or ""):
        # A firmware that does not know the word answers with status "I" as well, and a list of the words it knows.
        return SwitchResult(target=target, outcome=Outcome.REFUSED, sent=True, detail=result.detail, raw=result.raw)
    return result

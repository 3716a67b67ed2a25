"""Switching LuxOS: a session, the command with its id, and the session given back.

``curtail`` takes ``sleep`` and ``wakeup``; power is set by choosing a profile, the strongest that stays within
the watts. LuxOS lets one session be open at a time and asks for no password on the local network.
"""

from hosting.clients import cgminer
from hosting.clients.adapter import SwitchResult, Target
from hosting.clients.limits import ExchangeFailed, Limits
from hosting.clients.switching import NotSent, asked, guarded, of_reply
from hosting.engine.machines import bounds
from hosting.engine.machines.cgminer import Reply, Row, parse_reply
from hosting.engine.machines.draft import Draft


async def pause(target: Target, limits: Limits) -> SwitchResult:
    """Sleep: the boards lose their voltage, the machine stays reachable."""
    return await guarded(target, limits, lambda: _command(target, limits, "curtail", "sleep"))


async def resume(target: Target, limits: Limits) -> SwitchResult:
    """Wake up."""
    return await guarded(target, limits, lambda: _command(target, limits, "curtail", "wakeup"))


async def set_power_target(target: Target, watts: float, limits: Limits) -> SwitchResult:
    """The strongest profile that takes no more than this."""

    async def work() -> SwitchResult:
        profiles, _ = await asked(_ask(target, limits, "profiles"))
        name = best_profile(profiles.rows("PROFILES"), watts)
        if name is None:
            raise NotSent(f"no profile takes {watts:g} W or less")
        return await _command(target, limits, "profileset", name)

    return await guarded(target, limits, work)


def best_profile(profiles: tuple[Row, ...], watts: float) -> str | None:
    """Of equal watts the one named first."""
    draft = Draft("luxos")
    rated = [(draft.number("profiles", row.get("Watts"), bounds.POWER_W), row.get("Profile Name")) for row in profiles]
    within = [(taken, name) for taken, name in rated if taken is not None and taken <= watts and isinstance(name, str)]
    return max(within, key=lambda one: one[0])[1] if within else None


async def _ask(target: Target, limits: Limits, command: str, parameter: str | None = None) -> tuple[Reply, bytes]:
    raw = await cgminer.ask(target.address, cgminer.request_of(command, parameter), port=target.port, limits=limits)
    return parse_reply(raw), raw


async def _command(target: Target, limits: Limits, command: str, argument: str) -> SwitchResult:
    logon, _ = await asked(_ask(target, limits, "logon"))
    session = logon.first("SESSION").get("SessionID")
    if not logon.succeeded or not isinstance(session, str) or not session:
        raise NotSent(f"no session: {logon.text or 'no answer'}")
    try:
        reply, raw = await _ask(target, limits, command, f"{session},{argument}")
    finally:
        await _logoff(target, limits, session)
    return of_reply(target, reply, raw)


async def _logoff(target: Target, limits: Limits, session: str) -> None:
    """An open session would shut others out until it runs out; if this fails, it does."""
    try:
        await _ask(target, limits, "logoff", session)
    except ExchangeFailed:
        return

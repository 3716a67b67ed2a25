"""Who answers in a range of addresses. The plan (``hosting.engine.machines.ranges``) is the dry run; this does it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from hosting.clients.adapter import Identity, MachineAdapter, Target
from hosting.clients.cgminer import PORT
from hosting.clients.http_miner import PORT as HTTP_PORT
from hosting.clients.limits import DEFAULT, Limits, Trouble
from hosting.clients.polling import AT_ONCE, as_they_come
from hosting.engine.machines.ranges import Plan

KNOCK_S = 1.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a machine may listen."""

    port: int = PORT
    http_port: int = HTTP_PORT


ORDINARY = Ports()


async def scan(
    plan: Plan,
    *,
    adapter: MachineAdapter,
    ports: Ports = ORDINARY,
    limits: Limits = DEFAULT,
    at_once: int = AT_ONCE,
    knock_s: float = KNOCK_S,
) -> AsyncIterator[Identity]:
    """Everybody who answers, known or not; empty addresses are passed over. Two knocks, then a conversation."""
    targets = (Target(address, port=ports.port, http_port=ports.http_port) for address in plan.addresses())

    async def look(target: Target) -> Identity:
        try:
            async with asyncio.timeout(2 * knock_s + 2 * limits.total_s + 1.0):
                if not await _somebody(target, knock_s):
                    return Identity(target=target, trouble=Trouble.UNREACHABLE)
                return await adapter.identify(target, limits=limits)
        except TimeoutError:
            return Identity(target=target, trouble=Trouble.TIMEOUT, detail="given up on")
        except Exception as error:  # noqa: BLE001  (one machine never stops the others)
            return Identity(target=target, trouble=Trouble.FAULT, detail=f"{type(error).__name__}: {error}"[:200])

    async for identity in as_they_come(targets, look, at_once=at_once):
        if identity.trouble is not Trouble.UNREACHABLE:
            yield identity


async def _somebody(target: Target, knock_s: float) -> bool:
    """Both doors at once; the first that opens is enough."""
    knocks = [asyncio.create_task(_opens(target.address, port, knock_s)) for port in (target.port, target.http_port)]
    try:
        for knock in asyncio.as_completed(knocks):
            if await knock:
                return True
        return False
    finally:
        for task in knocks:
            task.cancel()
        await asyncio.gather(*knocks, return_exceptions=True)


async def _opens(address: str, port: int, knock_s: float) -> bool:
    try:
        async with asyncio.timeout(knock_s):
            _, writer = await asyncio.open_connection(address, port)
    except (TimeoutError, OSError):
        return False
    writer.transport.abort()
    return True

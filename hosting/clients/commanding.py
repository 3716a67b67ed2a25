"""Many commands at once: each in its window, none after it."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hosting.clients.adapter import MachineAdapter, Outcome, SwitchResult, Target
from hosting.clients.limits import DEFAULT, Limits
from hosting.clients.polling import AT_ONCE


class Verb(StrEnum):
    """What a machine is told."""

    PAUSE = "pause"
    RESUME = "resume"
    LIMIT = "limit"  # keep to so many watts


@dataclass(frozen=True, slots=True)
class Command:
    """To one machine; not sent at or after ``expires_at``. ``watts``: of a limit."""

    key: int
    target: Target
    verb: Verb
    expires_at: datetime
    watts: int = 0


@dataclass(frozen=True, slots=True)
class Commanded:
    """What came of it; ``result`` is None when its time was over before it was sent."""

    key: int
    sent_at: datetime | None
    answered_at: datetime
    result: SwitchResult | None


def command_all(
    commands: Iterable[Command],
    *,
    adapter: MachineAdapter,
    clock: Callable[[], datetime],
    limits: Limits = DEFAULT,
    at_once: int = AT_ONCE,
) -> list[Commanded]:
    """Send them, so many at once; one whose time is over is not sent."""
    return asyncio.run(_all(list(commands), adapter, clock, limits, at_once))


async def send(
    verb: Verb, target: Target, watts: int, *, adapter: MachineAdapter, limits: Limits = DEFAULT
) -> SwitchResult:
    """One command; a limit of no watts is refused here, whatever the machine would make of it."""
    if verb is Verb.PAUSE:
        return await adapter.pause(target, limits=limits)
    if verb is Verb.RESUME:
        return await adapter.resume(target, limits=limits)
    if watts <= 0:
        return SwitchResult(target, Outcome.REFUSED, sent=False, detail="a limit of no watts")
    return await adapter.set_power_target(target, watts, limits=limits)


async def _all(
    commands: list[Command], adapter: MachineAdapter, clock: Callable[[], datetime], limits: Limits, at_once: int,
) -> list[Commanded]:  # fmt: skip
    gate = asyncio.Semaphore(at_once)

    async def one(command: Command) -> Commanded:
        async with gate:
            sent_at = clock()
            if sent_at >= command.expires_at:
                return Commanded(command.key, None, sent_at, None)
            try:
                result = await send(command.verb, command.target, command.watts, adapter=adapter, limits=limits)
            except Exception as error:  # noqa: BLE001  (a driver of ours that fails must not stop the others)
                result = SwitchResult(command.target, Outcome.UNKNOWN, sent=True, detail=f"{type(error).__name__}")
            return Commanded(command.key, sent_at, clock(), result)

    return list(await asyncio.gather(*map(one, commands)))

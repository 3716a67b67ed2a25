"""What the drivers have in common: bounded time, and an honest word on what came of a command."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hosting.clients.adapter import Outcome, SwitchResult, Target
from hosting.clients.limits import ExchangeFailed, Limits
from hosting.engine.machines.cgminer import Reply
from hosting.engine.machines.redact import kept

_OUTCOMES = {"E": Outcome.REFUSED, "F": Outcome.REFUSED}  # a warning (W) says neither yes nor no
T = TypeVar("T")


class NotSent(Exception):
    """The command was not sent; says why."""


async def guarded(target: Target, limits: Limits, work: Callable[[], Awaitable[SwitchResult]]) -> SwitchResult:
    """A command whose answer is lost may have been obeyed: that is *unknown*, not *failed*.

    ``work`` raises ``NotSent`` or an ``ExchangeFailed`` with ``sent=False`` while nothing but questions has been sent.
    """
    try:
        async with asyncio.timeout(limits.total_s):
            return await work()
    except NotSent as reason:
        return SwitchResult(target=target, outcome=Outcome.REFUSED, sent=False, detail=str(reason))
    except ExchangeFailed as failure:
        return SwitchResult(target=target, outcome=Outcome.UNKNOWN, sent=failure.sent, detail=str(failure))
    except TimeoutError:
        return SwitchResult(target=target, outcome=Outcome.UNKNOWN, sent=True, detail="no answer in time")


async def asked(work: Awaitable[T]) -> T:
    """A question before the command: when it fails, the command was not sent."""
    try:
        return await work
    except ExchangeFailed as failure:
        raise ExchangeFailed(failure.trouble, failure.detail, sent=False) from None


def of_reply(target: Target, reply: Reply, raw: bytes) -> SwitchResult:
    """Taken or not, in the machine's own words."""
    outcome = Outcome.ACCEPTED if reply.succeeded else _OUTCOMES.get(reply.status or "", Outcome.UNKNOWN)
    detail = reply.text or (str(dict(reply.message))[:200] if reply.message else "") or "; ".join(reply.notes)
    return SwitchResult(target=target, outcome=outcome, sent=True, detail=detail[:200], raw=kept(raw))

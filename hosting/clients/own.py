"""Our own adapter: reads every dialect we know, and switches those whose protocol is published and was tried."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil

from hosting.clients import avalon, braiins, cgminer, http_miner, luxos, whatsminer
from hosting.clients.adapter import (
    ADJUSTABLE,
    NOTHING,
    READ_ONLY,
    SWITCHABLE,
    Capability,
    Identity,
    Outcome,
    ReadResult,
    SwitchResult,
    Target,
)
from hosting.clients.limits import DEFAULT, ExchangeFailed, Limits, Trouble
from hosting.engine.machines import axeos
from hosting.engine.machines.cgminer import NO_REPLY, Reply, ReplyKind, parse_joined, parse_reply
from hosting.engine.machines.dialects import (
    AXEOS,
    BRAIINS,
    CGMINER,
    DIALECTS,
    UNKNOWN,
    WHATSMINER,
    Dialect,
    Wire,
    is_braiins,
    of_stats,
    of_version,
)
from hosting.engine.machines.reading import Note, Reading
from hosting.engine.machines.redact import MOST_KEPT, kept

Switch = Callable[[Target, Limits], Awaitable[SwitchResult]]
Adjust = Callable[[Target, float, Limits], Awaitable[SwitchResult]]

_PAUSE: Mapping[str, Switch] = {
    "luxos": luxos.pause, "whatsminer": whatsminer.pause, "avalon": avalon.pause, "braiins": braiins.pause,
}  # fmt: skip
_RESUME: Mapping[str, Switch] = {
    "luxos": luxos.resume, "whatsminer": whatsminer.resume, "avalon": avalon.resume, "braiins": braiins.resume,
}  # fmt: skip
_ADJUST: Mapping[str, Adjust] = {
    "luxos": luxos.set_power_target,
    "whatsminer": whatsminer.set_power_target,
    "braiins": braiins.set_power_target,
}


def needs_login(dialect: str) -> bool:
    """Whether machines that speak so are switched with a password alone."""
    return dialect in ("whatsminer", "braiins")


def capabilities_of(dialect: str) -> frozenset[Capability]:
    """What this adapter can do with machines that speak so."""
    if dialect in _ADJUST:
        return ADJUSTABLE
    if dialect in _PAUSE:
        return SWITCHABLE
    return READ_ONLY if dialect in DIALECTS else NOTHING


def limit_of(reading: Reading) -> int | None:
    """The limit of power a machine says it keeps to, in W; None where it says none, or takes none from us.

    Rounded up, so that told the same again it gets no less.
    """
    if not reading.power_target_w or Capability.SET_POWER_TARGET not in capabilities_of(reading.dialect):
        return None
    return ceil(reading.power_target_w)


class _Talk:
    """Everything said with one machine in one call."""

    def __init__(self, target: Target, limits: Limits) -> None:
        self.target = target
        self.limits = limits
        self.raw: dict[str, bytes] = {}
        self.replies: dict[str, Reply] = {}
        self.failures: dict[str, ExchangeFailed] = {}

    async def ask(self, *commands: str) -> Reply:
        """One connection; several commands are joined."""
        name = "+".join(commands)
        try:
            raw = await cgminer.ask(
                self.target.address, cgminer.request_of(name), port=self.target.port, limits=self.limits
            )
        except ExchangeFailed as failure:
            self.failures[name] = failure
            raise
        self.raw[name] = raw
        self.replies.update(parse_joined(raw, commands))
        return self.replies.get(commands[0], NO_REPLY)

    async def page(self, path: str, token: str | None = None) -> Reply:
        """One page of JSON."""
        page = await http_miner.fetch(
            self.target.address, path, token=token, port=self.target.http_port, limits=self.limits
        )
        self.raw[path] = page.body
        self.replies[path] = parse_reply(page.body) if page.status == 200 else NO_REPLY
        return self.replies[path]

    def kept(self) -> str:
        """What was said, cut and without secrets."""
        return "\n".join(f"{name}: {kept(raw)}" for name, raw in self.raw.items())[:MOST_KEPT]


class OwnAdapter:
    """See the module."""

    name = "own"

    async def identify(self, target: Target, *, limits: Limits = DEFAULT) -> Identity:
        """Asks afresh, whatever was known before."""
        result = await self.read(replace(target, dialect=""), limits=limits)
        reading = result.reading
        if reading is None:
            return Identity(target=target, trouble=result.trouble, detail=result.detail, raw=result.raw)
        return Identity(
            target=replace(target, dialect=reading.dialect),
            dialect=reading.dialect,
            adapter=self.name,
            make=reading.make,
            model=reading.model,
            firmware=reading.firmware,
            firmware_version=reading.firmware_version,
            mac=reading.mac,
            serial=reading.serial,
            capabilities=capabilities_of(reading.dialect),
            raw=result.raw,
        )

    async def read(self, target: Target, *, limits: Limits = DEFAULT) -> ReadResult:
        """With a known dialect the few commands of each minute; without one, everything worth asking once."""
        began = time.monotonic()
        talk = _Talk(target, limits)
        try:
            async with asyncio.timeout(limits.total_s):
                result = await _read(talk)
        except ExchangeFailed as failure:
            result = ReadResult(target=target, trouble=failure.trouble, detail=failure.detail, raw=talk.kept())
        except TimeoutError:
            result = ReadResult(target=target, trouble=Trouble.TIMEOUT, detail="all in all", raw=talk.kept())
        except Exception as error:  # noqa: BLE001  (a fault of a reader of ours; the answer is kept to mend it by)
            told = f"{type(error).__name__}: {error}"[:200]
            result = ReadResult(target=target, trouble=Trouble.FAULT, detail=told, raw=talk.kept())
        return replace(result, seconds=time.monotonic() - began)

    async def pause(self, target: Target, *, limits: Limits = DEFAULT) -> SwitchResult:
        """Stop hashing and stay reachable."""
        return await self._switch(_PAUSE, target, limits)

    async def resume(self, target: Target, *, limits: Limits = DEFAULT) -> SwitchResult:
        """Hash again."""
        return await self._switch(_RESUME, target, limits)

    async def set_power_target(self, target: Target, watts: float, *, limits: Limits = DEFAULT) -> SwitchResult:
        """Take at most so many watts."""
        adjust = _ADJUST.get(target.dialect)
        return _unsupported(target) if adjust is None else await adjust(target, watts, limits)

    async def _switch(self, switches: Mapping[str, Switch], target: Target, limits: Limits) -> SwitchResult:
        switch = switches.get(target.dialect)
        return _unsupported(target) if switch is None else await switch(target, limits)


def _unsupported(target: Target) -> SwitchResult:
    what = f"dialect {target.dialect}" if target.dialect else "a machine not identified"
    return SwitchResult(target=target, outcome=Outcome.UNSUPPORTED, sent=False, detail=f"not for {what}")


async def _read(talk: _Talk) -> ReadResult:
    dialect = DIALECTS.get(talk.target.dialect)
    if dialect is not None:
        await _ask_all(talk, dialect, (*dialect.commands, *(dialect.limit if talk.target.asks_limit else ())))
        if not dialect.is_it(talk.replies):  # another machine or another firmware than last time
            dialect = None
            talk.replies.clear()
    if dialect is None:
        dialect = await _recognise(talk)
        await _ask_all(talk, dialect, (*dialect.commands, *dialect.extra))
    reading = dialect.read(talk.replies)
    lost = tuple(Note(field=name, reason=str(failure)) for name, failure in talk.failures.items())
    complete = dialect.known and not lost and all(_is_fine(one) for one in talk.replies.values())
    return ReadResult(
        target=replace(talk.target, dialect=dialect.name),
        reading=replace(reading, notes=(*reading.notes, *lost)) if lost else reading,
        raw="" if complete else talk.kept(),
    )


def _is_fine(reply: Reply) -> bool:
    return reply.kind in (ReplyKind.JSON, ReplyKind.TEXT) and not reply.notes


async def _recognise(talk: _Talk) -> Dialect:
    """Who is there, by its own words."""
    try:
        version = await talk.ask("version")
    except ExchangeFailed as failure:
        if failure.trouble not in (Trouble.REFUSED, Trouble.BROKEN):
            raise
        return await _recognise_page(talk, failure)
    dialect = of_version(version)
    if dialect is None:
        raise ExchangeFailed(Trouble.GARBAGE, "; ".join(version.notes) or "no answer of a miner", sent=True)
    if dialect is WHATSMINER and not version.succeeded:
        del talk.replies["version"]  # it knows no such command, and was recognised by how it said so
    if is_braiins(version) and talk.target.credentials is not None:
        return BRAIINS
    if dialect in (CGMINER, UNKNOWN):
        try:
            return of_stats(dialect, await talk.ask("stats"))
        except ExchangeFailed:
            return dialect
    return dialect


async def _recognise_page(talk: _Talk, refusal: ExchangeFailed) -> Dialect:
    """Nobody speaks CGMiner's protocol there; small machines speak HTTP only."""
    talk.failures.clear()
    try:
        page = await talk.page(axeos.COMMAND)
    except ExchangeFailed:
        raise refusal from None
    if axeos.is_axeos(page):
        return AXEOS
    raise ExchangeFailed(Trouble.GARBAGE, "answers HTTP, but not like a machine we can read", sent=True)


async def _ask_all(talk: _Talk, dialect: Dialect, commands: Iterable[str]) -> None:
    missing = [command for command in commands if command not in talk.replies]
    if dialect.wire is Wire.HTTP:
        await _fetch_all(talk, dialect, missing)
        return
    await _ask_joined(talk, [command for command in missing if command in dialect.joins])
    missing = [command for command in missing if command not in talk.replies]
    for at, command in enumerate(missing):
        try:
            await talk.ask(command)
        except ExchangeFailed:
            if at == 0 and not talk.replies:
                raise
            if talk.failures[command].trouble is not Trouble.TOO_LONG:
                return  # who stops answering is not asked on


# Machines that did not understand joined commands, by address and port: what they cannot do is not asked each minute
# but with the next reading in full. Of this process alone; forgetting it costs a question.
_ONE_BY_ONE: set[tuple[str, int]] = set()
_MOST_KNOWN = 100_000


async def _ask_joined(talk: _Talk, commands: Sequence[str]) -> None:
    """All in one connection; who does not understand that is asked one by one."""
    where = (talk.target.address, talk.target.port)
    if len(commands) < 2 or (talk.target.dialect and where in _ONE_BY_ONE):
        return
    try:
        await talk.ask(*commands)
        if any(command in talk.replies for command in commands):
            _ONE_BY_ONE.discard(where)
        elif len(_ONE_BY_ONE) < _MOST_KNOWN:
            _ONE_BY_ONE.add(where)
    except ExchangeFailed as failure:
        if failure.trouble not in (Trouble.BROKEN, Trouble.TOO_LONG):
            raise
        talk.failures.clear()


async def _fetch_all(talk: _Talk, dialect: Dialect, paths: Iterable[str]) -> None:
    token = await braiins.login(talk.target, talk.limits) if dialect.needs_login else None
    for path in paths:
        await talk.page(path, token)

"""The library ``pyasic_rs`` as an adapter: makes we have no reader of our own for (Vnish, ePIC, Auradine, Marathon, …).

What has to be known of it (0.8.6), and is dealt with here:

- Its ports are fixed (80, 4028, 4433); a target with others cannot be reached through it.
- It has factory passwords built in and uses them unless told otherwise. Here each kind of firmware gets the given
  credentials, or empty ones.
- ``is_mining`` is true where the firmware says nothing; true is believed only together with a hashrate.
- ``pause`` says yes or no, not why; on Whatsminers it always says yes, and a refusal makes the library open the write
  access of the machine by a back door. Whatsminers are therefore never switched through it.
- It reads an answer without limit of size. It is asked only where our own bounded reader has been before.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from hosting.clients import cgminer, http_miner
from hosting.clients.adapter import (
    Capability,
    Identity,
    Outcome,
    ReadResult,
    SwitchResult,
    Target,
)
from hosting.clients.limits import DEFAULT, Limits, Trouble
from hosting.engine.machines import bounds
from hosting.engine.machines.common import say
from hosting.engine.machines.draft import Draft, highest, lowest
from hosting.engine.machines.reading import BoardReading, MiningState, PoolReading, PowerSource, Reading

PREFIX = "pyasic_rs:"  # before the make, so that such a dialect is told from ours
_FIRMWARES = (
    "AntMiner Stock", "Auradine Stock", "AvalonMiner Stock", "Bitaxe Stock", "Braiins", "Elphapex Stock",
    "FutureBit Stock", "LuxOS", "Marathon", "Nerdaxe Stock", "Proto Stock", "SealMiner Stock", "UMC OS", "VNish",
    "VolcMiner Stock", "WhatsMiner Stock",
)  # fmt: skip
_NEVER_SWITCHED = frozenset({"whatsminer"})
_MOST_BOARDS = 32


class PyasicAdapter:
    """See the module."""

    name = "pyasic_rs"

    async def identify(self, target: Target, *, limits: Limits = DEFAULT) -> Identity:
        """Who is there, as the library sees it."""
        try:
            async with asyncio.timeout(limits.total_s):
                machine = await _machine(target, limits)
        except TimeoutError:
            return Identity(target=target, trouble=Trouble.TIMEOUT, detail="identifying")
        except Exception as error:  # noqa: BLE001  (a library in another language: whatever it raises, the batch goes on)
            return Identity(target=target, trouble=Trouble.FAULT, detail=_told(error))
        if machine is None:
            return Identity(target=target, trouble=Trouble.GARBAGE, detail="the library knows no such machine")
        return Identity(
            target=target,
            dialect=_dialect(machine),
            adapter=self.name,
            make=str(machine.make),
            model=str(machine.model),
            firmware=str(machine.firmware),
            capabilities=_capabilities(machine),
        )

    async def read(self, target: Target, *, limits: Limits = DEFAULT) -> ReadResult:
        """What it says now."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(limits.total_s):
                machine = await _machine(target, limits)
                data = None if machine is None else await machine.get_data()
        except TimeoutError:
            return ReadResult(target, trouble=Trouble.TIMEOUT, seconds=time.monotonic() - began)
        except Exception as error:  # noqa: BLE001
            return ReadResult(target, trouble=Trouble.FAULT, detail=_told(error), seconds=time.monotonic() - began)
        seconds = time.monotonic() - began
        if machine is None or data is None:
            return ReadResult(target, trouble=Trouble.GARBAGE, detail="not identified", seconds=seconds)
        return ReadResult(target, reading=reading_of(data, _dialect(machine)), seconds=seconds)

    async def pause(self, target: Target, *, limits: Limits = DEFAULT) -> SwitchResult:
        """Stop hashing and stay reachable."""
        return await _switch(target, limits, Capability.PAUSE, lambda machine: machine.pause())

    async def resume(self, target: Target, *, limits: Limits = DEFAULT) -> SwitchResult:
        """Hash again."""
        return await _switch(target, limits, Capability.RESUME, lambda machine: machine.resume())

    async def set_power_target(self, target: Target, watts: float, *, limits: Limits = DEFAULT) -> SwitchResult:
        """Take at most so many watts."""
        return await _switch(
            target, limits, Capability.SET_POWER_TARGET, lambda machine: machine.set_power_limit(float(watts))
        )


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _dialect(machine: Any) -> str:
    return PREFIX + str(machine.make).lower()


async def _machine(target: Target, limits: Limits) -> Any:
    """The library's handle, with the given credentials or none; ``None`` if it does not know who is there."""
    from pyasic_rs import MinerFactory  # slow: a large binary  # noqa: PLC0415

    if (target.port, target.http_port) != (cgminer.PORT, http_miner.PORT):
        return None
    user, password = "", ""
    if target.credentials is not None:
        user, password = target.credentials.username, target.credentials.password
    factory = MinerFactory().with_identification_timeout_secs(max(1, int(limits.connect_s)))
    for firmware in _FIRMWARES:
        factory = factory.with_firmware_discovery_auth(firmware, user, password)
    return await factory.get_miner(target.address)


def _capabilities(machine: Any) -> frozenset[Capability]:
    found = {Capability.READ}
    if str(machine.make).lower() not in _NEVER_SWITCHED:
        found |= {Capability.PAUSE} if machine.supports_pause else set()
        found |= {Capability.RESUME} if machine.supports_resume else set()
        found |= {Capability.SET_POWER_TARGET} if machine.supports_set_power_limit else set()
    return frozenset(found)


async def _switch(
    target: Target, limits: Limits, what: Capability, command: Callable[[Any], Awaitable[bool]]
) -> SwitchResult:
    sent = False
    try:
        async with asyncio.timeout(limits.total_s):
            machine = await _machine(target, limits)
            if machine is None:
                return SwitchResult(target, Outcome.UNKNOWN, sent=False, detail="not identified")
            if what not in _capabilities(machine):
                return SwitchResult(target, Outcome.UNSUPPORTED, sent=False, detail=f"{machine.make}: not {what}")
            sent = True
            taken = await command(machine)
    except TimeoutError:
        return SwitchResult(target, Outcome.UNKNOWN, sent=sent, detail="no answer in time")
    except Exception as error:  # noqa: BLE001
        return SwitchResult(target, Outcome.UNKNOWN, sent=sent, detail=_told(error))
    # "No" may be a refusal or a lost answer: the library does not say which.
    return SwitchResult(target, Outcome.ACCEPTED if taken else Outcome.UNKNOWN, sent=True, detail=f"said {taken}")


def reading_of(data: Any, dialect: str) -> Reading:
    """The library's data through the same bounds as everything else."""
    draft = Draft(dialect)
    rate = _rate(draft, "hashrate_ths", data.hashrate)
    watts = draft.number("power_w", data.wattage, bounds.POWER_W)
    boards = tuple(_board(draft, board) for board in data.hashboards[:_MOST_BOARDS])
    pools = tuple(_pool(draft, pool) for group in data.pools for pool in group.pools)[:16]
    target = data.tuning_target
    say(
        draft,
        make=draft.text("make", data.device_info.make),
        model=draft.text("model", data.device_info.model),
        firmware=draft.text("firmware", data.device_info.firmware),
        firmware_version=draft.text("firmware_version", data.firmware_version),
        serial=draft.text("serial", data.serial_number),
        mac=draft.mac(data.mac),
        hashrate_ths=rate,
        hashrate_expected_ths=_rate(draft, "hashrate_expected_ths", data.expected_hashrate),
        power_w=watts,
        power_source=PowerSource.NONE if watts is None else PowerSource.REPORTED,
        power_target_w=draft.number("power_target_w", target.watts if target else None, bounds.POWER_W),
        board_temp_max_c=highest(board.board_temp_c for board in boards),
        inlet_temp_c=lowest(board.inlet_temp_c for board in boards),
        outlet_temp_c=highest(board.outlet_temp_c for board in boards),
        fans_rpm=tuple(draft.number("fans_rpm", fan.rpm, bounds.FAN_RPM) for fan in data.fans),
        uptime_s=draft.number("uptime_s", data.uptime.total_seconds() if data.uptime else None, bounds.UPTIME_S),
        boards=boards,
        pools=pools,
        shares_accepted=_sum(pool.shares_accepted for pool in pools),
        shares_rejected=_sum(pool.shares_rejected for pool in pools),
        error_codes=tuple(str(message.code) for message in data.messages if message.code)[:64],
        state=_state(data.is_mining, rate),
    )
    return draft.done()


def _rate(draft: Draft, field: str, rate: Any) -> float | None:
    from pyasic_rs.data import HashRateUnit  # noqa: PLC0415  (slow: a large binary)

    return None if rate is None else draft.hashrate(field, rate.as_unit(HashRateUnit.TH).value, "TH")


def _board(draft: Draft, board: Any) -> BoardReading:
    return BoardReading(
        slot=draft.whole("boards.slot", board.position, bounds.SLOT),
        hashrate_ths=_rate(draft, "boards.hashrate_ths", board.hashrate),
        board_temp_c=draft.temperature("boards.board_temp_c", board.board_temperature),
        inlet_temp_c=draft.temperature("boards.inlet_temp_c", board.inlet_chip_temperature),
        outlet_temp_c=draft.temperature("boards.outlet_temp_c", board.outlet_chip_temperature),
        chips=draft.whole("boards.chips", board.working_chips, bounds.CHIPS),
        serial=draft.text("boards.serial", board.serial_number),
    )


def _pool(draft: Draft, pool: Any) -> PoolReading:
    address = f"{pool.url.host}:{pool.url.port}" if pool.url else None
    return PoolReading(
        url=draft.text("pools.url", address),
        user=draft.text("pools.user", pool.user),
        active=pool.active,
        alive=pool.alive,
        shares_accepted=draft.whole("pools.shares_accepted", pool.accepted_shares),
        shares_rejected=draft.whole("pools.shares_rejected", pool.rejected_shares),
    )


def _sum(values: Any) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _state(is_mining: bool, rate: float | None) -> MiningState | None:
    if not is_mining:
        return MiningState.IDLE
    return MiningState.MINING if rate else None

"""Meters over Modbus TCP: functions 3 and 4, by ``pymodbus``; each exchange with hard limits, a new connection each."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from hosting.clients.limits import DEFAULT, ExchangeFailed, Limits, Trouble
from hosting.engine.metering.registers import SIZES, NoFigure, figure_of

logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # what came of each exchange is said here
AT_ONCE = 16  # addresses asked beside each other; meters behind one address one after another
EXCEPTIONS = {
    1: "function not known", 2: "register not known", 3: "value refused", 4: "device failed", 6: "device busy",
    10: "no path to the unit", 11: "the unit does not answer",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a meter: where it stands (from 0), what it is, and what makes kW or kWh of it."""

    register: int
    kind: str
    scale: Decimal


@dataclass(frozen=True, slots=True)
class ModbusMeter:
    """How a meter is reached and read; ``key`` is the caller's."""

    key: str
    address: str
    port: int
    unit: int
    function: int
    low_first: bool
    power: Figure | None
    energy: Figure | None


@dataclass(frozen=True, slots=True)
class MeterShown:
    """What a meter showed, or why it did not; of two figures one may be there."""

    key: str
    power_kw: Decimal | None = None
    register_kwh: Decimal | None = None
    trouble: str = ""


def meter_of(said: Mapping[str, Any]) -> ModbusMeter:
    """A meter as the server tells of it. Raises ValueError, KeyError, TypeError for what is none."""
    modbus = said["modbus"]
    if modbus["function"] not in (3, 4):
        raise ValueError(f"function {modbus['function']} is not read")

    def figure(name: str) -> Figure | None:
        register = modbus[f"{name}_register"]
        if register is None:
            return None
        kind = str(modbus[f"{name}_type"])
        if kind not in SIZES:
            raise ValueError(f"nobody knows the type {kind[:20]}")
        try:
            return Figure(int(register), kind, Decimal(str(modbus[f"{name}_scale"])))
        except InvalidOperation as error:
            raise ValueError(f"the scale of the {name} is no number") from error

    return ModbusMeter(
        key=str(said["id"]), address=str(modbus["address"]), port=int(modbus["port"]), unit=int(modbus["unit"]),
        function=int(modbus["function"]), low_first=modbus["word_order"] == "low_first", power=figure("power"),
        energy=figure("energy"),
    )  # fmt: skip


async def read_meters(meters: Iterable[ModbusMeter], *, limits: Limits = DEFAULT) -> AsyncIterator[MeterShown]:
    """Each once, as answers come; what one meter does holds no other up, except behind the same address."""
    by_address: dict[tuple[str, int], list[ModbusMeter]] = {}
    for meter in meters:
        by_address.setdefault((meter.address, meter.port), []).append(meter)
    places = asyncio.Semaphore(AT_ONCE)

    async def of_address(some: list[ModbusMeter]) -> list[MeterShown]:
        async with places:
            return [await read_meter(one, limits=limits) for one in some]

    for done in asyncio.as_completed([of_address(some) for some in by_address.values()]):
        for shown in await done:
            yield shown


async def read_meter(meter: ModbusMeter, *, limits: Limits = DEFAULT) -> MeterShown:
    """What it shows now; never raises for what a meter does."""
    try:
        async with asyncio.timeout(limits.total_s):
            return await _read(meter, limits)
    except TimeoutError:
        return MeterShown(meter.key, trouble=f"{Trouble.TIMEOUT}")
    except ExchangeFailed as failed:
        return MeterShown(meter.key, trouble=str(failed))
    except Exception as error:  # noqa: BLE001  (a fault of the library must not stop the collector)
        return MeterShown(meter.key, trouble=f"{Trouble.FAULT}: {type(error).__name__}")


async def _read(meter: ModbusMeter, limits: Limits) -> MeterShown:
    from pymodbus.client import AsyncModbusTcpClient  # noqa: PLC0415  (only edge devices read meters)

    client = AsyncModbusTcpClient(
        meter.address, port=meter.port, timeout=limits.silence_s, retries=0, reconnect_delay=0
    )
    try:
        async with asyncio.timeout(limits.connect_s):
            if not await client.connect():
                raise ExchangeFailed(Trouble.REFUSED, sent=False)
        ask = client.read_holding_registers if meter.function == 3 else client.read_input_registers
        found: dict[str, Decimal] = {}
        troubles, kind = [], Trouble.GARBAGE
        for name, figure in (("power_kw", meter.power), ("register_kwh", meter.energy)):
            if figure is None:
                continue
            try:
                found[name] = await _figure(ask, meter, figure)
            except NoFigure as why:
                troubles.append(str(why))
            except ExchangeFailed as why:
                troubles.append(why.detail)
                kind = why.trouble
                if kind is Trouble.BROKEN:  # it will not answer the next one either
                    break
        if not found:
            raise ExchangeFailed(kind, "; ".join(troubles), sent=True)
        return MeterShown(meter.key, **found, trouble="; ".join(troubles))
    finally:
        client.close()


async def _figure(ask: Callable[..., Any], meter: ModbusMeter, figure: Figure) -> Decimal:
    """One request, one answer: that of this function, with as many registers as were asked for."""
    from pymodbus.exceptions import ModbusException  # noqa: PLC0415  (see above)

    size = SIZES[figure.kind]
    try:
        answer = await ask(figure.register, count=size, device_id=meter.unit)
    except ModbusException as error:
        raise ExchangeFailed(Trouble.BROKEN, type(error).__name__, sent=True) from error
    if answer.isError():
        code = int(getattr(answer, "exception_code", 0))
        raise ExchangeFailed(Trouble.GARBAGE, EXCEPTIONS.get(code, f"exception {code}"), sent=True)
    if answer.function_code != meter.function:
        raise ExchangeFailed(Trouble.GARBAGE, f"answered function {answer.function_code}", sent=True)
    return figure_of(list(answer.registers), figure.kind, low_first=meter.low_first) * figure.scale

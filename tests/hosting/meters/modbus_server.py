"""A meter that speaks Modbus TCP, as a process of its own: pymodbus's server with the registers of two units.

``python -m tests.hosting.meters.modbus_server PORT``; prints ``ready``.
"""

import asyncio
import sys

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


def device(unit: int, watts: float) -> SimDevice:
    """Input registers: power in W as float32 at 52, energy in Wh as uint64 at 72; holding ones: the same otherwise."""
    nothing = [SimData(0, values=[True], datatype=DataType.BITS)]
    held = [SimData(10, values=[-250], datatype=DataType.INT16), SimData(20, values=[70_000], datatype=DataType.UINT32)]
    read = [
        SimData(52, values=[watts], datatype=DataType.FLOAT32),
        SimData(72, values=[48_211_877_200], datatype=DataType.UINT64),
        SimData(90, values=[0xFFFF, 0xFFFF], datatype=DataType.REGISTERS),
    ]
    return SimDevice(unit, (nothing, nothing, held, read))


async def serve(port: int) -> None:
    """Until it is killed."""
    server = ModbusTcpServer([device(1, 6_118_400.0), device(2, 512_250.0)], address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))

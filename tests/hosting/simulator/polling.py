"""A small polling client: asks many machines at once and notes what came of it."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Polled:
    """Answers by address, and how the others failed."""

    answers: dict[str, bytes] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def kinds_of_failure(self) -> Counter[str]:
        """How many failed in which way."""
        return Counter(self.failures.values())


def parsed(raw: bytes) -> Any:
    """An answer without its NUL, as JSON."""
    return json.loads(raw.rstrip(b"\x00"))


async def ask(address: str, port: int, request: bytes, timeout_s: float) -> bytes:
    """One request on a connection of its own."""
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_connection(address, port)
        try:
            writer.write(request)
            return await reader.read()
        finally:
            writer.close()


async def poll(
    addresses: Sequence[str],
    commands: Sequence[str],
    *,
    port: int = 4028,
    at_a_time: int = 400,
    timeout_s: float = 2.0,
) -> Polled:
    """Every command to every address."""
    gate, polled = asyncio.Semaphore(at_a_time), Polled()

    async def one(address: str) -> None:
        async with gate:
            try:
                for command in commands:
                    raw = await ask(address, port, json.dumps({"command": command}).encode(), timeout_s)
                    parsed(raw)
                    polled.answers[f"{address} {command}"] = raw
            except (OSError, ValueError) as error:
                polled.failures[address] = type(error).__name__

    await asyncio.gather(*(one(address) for address in addresses))
    return polled

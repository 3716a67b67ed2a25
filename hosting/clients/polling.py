"""Many machines in one event loop: as many at once as allowed, results as they come, no failure stops the others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

from hosting.clients.adapter import MachineAdapter, ReadResult, Target
from hosting.clients.limits import DEFAULT, Limits, Trouble

AT_ONCE = 500  # connections; a process may open 1,024 files where nobody raised that
_GRACE_S = 0.5  # what an adapter may take to give up after its own limit
Result = TypeVar("Result")


async def poll_many(
    targets: Iterable[Target], *, adapter: MachineAdapter, limits: Limits = DEFAULT, at_once: int = AT_ONCE
) -> AsyncIterator[ReadResult]:
    """Read each once. What an adapter raises is a fault of ours; it becomes a result as well."""

    async def read(target: Target) -> ReadResult:
        try:
            async with asyncio.timeout(limits.total_s + _GRACE_S):
                return await adapter.read(target, limits=limits)
        except TimeoutError:
            return ReadResult(target, trouble=Trouble.TIMEOUT, detail="given up on")
        except Exception as error:  # noqa: BLE001  (one machine never stops the others)
            return ReadResult(target, trouble=Trouble.FAULT, detail=f"{type(error).__name__}: {error}"[:200])

    async for result in as_they_come(targets, read, at_once=at_once):
        yield result


async def as_they_come(
    targets: Iterable[Target], work: Callable[[Target], Awaitable[Result]], *, at_once: int
) -> AsyncIterator[Result]:
    """``work`` for each, ``at_once`` in flight; what ``work`` raises ends it all, as does not listening any more."""
    waiting: Iterator[Target] = iter(targets)
    ready: asyncio.Queue[tuple[Result | None, Exception | None]] = asyncio.Queue(maxsize=at_once)

    async def worker() -> None:
        try:
            for target in waiting:
                await ready.put((await work(target), None))
        except Exception as error:  # noqa: BLE001  (told to whoever listens, who would wait for ever otherwise)
            await ready.put((None, error))
        await ready.put((None, None))

    workers = [asyncio.create_task(worker()) for _ in range(max(1, at_once))]
    try:
        left = len(workers)
        while left:
            result, error = await ready.get()
            if error is not None:
                raise error
            if result is None:
                left -= 1
            else:
                yield result
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

"""Polling in a thread of its own, for a caller that stores what comes while the rest is still being asked."""

import asyncio
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import aclosing, suppress
from datetime import datetime
from queue import SimpleQueue

from hosting.clients.adapter import MachineAdapter, ReadResult, Target
from hosting.clients.limits import DEFAULT, Limits
from hosting.clients.polling import AT_ONCE, poll_many

Heard = tuple[datetime, ReadResult]


class _Poll:
    """One poll: the loop in its thread, and the queue between the two."""

    def __init__(self) -> None:
        self.heard: SimpleQueue[Heard | BaseException | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._lock = threading.Lock()
        self._unwanted = False

    async def ask(
        self,
        targets: Iterable[Target],
        adapter: MachineAdapter,
        limits: Limits,
        seconds: float,
        clock: Callable[[], datetime],
        at_once: int,
    ) -> None:
        with self._lock:
            if self._unwanted:
                return
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        results = poll_many(targets, adapter=adapter, limits=limits, at_once=at_once)
        with suppress(TimeoutError):  # of this block: what has not answered by then has no result
            async with asyncio.timeout(seconds), aclosing(results):  # type: ignore[type-var]
                async for result in results:
                    self.heard.put((clock(), result))

    def end(self) -> None:
        """Nobody listens any more."""
        with self._lock:
            self._unwanted = True
            if self._loop is not None and self._task is not None:
                with suppress(RuntimeError):  # the loop is closed already
                    self._loop.call_soon_threadsafe(self._task.cancel)


def poll_aside(
    targets: Iterable[Target],
    *,
    adapter: MachineAdapter,
    seconds: float,
    clock: Callable[[], datetime],
    limits: Limits = DEFAULT,
    at_once: int = AT_ONCE,
) -> Generator[Heard]:
    """Each result with the moment it came, for ``seconds`` at most. Not listening any more ends the poll."""
    poll = _Poll()

    def run() -> None:
        try:
            asyncio.run(poll.ask(targets, adapter, limits, seconds, clock, at_once))
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001  (told to whoever listens, who would wait for ever otherwise)
            poll.heard.put(error)
        finally:
            poll.heard.put(None)

    thread = threading.Thread(target=run, name="poll", daemon=True)
    thread.start()
    try:
        while (heard := poll.heard.get()) is not None:
            if isinstance(heard, BaseException):
                raise heard
            yield heard
    finally:
        poll.end()
        thread.join()

"""Ctrl-C and its relatives: noted when they come, acted on at the next safe point."""

import signal
from collections.abc import Callable
from types import FrameType


class Interrupted(Exception):
    """The person, or the system, wants us to stop."""


class Stopper:
    """Counts requests to stop; the first one stops gently, another one hurries."""

    def __init__(self) -> None:
        self.requests: list[int] = []
        self.on_request: Callable[[int], None] | None = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.requests.append(number)
        if self.on_request:
            self.on_request(number)

    def check(self) -> None:
        if self.requests:
            raise Interrupted

    @property
    def exit_code(self) -> int:
        return 128 + self.requests[0] if self.requests else 0

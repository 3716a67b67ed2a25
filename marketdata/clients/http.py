"""One way to ask a market service: one host, short, again after a pause when it stumbles, never twice for what it has.

What is not asked here: whether the source should be asked at all (``marketdata.engine.breaker``).
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime

from django.utils import timezone

from hashinsight.common.outbound import OutboundFailed, OutboundRefused, Reply, fetch, house_policy
from marketdata.engine.figures import BadAnswer

MOST_BYTES = 4 * 1024 * 1024
ATTEMPTS = 3
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


class SourceFailed(Exception):
    """No answer worth reading. ``retry_after`` is what the source asked for, if it did."""

    def __init__(self, reason: str, detail: str, *, status: int | None = None, retry_after: timedelta | None = None):
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail, self.status, self.retry_after = reason, detail[:200], status, retry_after


@dataclass(frozen=True)
class Answer:
    """Body of an answer, or the word that the one before still holds (``unchanged``); seconds it took in all."""

    body: bytes
    seconds: float
    status: int
    validators: Mapping[str, str] = field(default_factory=dict)
    unchanged: bool = False


@dataclass
class Asker:
    """Asks one service. ``spacing`` seconds lie between two of its calls; clock, sleep and dice can be replaced."""

    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 15.0
    spacing: float = 0.0
    sleep: Callable[[float], None] = field(default_factory=lambda: time.sleep)
    clock: Callable[[], float] = time.monotonic
    dice: random.Random = field(default_factory=random.Random)
    _last: float | None = None

    def get(self, path: str, *, validators: Mapping[str, str] | None = None) -> Answer:
        """One answer of 200 or 304. Raises SourceFailed, and BadAnswer for a body that is too long."""
        sent = {"Accept": "application/json", **self.headers, **_conditions(validators or {})}
        started = self.clock()
        for attempt in range(1, ATTEMPTS + 1):
            self._keep_distance()
            try:
                reply = self._once(path, sent)
            except OutboundRefused as error:
                raise SourceFailed("refused", str(error)) from error
            except OutboundFailed as error:
                failure = SourceFailed("no_answer", str(error))
            else:
                if reply.status in (200, 304):
                    return self._answer(reply, self.clock() - started, validators or {})
                failure = SourceFailed(
                    "status", f"status {reply.status}", status=reply.status, retry_after=_retry_after(reply)
                )
                if reply.status not in AGAIN:
                    raise failure
            pause = self._pause(attempt, failure)
            if attempt == ATTEMPTS or pause is None:
                raise failure
            self.sleep(pause)
        raise AssertionError("unreachable")

    def _once(self, path: str, headers: Mapping[str, str]) -> Reply:
        policy = house_policy(seconds=self.seconds, most_bytes=MOST_BYTES)
        return fetch("GET", self.base_url.rstrip("/") + path, headers=headers, policy=policy)

    def _answer(self, reply: Reply, seconds: float, before: Mapping[str, str]) -> Answer:
        if reply.cut:
            raise BadAnswer("too_large", f"more than {MOST_BYTES} bytes")
        if reply.status == 304:
            if not before:
                raise SourceFailed("status", "304 to a question without conditions", status=304)
            return Answer(b"", seconds, 304, dict(before), unchanged=True)
        found = {name: reply.headers[name] for name in ("etag", "last-modified") if reply.headers.get(name)}
        return Answer(reply.body, seconds, reply.status, found)

    def _pause(self, attempt: int, failure: SourceFailed) -> float | None:
        """Doubling, with a random half; None when the source wants a longer rest than we wait here."""
        pause = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE) * (0.5 + self.dice.random() / 2)
        if failure.retry_after is None:
            return pause
        wanted = failure.retry_after.total_seconds()
        return None if wanted > LONGEST_PAUSE else max(pause, wanted)

    def _keep_distance(self) -> None:
        if self._last is not None and (left := self.spacing - (self.clock() - self._last)) > 0:
            self.sleep(left)
        self._last = self.clock()


def _conditions(validators: Mapping[str, str]) -> dict[str, str]:
    names = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
    return {names[name]: value for name, value in validators.items() if name in names}


def _retry_after(reply: Reply) -> timedelta | None:
    text = reply.headers.get("retry-after", "").strip()
    if text.isdigit():
        return timedelta(seconds=min(int(text), 10**6))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return max(moment - timezone.now(), timedelta())

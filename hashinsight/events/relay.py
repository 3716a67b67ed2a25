"""The relay's loop: batches while there is something, then sleep until a commit rings the bell."""

import logging
import random
import time
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from hashinsight.common.audit import audit_context
from hashinsight.common.hold import may_act
from hashinsight.events.consumers import Consumer, Lane, consumers_of
from hashinsight.events.domain import relays
from hashinsight.events.domain.handing_on import Handed, groups_waiting, hand_on, hand_on_held
from hashinsight.events.engine.backoff import backoff_seconds
from hashinsight.events.models import WAKE_CHANNEL, RelayProcess
from hashinsight.jobs.domain.work import worker_identity

logger = logging.getLogger(__name__)
LISTENING_SECONDS = 1.0  # also how often is looked without a bell
BEAT_SECONDS = 5.0
HELD_EVERY_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_RECONNECT_SECONDS = 5.0


def chance() -> float:
    """Jitter of the waits: 0 to below 1."""
    return random.random()  # noqa: S311  (nothing secret)


@dataclass
class Pause:
    """A consumer that could not be reached is left alone for a while, longer each time."""

    failures: int = 0
    until: float = 0.0


@dataclass
class Relay:
    """One process of one lane. ``stop`` may be called from a signal handler: the batch under way is finished."""

    lane: Lane
    stopping: bool = False
    handed_on: int = 0
    last_error: str = ""
    row: RelayProcess | None = None
    beat_at: float = 0.0
    looked_at_held: float = 0.0
    listening: bool = False
    pauses: dict[str, Pause] = field(default_factory=dict)

    def stop(self) -> None:
        """End soon."""
        self.stopping = True

    def run(self, *, until_empty: bool = False) -> int:
        """Work until told to stop (or until nothing is due); returns how many events went through in all.

        A database that goes away is waited for: nothing is lost, what was under way is rolled back.
        """
        total, failures = 0, 0
        while not self.stopping:
            try:
                done = self._turn()
            except (DatabaseError, InterfaceError) as error:
                failures += 1
                self._lost(error, failures)
                continue
            failures, total = 0, total + done
            if done == 0 and until_empty:
                break
            if done == 0:
                self._rest()
        self._say_goodbye()
        return total

    def _turn(self) -> int:
        """A batch of new events, then one of held ones per consumer; how many went through."""
        self._be_known()
        now = timezone.now()
        done = 0
        with audit_context(actor="system", source="events.relay"):
            if self.lane is Lane.INNER:
                done = hand_on(at=now, most=settings.EVENT_BATCH, chance=chance).count
            done += self._held(now)
        self.handed_on += done
        return done

    def _held(self, now: datetime) -> int:
        """What waits; looked for often by a sink, which has nothing else, and twice a second by the others."""
        tick = time.monotonic()
        if self.lane is Lane.INNER and tick - self.looked_at_held < HELD_EVERY_SECONDS:
            return 0
        if self.lane is Lane.SINK and not may_act():
            self.last_error = "held after a restore: nothing leaves the house until somebody lets it"
            return 0
        mine = [one for one in consumers_of(self.lane) if self._pause(one).until <= tick]
        due = groups_waiting([one.group for one in mine], at=now) if mine else set()
        done = sum(self._held_of(one, now) for one in mine if one.group in due)
        if not done:
            self.looked_at_held = tick
        return done

    def _held_of(self, consumer: Consumer, now: datetime) -> int:
        handed: Handed = hand_on_held(consumer, at=now, most=settings.EVENT_BATCH, chance=chance)
        pause = self._pause(consumer)
        if not handed.unavailable:
            pause.failures = 0
            return handed.count
        pause.failures += 1
        wait = backoff_seconds(pause.failures, first=1.0, longest=LONGEST_PAUSE_SECONDS, chance=chance())
        pause.until = time.monotonic() + wait
        self.last_error = f"{consumer.group}: {handed.unavailable}"
        logger.warning("%s cannot be reached, trying again in %.0f s: %s", consumer.group, wait, handed.unavailable)
        return handed.count

    def _pause(self, consumer: Consumer) -> Pause:
        return self.pauses.setdefault(consumer.group, Pause())

    # --- connection and heartbeat -------------------------------------------------------------------------------
    def _be_known(self) -> None:
        """Listen, and keep the heartbeat; both anew after a lost connection."""
        if not self.listening:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {WAKE_CHANNEL}")
            self.listening = True
        tick = time.monotonic()
        if self.row is None:
            self.row = relays.start_relay(worker_identity(), lane=self.lane.value, at=timezone.now())
        elif tick - self.beat_at >= BEAT_SECONDS:
            known = relays.beat(self.row, handed_on=self.handed_on, error=self.last_error, at=timezone.now())
            self.handed_on, self.last_error = 0, ""
            if not known:
                self.row = None
        else:
            return
        self.beat_at = tick

    def _rest(self) -> None:
        """Until the bell rings, or a second at most."""
        raw = connection.connection
        try:
            for _bell in raw.notifies(timeout=LISTENING_SECONDS, stop_after=1):
                pass
        except Exception as error:  # noqa: BLE001  (psycopg's own errors: the next turn meets them as Django's)
            self._lost(error, 1)

    def _lost(self, error: Exception, failures: int) -> None:
        """Begin anew with a fresh connection, after a moment."""
        logger.warning("relay lost the database, trying again: %s", error)
        self.listening = False
        connection.close()
        wait = backoff_seconds(failures, first=0.2, longest=LONGEST_RECONNECT_SECONDS, chance=chance())
        deadline = time.monotonic() + wait
        while not self.stopping and time.monotonic() < deadline:
            time.sleep(0.05)

    def _say_goodbye(self) -> None:
        try:
            if self.row is not None:
                relays.stop_relay(self.row, handed_on=self.handed_on, at=timezone.now())
        except (DatabaseError, InterfaceError) as error:
            logger.warning("relay could not say goodbye: %s", error)
        connection.close()

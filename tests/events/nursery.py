"""A process that keeps relays and publishers running and kills them at random moments; forked, so they are quick.

Relays run the product's own command with a consumer that writes a row per event. Publishers write a row of their
own and its event in one transaction (or, as a control, in two). Started by ``test_crash.py``.
"""

import io
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import django
import psycopg

KIND, GROUP = "test.stormed", "storm"
BETWEEN_TWO_TRANSACTIONS = 0.004


def main() -> None:
    """Read the plan, live through it, print what happened."""
    plan = json.loads(sys.argv[1])
    django.setup()
    register(plan)
    print(json.dumps(Nursery(plan).run()), flush=True)


def register(plan: dict[str, Any]) -> None:
    """The kind and its consumer; a control runs without inbox."""
    from django.db import connection

    from hashinsight.events import consumers
    from hashinsight.events.domain import inbox
    from hashinsight.events.registry import EventKind
    from hashinsight.events.registry import register as register_kind

    chance = random.Random(plan["seed"])

    def write(events: Sequence[consumers.Event]) -> None:
        with connection.cursor() as cursor:
            for event in events:
                cursor.execute(
                    "INSERT INTO storm_effect (event_id, aggregate, number) VALUES (%s, %s, %s)",
                    [event.event_id, event.aggregate_id, event.payload["number"]],
                )
        if chance.random() < plan["failing"]:
            raise RuntimeError("now and then a consumer fails")

    register_kind(EventKind(KIND, "A storm.", {"number": "integer"}))
    consumers._consumers.clear()
    consumers.register_consumer(consumers.Consumer(GROUP, "The storm's.", frozenset({KIND}), write))
    if not plan["inbox"]:
        inbox.enter = lambda group, events, *, at: list(events)  # type: ignore[assignment]


def publish(plan: dict[str, Any], publisher: int) -> None:
    """Facts of this publisher's aggregates, from wherever its predecessor died."""
    from django.db import DatabaseError, InterfaceError, connection

    mine = [f"p{publisher}-{n}" for n in range(plan["aggregates"])]
    while True:
        try:
            with connection.cursor() as cursor:
                for number in range(plan["each"]):
                    for aggregate in mine:
                        _tell(cursor, plan, aggregate, number)
            return
        except (DatabaseError, InterfaceError):
            connection.close()
            time.sleep(0.1)


def _tell(cursor: Any, plan: dict[str, Any], aggregate: str, number: int) -> None:
    """The fact and its event; nothing when the fact is known."""
    from django.db import transaction

    from hashinsight.events.domain import publish as publish_event

    fact = "INSERT INTO storm_fact (aggregate, number) VALUES (%s, %s) ON CONFLICT DO NOTHING"

    def event() -> None:
        publish_event(KIND, aggregate_type="storm", aggregate_id=aggregate, payload={"number": number})

    if plan["one_transaction"]:
        with transaction.atomic():
            cursor.execute(fact, [aggregate, number])
            if cursor.rowcount:
                event()
        return
    cursor.execute(fact, [aggregate, number])
    if cursor.rowcount:
        time.sleep(BETWEEN_TWO_TRANSACTIONS)
        with transaction.atomic():
            event()


def relay() -> None:
    """As ``./dev run`` does."""
    from django.core.management import call_command

    call_command("run_relay", stdout=io.StringIO())


class Nursery:
    """Children by name; the dead are replaced."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.random = random.Random(plan["seed"])
        self.jobs: dict[str, Callable[[], None]] = {f"relay-{n}": relay for n in range(plan["relays"])}
        for number in range(plan["publishers"]):
            self.jobs[f"publisher-{number}"] = lambda n=number: publish(plan, n)  # type: ignore[misc]
        self.pids: dict[str, int] = {}
        self.finished: set[str] = set()
        self.kills: dict[str, int] = {"relay": 0, "publisher": 0}

    def run(self) -> dict[str, Any]:
        """Storm until the kills are done and all is published, then calm until nothing waits."""
        self.revive()
        killed, began = 0, time.monotonic()
        while killed < self.plan["kills"] or not self.all_published():
            time.sleep(self.random.uniform(*self.plan["pause"]))
            self.reap()
            if killed < self.plan["kills"]:
                killed += self.kill_one()
            self.again()
            self.revive()
            if time.monotonic() - began > self.plan["patience"]:
                break
        calm = self.wait_for_calm()
        codes = self.stop_relays()
        return {"kills": self.kills, "calm_seconds": calm, "exit_codes": codes}

    def revive(self) -> None:
        for name, job in self.jobs.items():
            if name in self.pids or name in self.finished:
                continue
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    signal.signal(signal.SIGTERM, signal.SIG_DFL)
                    job()
                    code = 0
                finally:
                    os._exit(code)
            self.pids[name] = pid

    def reap(self) -> None:
        for name, pid in list(self.pids.items()):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                del self.pids[name]
                if name.startswith("publisher") and status == 0:
                    self.finished.add(name)

    def kill_one(self) -> int:
        if not self.pids:
            return 0
        name = self.random.choice(sorted(self.pids))
        os.kill(self.pids[name], signal.SIGKILL)
        os.waitpid(self.pids.pop(name), 0)
        self.kills[name.partition("-")[0]] += 1
        return 1

    def all_published(self) -> bool:
        return len(self.finished) == self.plan["publishers"]

    def ask(self, sql: str) -> Any:
        """A connection of our own each time: the database dies as well."""
        for _ in range(600):
            try:
                with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
                    cursor = connection.execute(sql)
                    return cursor.fetchone() if cursor.description else None
            except psycopg.Error:
                time.sleep(0.1)
        raise RuntimeError("the database does not come back")

    def again(self) -> None:
        """Some events come a second time, as after a slip of an operator."""
        if self.plan["again"]:
            self.ask(
                "UPDATE events_outboxevent SET status = 'pending' WHERE status = 'processed' AND id % 7 = "
                + str(self.random.randrange(7))
            )

    def wait_for_calm(self) -> float:
        began = time.monotonic()
        while self.plan["relays"] and time.monotonic() - began < 120:
            self.reap()
            self.revive()
            (waiting,) = self.ask("SELECT count(*) FROM events_outboxevent WHERE status IN ('pending', 'held')")
            if not waiting:
                break
            time.sleep(0.1)
        return round(time.monotonic() - began, 1)

    def stop_relays(self) -> list[int]:
        for pid in self.pids.values():
            os.kill(pid, signal.SIGTERM)
        return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in self.pids.values()]


if __name__ == "__main__":
    main()

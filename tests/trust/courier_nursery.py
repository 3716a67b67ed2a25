"""A process that keeps workers running and kills them at random moments; forked, so they are quick.

Started by ``test_couriers.py``. At night each child is a Celery worker of the product on the real broker; in an
ordinary run it claims rows by itself. Either way it does them with the real handlers and the real clients; the plan
may replace the handler by a bad one, as a control.
"""

import json
import os
import random
import signal
import sys
import time
from typing import Any

import django
import psycopg

QUEUES = "interactive,default"
SWEEP_SECONDS = 5
BUSY = """
SELECT claimed_by FROM jobs_duework
 WHERE kind = 'notify.deliver' AND claimed_by <> '' AND (state = 'claimed' OR done_at > now() - interval '0.15 seconds')
"""


def main() -> None:
    """Read the plan, live through it, print what happened."""
    plan = json.loads(sys.argv[1])
    django.setup()
    set_up(plan)
    print(json.dumps(Nursery(plan).run()), flush=True)


def set_up(plan: dict[str, Any]) -> None:
    """The mail server of the test; a control's handler."""
    from django.conf import settings

    from hashinsight.jobs import registry
    from hashinsight.notify import work

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", plan["mail_port"]

    def settled_first(payload: Any, finish: Any) -> None:
        """Work that is called done before it is: what a worker's early acknowledgement amounts to."""
        delivery = work.sending.due(payload["delivery_id"])
        finish()
        time.sleep(0.2)
        if delivery is not None:
            work.send(delivery, at=work.timezone.now())

    def new_id_each_time(payload: Any, finish: Any) -> None:
        """The real handler, but each attempt calls itself by another name."""
        import uuid

        real = work.sending.due

        def due(delivery_id: int) -> Any:
            delivery = real(delivery_id)
            if delivery is not None:
                delivery.public_id = uuid.uuid4()
            return delivery

        work.sending.due = due  # type: ignore[assignment]
        try:
            work.deliver(payload, finish)
        finally:
            work.sending.due = real

    controls = {"settled first": settled_first, "new id": new_id_each_time}
    if plan["control"]:
        registry._handlers["notify.deliver"] = controls[plan["control"]]


def worker(name: str) -> None:
    """One worker; ``solo``, so that a kill takes the worker and its task together."""
    from hashinsight.celery import app

    app.worker_main([
        "worker", "--pool", "solo", "--queues", QUEUES, "--hostname", f"{name}@%h", "--loglevel", "ERROR",
        "--without-mingle", "--without-gossip", "--without-heartbeat",
    ])  # fmt: skip


def bare_worker() -> None:
    """The same without broker and Celery, which take seconds to come up: claims, does and settles row after row."""
    from django.utils import timezone

    from hashinsight.jobs.domain import work
    from hashinsight.jobs.tasks import perform

    while True:
        for row in work.open_work(queue="default", at=timezone.now(), limit=5):
            perform(row.pk)
        time.sleep(0.02)


def sweeper() -> None:
    """What ``jobs.sweep`` does every few seconds; it is never killed, as a supervisor would bring it back."""
    from django.utils import timezone

    from hashinsight.jobs.domain import work
    from hashinsight.jobs.tasks import SWEEP_LIMIT

    while True:
        work.tell_again(queue="default", at=timezone.now(), limit=SWEEP_LIMIT)
        time.sleep(SWEEP_SECONDS)


class Nursery:
    """Workers by name; the dead are replaced, and open rows are told of again, as the sweeper does.

    ``spread`` of the plan: over which share of the work kills are dealt out, so that a slow machine is not still at the
    beginning when they are all spent.
    """

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.random = random.Random(plan["seed"])
        self.pids: dict[str, int] = {}
        self.born = 0
        self.names = [f"courier-{n}" for n in range(plan["workers"])] + ["sweeper"] * plan["celery"]

    def run(self) -> dict[str, Any]:
        """Kill until the plan is fulfilled or nothing is left to do, then wait until all is done."""
        killed, began, total = 0, time.monotonic(), self.open()
        while killed < self.plan["kills"] and time.monotonic() - began < self.plan["patience"]:
            if not (left := self.open()):
                if self.more():
                    continue
                break
            self.revive()
            time.sleep(self.random.uniform(*self.plan["pause"]))
            spread = self.plan.get("spread")
            if not spread or left <= total * (1 - spread * killed / self.plan["kills"]):
                killed += self.kill_one()  # while nobody is busy yet, the next look comes soon
        calm = time.monotonic()
        while self.open() and time.monotonic() - calm < 120:
            self.revive()
            time.sleep(0.2)
        done = {"kills": killed, "calm_seconds": round(time.monotonic() - calm, 1), "left": self.open()}
        for pid in self.pids.values():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        return done

    def more(self) -> bool:
        """Whether somebody gave us more to do when all was done and kills were left."""
        return False

    def open(self) -> int:
        """By a line of its own: children must inherit none."""
        with psycopg.connect(os.environ["DATABASE_URL"]) as line:
            sql = "SELECT count(*) FROM jobs_duework WHERE kind = 'notify.deliver' AND state NOT IN ('done', 'failed')"
            [(count,)] = line.execute(sql).fetchall()
        return int(count)

    def revive(self) -> None:
        for name in self.names:
            found = name in self.pids and os.waitpid(self.pids[name], os.WNOHANG)[0]
            if name in self.pids and not found:
                continue
            self.born += 1
            pid = os.fork()
            if pid == 0:
                try:
                    self.child(name)
                finally:
                    os._exit(1)
            self.pids[name] = pid

    def child(self, name: str) -> None:
        """What the child is for."""
        if name == "sweeper":
            sweeper()
        elif self.plan["celery"]:
            worker(f"{name}-{self.born}")
        else:
            bare_worker()

    def kill_one(self) -> int:
        """A worker that has work in its hands, or has called it done a moment ago."""
        with psycopg.connect(os.environ["DATABASE_URL"]) as line:
            busy = {int(who.split(":")[-2]) for (who,) in line.execute(BUSY).fetchall()}
        names = sorted(name for name, pid in self.pids.items() if pid in busy)
        if not names:
            return 0
        name = self.random.choice(names)
        os.kill(self.pids[name], signal.SIGKILL)
        os.waitpid(self.pids.pop(name), 0)
        return 1


if __name__ == "__main__":
    main()

"""Controls of sites that are killed while they command machines. Started by ``test_commands.py``.

At night they are Celery's workers with two children each, on the real broker, and one process says what is due, as beat
does; in an ordinary run each controls by itself. Controls of the test: ``commit after`` commits all that a tick keeps
when it is over, so a kill leaves commands that no row knows; ``no fence`` never asks whether the lock is still its own.
"""

import json
import os
import signal
import sys
import time
from typing import Any

import django
import psycopg

from tests.trust import courier_nursery

QUEUE = "control"
BEAT_SECONDS = 0.5
LOCK_SECONDS = 1.0
WARM_SECONDS = 1.5
ORDER_SECONDS = 30.0  # in which more plans come when they are asked for
GAP_SECONDS = 0.5  # long enough for a kill to fall into it
OPEN = """
SELECT count(*) FROM curtailment_curtailmentplan
 WHERE status IN ('approved', 'executing', 'executed', 'recovering')
"""
HOLDERS = """
SELECT process_id FROM jobs_schedulerlock WHERE lock_key LIKE 'curtailment:%' AND expires_at > clock_timestamp()
"""


def main() -> None:
    """Read the plan, live through it, print what happened."""
    plan = json.loads(sys.argv[1])
    django.setup()
    lock_shortly()
    if plan["how"] == "commit after":
        commit_after(plan["log"])
    if plan["stops"]:
        note_the_late(plan["log"], let_in=plan["how"] == "no fence")
    print(json.dumps(CommandNursery(plan).run()), flush=True)


def lock_shortly() -> None:
    """Who was killed holds its site up for a second or two instead of ten: the storm meets more ticks."""
    from curtailment.domain.control import site as control

    control.LEAST_LOCK_S = LOCK_SECONDS


def commit_after(log: str) -> None:
    """The mistake: orders and the sending of them in one transaction.

    The first that comes so far dies there: on a slow machine the few kills of an ordinary run may all fall before.
    """
    from django.db import transaction

    from curtailment.domain.control import site as control

    real = control._tick

    def tick(*given: Any) -> Any:
        with transaction.atomic():
            ticked = real(*given)
            if ticked.sent:
                if _is_first(f"{log}.died"):
                    os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(GAP_SECONDS)
            return ticked

    control._tick = tick


def _is_first(path: str) -> bool:
    """Of all processes, for good."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def note_the_late(log: str, *, let_in: bool) -> None:
    """A stop is to fall between deciding and keeping what was decided; who comes too late is noted.

    ``let_in`` is the mistake: whoever took the lock believes to have it still.
    """
    from curtailment.domain.control import site as control
    from hashinsight.jobs.domain.locks import StaleLock

    real_tick, real_fence = control.tick, control.fence

    def tick(*given: Any, **more: Any) -> Any:
        decision = real_tick(*given, **more)
        time.sleep(GAP_SECONDS)
        return decision

    def fence(*given: Any, **more: Any) -> None:
        try:
            real_fence(*given, **more)
        except StaleLock:
            with open(log, "a", encoding="ascii") as lines:
                lines.write("late\n")
            if not let_in:
                raise

    control.tick, control.fence = tick, fence


def bare_control() -> None:
    """Ticks whatever is due."""
    from django.utils import timezone

    from curtailment.domain.control.site import control_site, sites_due

    while True:
        for site in sites_due(timezone.now()):
            control_site(site, clock=timezone.now)
        time.sleep(0.05)


def beat() -> None:
    """Says which sites are due."""
    from django.utils import timezone

    from curtailment.domain.control.site import sites_due
    from curtailment.tasks import control_site

    while True:
        for site in sites_due(timezone.now()):
            control_site.apply_async(kwargs={"site_id": site.pk}, queue=QUEUE, expires=5)
        time.sleep(BEAT_SECONDS)


def worker(name: str) -> None:
    """A Celery worker with two children."""
    from hashinsight.celery import app

    app.worker_main([
        "worker", "--pool", "prefork", "--concurrency", "2", "--queues", QUEUE, "--hostname", f"{name}@%h",
        "--loglevel", "ERROR", "--without-mingle", "--without-gossip", "--without-heartbeat",
    ])  # fmt: skip


class CommandNursery(courier_nursery.Nursery):
    """Kills fall at any moment, as long as plans run."""

    def __init__(self, plan: dict[str, Any]) -> None:
        super().__init__(plan)
        self.met = {"child": 0, "worker": 0}
        self.names = [f"control-{n}" for n in range(plan["workers"])] + ["beat"] * plan["celery"]

    def run(self) -> dict[str, Any]:
        """Plans are made when the workers are up."""
        self.revive()
        time.sleep(WARM_SECONDS * (1 + 3 * self.plan["celery"]))
        print("READY", flush=True)
        while not self.open():
            time.sleep(0.05)
        return {**super().run(), "met": self.met}

    def more(self) -> bool:
        """Plans end by the clock: on a slow machine they are over before all kills are dealt out."""
        print("MORE", flush=True)
        asked = time.monotonic()
        while not self.open():
            if time.monotonic() - asked > ORDER_SECONDS:
                return False
            time.sleep(0.05)
        return True

    def open(self) -> int:
        with psycopg.connect(os.environ["DATABASE_URL"]) as line:
            [(count,)] = line.execute(OPEN).fetchall()
        return int(count)

    def child(self, name: str) -> None:
        os.setpgid(0, 0)  # so that a worker and its children die together when it is killed
        if name == "beat":
            beat()
        elif self.plan["celery"]:
            worker(f"{name}-{self.born}")
        else:
            bare_control()

    def kill_one(self) -> int:
        """Kill, or put to sleep until the lock is another one's."""
        return self.put_to_sleep() if self.plan["stops"] else self.kill()

    def holders(self) -> list[int]:
        """Processes of ours that have a site in their hands."""
        with psycopg.connect(os.environ["DATABASE_URL"]) as line:
            found = {pid for (pid,) in line.execute(HOLDERS).fetchall()}
        ours = set(self.pids.values())
        return sorted(found & (ours | {child for pid in ours for child in children_of(pid)}))

    def put_to_sleep(self) -> int:
        """One that has a lock in its hands, past its time; then it goes on where it was."""
        if not (holders := self.holders()):
            return 0
        pid = self.random.choice(holders)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(LOCK_SECONDS + 1)
        os.kill(pid, signal.SIGCONT)
        return 1

    def kill(self) -> int:
        """Half of the time whoever is at a site, else any: a worker with its children, or one child alone."""
        name = self.random.choice([name for name in self.names if name in self.pids and name != "beat"])
        holders = self.holders() if self.random.random() < 0.5 else []
        victim = self.random.choice(holders) if holders else self.pids[name]
        children = children_of(self.pids[name])
        if self.plan["celery"] and victim == self.pids[name]:
            if not children:
                return 0  # it is not up yet
            if self.random.random() < 0.75:
                victim = self.random.choice(sorted(children))
        owner = next((one for one, pid in self.pids.items() if pid == victim), None)
        self.met["worker" if owner else "child"] += 1
        if owner is None:
            os.kill(victim, signal.SIGKILL)
            return 1
        os.killpg(victim, signal.SIGKILL)
        os.waitpid(self.pids.pop(owner), 0)
        return 1


def children_of(pid: int) -> list[int]:
    """By the kernel's own list."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as listed:
            return [int(one) for one in listed.read().split()]
    except OSError:
        return []


if __name__ == "__main__":
    main()

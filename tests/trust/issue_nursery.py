"""Workers that issue invoices, papers and e-mails of them, and are killed meanwhile. Started by ``test_issues.py``.

Each order is a row of due work; its handler issues one draft and settles the row in the same transaction. Orders that
call themselves by the name of a control are carried out badly. At night the workers are Celery's, with children that
are killed alone three times of four, as the system's memory killer does.
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

ORDER = "tests.issue"
GAP_SECONDS = 1.5  # long enough for a kill to fall into it, on a slow machine too
SEEN_SECONDS = 0.5  # how old a mistake may be for the kill to be sure to meet it
QUEUES = ("interactive", "default")
FAR = "now() + interval '1000 days'"
OPEN = """
SELECT count(*) FROM jobs_duework WHERE state NOT IN ('done', 'failed') AND not_before < now() + interval '2 days'
"""
BUSY = """
SELECT claimed_by FROM jobs_duework
 WHERE claimed_by <> '' AND COALESCE(payload->>'control', '') = %(control)s
   AND (state = 'claimed' OR done_at > now() - %(seen)s * interval '1 second')
"""


def main() -> None:
    """Read the plan, live through it, print what happened."""
    plan = json.loads(sys.argv[1])
    django.setup()
    from django.conf import settings

    from hashinsight.jobs import registry

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", plan["mail_port"]
    registry.register_handler(ORDER, issue)
    print(json.dumps(IssueNursery(plan).run()), flush=True)


def issue(payload: Any, finish: Any) -> None:
    """One draft becomes an invoice, once; badly where the order says so."""
    from django.db import transaction

    from crm.models import Invoice

    control = payload.get("control", "")
    if control == "settled first":  # what a worker's early acknowledgement, Celery's default, amounts to
        finish()
        _gap(payload)
    later: list[Any] = []
    with transaction.atomic():
        draft = Invoice.objects.select_for_update().get(pk=payload["invoice_id"])
        if draft.number is None:
            _issue(draft, payload, later if control == "event later" else None)
        finish()
    for told in later:
        _gap(payload)
        with transaction.atomic():
            told()


def _gap(payload: Any) -> None:
    """Long enough for a kill to fall into it; where few are dealt out, one is sure to."""
    if payload["dies"]:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(GAP_SECONDS)


def _issue(draft: Any, payload: Any, later: list[Any] | None) -> None:
    from django.db import connection
    from django.utils import timezone

    from accounts.models import User
    from crm.domain import invoicing, issuing

    now, real = timezone.now(), invoicing.publish_invoice
    if later is not None:
        issuing.publish_invoice = lambda *given: later.append(lambda: real(*given))  # type: ignore[assignment]
    try:
        by = User.objects.get(pk=payload["by"])
        issuing.issue_invoice(draft, by=by, on=now.date(), at=now, send=payload["paper"])
    finally:
        issuing.publish_invoice = real
    if not payload["paper"]:  # drawing thousands takes an hour; what of it must happen is a row, and that is counted
        sql = f"UPDATE jobs_duework SET not_before = {FAR} WHERE kind = %s AND key = %s"
        with connection.cursor() as cursor:
            cursor.execute(sql, [issuing.PDF_WORK, str(draft.pk)])


def bare_worker() -> None:
    """Claims, does and settles row after row, without broker and Celery."""
    from django.utils import timezone

    from hashinsight.jobs.domain import work
    from hashinsight.jobs.tasks import perform

    while True:
        for queue in QUEUES:
            for row in work.open_work(queue=queue, at=timezone.now(), limit=5):
                perform(row.pk)
        time.sleep(0.02)


def sweeper() -> None:
    """What ``jobs.sweep`` does."""
    from django.utils import timezone

    from hashinsight.jobs.domain import work
    from hashinsight.jobs.tasks import SWEEP_LIMIT

    while True:
        for queue in QUEUES:
            work.tell_again(queue=queue, at=timezone.now(), limit=SWEEP_LIMIT)
        time.sleep(courier_nursery.SWEEP_SECONDS)


def worker(name: str) -> None:
    """A Celery worker with two children."""
    from hashinsight.celery import app

    app.worker_main([
        "worker", "--pool", "prefork", "--concurrency", "2", "--queues", ",".join(QUEUES), "--hostname", f"{name}@%h",
        "--loglevel", "ERROR", "--without-mingle", "--without-gossip", "--without-heartbeat",
    ])  # fmt: skip


class IssueNursery(courier_nursery.Nursery):
    """Kills go round the controls, so that each is met; those of good orders fall at any moment."""

    def __init__(self, plan: dict[str, Any]) -> None:
        super().__init__(plan)
        self.turns = list(plan["turns"])
        self.met: dict[str, int] = {"child": 0, "worker": 0}

    def run(self) -> dict[str, Any]:
        return {**super().run(), "met": self.met}

    def open(self) -> int:
        with psycopg.connect(os.environ["DATABASE_URL"]) as line:
            [(count,)] = line.execute(OPEN).fetchall()
        return int(count)

    def child(self, name: str) -> None:
        os.setpgid(0, 0)  # so that a worker and its children die together when it is killed
        if name == "sweeper":
            sweeper()
        elif self.plan["celery"]:
            worker(f"{name}-{self.born}")
        else:
            bare_worker()

    def kill_one(self) -> int:
        """A worker, or the child of it that is busy; of the kind of order whose turn came longest ago."""
        for turn in list(self.turns):
            if groups := self.busy(turn):
                self.turns.remove(turn)
                self.turns.append(turn)
                return self.kill(groups)
        return 0

    def busy(self, control: str) -> dict[int, int]:
        """The group of each process of ours that is at such an order."""
        with psycopg.connect(os.environ["DATABASE_URL"]) as line:
            found = line.execute(BUSY, {"control": control, "seen": SEEN_SECONDS}).fetchall()
        groups = {pid: _group(pid) for (who,) in found if (pid := int(who.split(":")[-2]))}
        return {pid: group for pid, group in groups.items() if group in self.pids.values()}

    def kill(self, groups: dict[int, int]) -> int:
        pid = self.random.choice(sorted(groups))
        if pid != groups[pid] and self.random.random() < 0.75:
            os.kill(pid, signal.SIGKILL)
            self.met["child"] += 1
            return 1
        name = next(one for one, group in self.pids.items() if group == groups[pid])
        os.killpg(groups[pid], signal.SIGKILL)
        os.waitpid(self.pids.pop(name), 0)
        self.met["worker"] += 1
        return 1


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


if __name__ == "__main__":
    main()

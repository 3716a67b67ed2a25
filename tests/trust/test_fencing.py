"""T14: a holder of the lock falls asleep past its time and wakes up: nothing it writes then is accepted."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from django.conf import settings

from hashinsight.jobs.domain import locks
from hashinsight.jobs.models import JobRun, SchedulerLock
from tests.jobs import live
from tests.support import children
from tests.trust.fencing_writer import LIFE

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("HASHINSIGHT_SEED", "14"))


@pytest.fixture
def start_writer() -> Iterator[Callable[[str], "subprocess.Popen[bytes]"]]:
    running: list[subprocess.Popen[bytes]] = []

    def start(mode: str) -> "subprocess.Popen[bytes]":
        argv = children.python("tests.trust.fencing_writer", mode)
        running.append(children.start(argv, env=live.worker_env("memory://"), cwd=settings.BASE_DIR))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait(timeout=10)


def _version() -> int:
    return SchedulerLock.objects.values_list("lock_version", flat=True).first() or 0


def _written(version: int) -> int:
    return JobRun.objects.filter(fencing_token__lte=version).count()


def _writes(version: int) -> bool:
    return JobRun.objects.filter(fencing_token=version).count() > 3


def stale_writes(writer: "subprocess.Popen[bytes]", rounds: int) -> int:
    """Writes under an old version that came in after a new holder had the lock, over all rounds."""
    print(f"seed {SEED}")
    chance, stale = random.Random(SEED), 0
    for number in range(rounds):
        live.wait_for(lambda: locks.is_held(locks.BEAT), 30, "the writer holds the lock")
        old = _version()
        live.wait_for(partial(_writes, old), 30, "it writes")
        time.sleep(chance.uniform(0, 0.02))
        writer.send_signal(signal.SIGSTOP)
        new = live.wait_for(lambda: locks.take_lock(locks.BEAT, seconds=60), 30, "its time ends")
        assert new == old + 1, number
        accepted = _written(old)
        writer.send_signal(signal.SIGCONT)
        time.sleep(0.1)
        stale += _written(old) - accepted
        locks.give_back_lock(locks.BEAT, token=new)
    return stale


def test_a_holder_that_slept_past_its_time_writes_nothing(
    start_writer: Callable[[str], "subprocess.Popen[bytes]"], nightly: bool
) -> None:
    rounds = 50 if nightly else 6
    assert stale_writes(start_writer("fenced"), rounds) == 0
    assert _version() >= 2 * rounds


def test_control_a_holder_that_only_looks_at_its_watch_does_write(
    start_writer: Callable[[str], "subprocess.Popen[bytes]"],
) -> None:
    assert LIFE < 1
    assert stale_writes(start_writer("ttl"), 6) > 0

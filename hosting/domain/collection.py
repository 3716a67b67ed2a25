"""Reading machines by beat: one poll of a site in each of its periods, stored in chunks as the answers come.

A poll is a run of ``hosting.collect_site:<site>`` for the period; its row says that it is at work, done or dead. Who
was read in a period is told by the newest readings themselves: a poll that died goes on with the machines that are
left, and a machine that somebody else has read in the meantime is not asked again.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from hashinsight.jobs.domain import runs
from hashinsight.jobs.enums import RunState
from hashinsight.jobs.models import JobRun
from hosting.clients.adapter import MachineAdapter
from hosting.clients.aside import Heard as Answer
from hosting.clients.aside import poll_aside
from hosting.clients.machines import Machines
from hosting.domain.asking import Asked, Kept, keep_answers, limits_of, machines_to_ask
from hosting.enums import EdgeStatus, MinerIntent, PlaceStatus
from hosting.models import EdgeDevice, Miner, Site

JOB = "hosting.collect_site"
CHUNK = 2_000  # readings in one transaction
CLAIM = timedelta(seconds=300)  # a poll that has not been heard of for so long is dead
MOST_S = 200.0  # a poll ends before its task is stopped
SHARE = 0.9  # of the period that a poll may take
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Collected:
    """What came of a poll: machines asked, of these without answer, failures of ours, rows stored, machines left."""

    asked: int = 0
    silent: int = 0
    faults: int = 0
    stored: int = 0
    left: int = 0


def collected_miners() -> Any:
    """Machines that we read ourselves: those that an edge device answers for are its affair."""
    rows = Miner.objects.filter(is_collected=True, address__isnull=False, site__isnull=False)
    devices = EdgeDevice.objects.filter(
        Q(zone__isnull=True) | Q(zone_id=OuterRef("zone_id")), status=EdgeStatus.ACTIVE, site_id=OuterRef("site_id")
    )
    return rows.exclude(intent=MinerIntent.RETIRED).exclude(Exists(devices))


def period_of(site: Site, at: datetime) -> datetime:
    """Start of the period of a site that a moment lies in; periods are counted from 1970."""
    seconds = site.collection_interval_s
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, at.tzinfo)


def sites_due(at: datetime) -> list[tuple[Site, datetime]]:
    """Sites with machines of ours to read, each with its period, that nobody has read or is reading in it."""
    sites = Site.objects.filter(
        Exists(collected_miners().filter(site_id=OuterRef("pk"))), status=PlaceStatus.ACTIVE
    ).order_by("pk")  # fmt: skip
    wanted = {(job_of(site), period_of(site, at)): site for site in sites}
    served = JobRun.objects.filter(job__in=[job for job, _start in wanted]).filter(
        Q(state=RunState.DONE) | Q(state=RunState.RUNNING, heartbeat_at__gte=at - CLAIM),
        period_start__in={start for _job, start in wanted},
    )
    over = set(served.values_list("job", "period_start"))
    return [(site, start) for (job, start), site in wanted.items() if (job, start) not in over]


def job_of(site: Site) -> str:
    """The name its polls run under."""
    return f"{JOB}:{site.pk}"


def collect_site(
    site: Site, *, period_start: datetime, clock: Clock, adapter: MachineAdapter | None = None, chunk: int = CHUNK
) -> Collected | None:
    """Read the machines of a site for one period; None when that is done, over, or another poll is at work.

    Whole chunks are written, each in its own transaction, and none after another process has taken over.
    """
    began = clock()
    run = _claim(site, period_start, at=began)
    if run is None:
        return None
    try:
        collected = _collect(run, site, period_start, clock, adapter or Machines(), chunk)
    except Exception as error:
        runs.fail_run(run, at=clock(), error=f"{type(error).__name__}: {error}")
        raise
    runs.finish_run(run, at=clock(), result=asdict(collected))
    return collected


@transaction.atomic
def _claim(site: Site, period_start: datetime, *, at: datetime) -> JobRun | None:
    job = job_of(site)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [job])
    if at >= period_start + timedelta(seconds=site.collection_interval_s):
        return None
    others = JobRun.objects.filter(job=job, state=RunState.RUNNING).exclude(period_start=period_start)
    if others.filter(heartbeat_at__gte=at - CLAIM).exists():
        return None
    others.update(state=RunState.FAILED, finished_at=at, error="nobody has heard of it since its heartbeat")
    return runs.start_run(job, period_start=period_start, at=at, claim=CLAIM, each_period=False)


def _collect(
    run: JobRun, site: Site, period_start: datetime, clock: Clock, adapter: MachineAdapter, chunk: int
) -> Collected:
    machines = {machine.target.key: machine for machine in _machines(site, period_start)}
    total = Collected(left=len(machines))
    if not machines:
        return total
    seconds = min(site.collection_interval_s * SHARE, MOST_S)
    targets = [machine.target for machine in machines.values()]
    answers = poll_aside(
        targets, adapter=adapter, seconds=seconds, clock=clock, limits=limits_of(site.collection_interval_s)
    )
    with closing(answers):
        for part in _chunks(answers, chunk):
            told = [(machines[result.target.key], (moment, result)) for moment, result in part]
            kept = _keep(run, site, told, clock())
            if kept is None:
                break
            total = Collected(
                total.asked + len(part), total.silent + kept.silent, total.faults + kept.faults,
                total.stored + kept.stored, total.left - len(part),
            )  # fmt: skip
    return total


def _chunks(answers: Iterable[Answer], size: int) -> Iterator[list[Answer]]:
    rest = iter(answers)
    while part := list(islice(rest, size)):
        yield part


def _machines(site: Site, period_start: datetime) -> Iterator[Asked]:
    """Those not read in this period, the ones not read for longest first."""
    rows = collected_miners().filter(
        Q(latest__isnull=True) | Q(latest__recorded_at__lt=period_start), site_id=site.pk
    ).order_by(F("latest__recorded_at").asc(nulls_first=True), "pk")  # fmt: skip
    return machines_to_ask(rows, at=period_start)


def _keep(run: JobRun, site: Site, part: list[tuple[Asked, Answer]], at: datetime) -> Kept | None:
    """Store one chunk; None, and nothing is stored, when another process has taken over."""
    with transaction.atomic():
        return keep_answers(site, part, at=at) if runs.beat(run, at=at) else None

"""Tasks of curtailment: thin, safe to run twice; each does what is due and leaves the rest to its next run."""

from dataclasses import asdict
from typing import Any

from celery import shared_task
from django.utils import timezone

from curtailment.domain.control import site as control
from curtailment.domain.control import timing
from curtailment.domain.dispatch import dispatches, openadr
from curtailment.domain.measurement import measuring
from curtailment.domain.rules import evaluating
from curtailment.domain.rules.keeping import kind_of
from curtailment.models import CurtailmentEvent, VtnConnection
from hashinsight.common.hold import may_act
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.periodic import run_periodic
from hashinsight.jobs.queue import enqueue_after_commit
from hosting.models import Site

QUEUE = "control"  # a worker of its own: an emergency does not wait until a poll is over


@shared_task(name="curtailment.control")
def control_sites() -> dict[str, Any] | None:
    """Every five seconds: fan out one tick per site whose machines are to be switched, and expire late plans."""
    return run_periodic("curtailment.control", _control)


def _control(run: JobRun) -> dict[str, Any]:
    now = timezone.now()
    expired = timing.expire_plans(now)
    timing.lapse(now)  # also where no plan runs any more
    due = control.sites_due(now)
    for site in due:
        enqueue_after_commit("curtailment.control_site", queue=QUEUE, site_id=site.pk)
    return {"sites": len(due), "expired": expired}


@shared_task(name="curtailment.rules")
def look_at_rules() -> dict[str, Any] | None:
    """Every minute: each strike and peak rule looks at its data."""
    return run_periodic("curtailment.rules", _rules)


def _rules(run: JobRun) -> dict[str, Any]:
    count = 0
    for rule in evaluating.active_rules():  # one task each: what is wrong with one does not keep the others
        enqueue_after_commit("curtailment.rule", queue=QUEUE, kind=kind_of(rule).value, rule_id=rule.pk)
        count += 1
    return {"rules": count}


@shared_task(name="curtailment.rule")
def look_at_rule(*, kind: str, rule_id: int) -> bool | None:
    """One look of one rule; None when it is gone."""
    rule = evaluating.find_rule(kind, rule_id)
    return None if rule is None else evaluating.evaluate(rule, at=timezone.now())


@shared_task(name="curtailment.control_site")
def control_site(*, site_id: int) -> dict[str, Any] | None:
    """One tick of one site; None when there is nothing to do or another process is at it."""
    ticked = control.control_site(Site.objects.get(pk=site_id), clock=timezone.now)
    return None if ticked is None else asdict(ticked)


@shared_task(name="curtailment.follow_dispatches")
def follow_dispatches() -> dict[str, Any] | None:
    """Begin and end dispatches by the clock, and let their plans catch up."""
    return run_periodic("curtailment.follow_dispatches", _follow)


def _follow(run: JobRun) -> dict[str, Any]:
    now = timezone.now()
    held = openadr.hold_what_is_stale(now)
    return {**dispatches.follow(now), "held": held}


@shared_task(name="curtailment.poll_vtns")
def poll_vtns() -> dict[str, Any] | None:
    """Every ten seconds: fan out one poll per OpenADR server whose turn it is."""
    return run_periodic("curtailment.poll_vtns", _poll)


def _poll(run: JobRun) -> dict[str, Any]:
    due = openadr.due(timezone.now())
    for row in due:
        enqueue_after_commit("curtailment.poll_vtn", connection_id=row.pk)
    return {"servers": len(due)}


@shared_task(name="curtailment.poll_vtn")
def poll_vtn(*, connection_id: int) -> dict[str, Any] | None:
    """Ask one server once; None when another process is at it, or nothing may leave the house."""
    if not may_act():
        return None
    polled = openadr.poll(VtnConnection.objects.get(pk=connection_id), clock=timezone.now)
    return None if polled is None else asdict(polled)


@shared_task(name="curtailment.measure")
def measure_events() -> dict[str, Any] | None:
    """Reckon events that are over; again when later readings may have come."""
    return run_periodic("curtailment.measure", _measure)


def _measure(run: JobRun) -> dict[str, Any]:
    due = measuring.due(timezone.now())
    for event in due:
        enqueue_after_commit("curtailment.measure_event", event_id=event.pk)
    return {"events": len(due)}


@shared_task(name="curtailment.measure_event")
def measure_event(*, event_id: int) -> dict[str, Any]:
    """One event; of two at once only the first reckons."""
    event = measuring.measure_if_due(CurtailmentEvent.objects.get(pk=event_id), at=timezone.now())
    return {"revision": event.revision, "machines": event.machines}

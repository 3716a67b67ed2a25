"""What somebody has to know about curtailment: findings for the alert rules."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import ceil

from django.utils.translation import gettext as _

from crm.domain.queries import local_date
from curtailment.domain.alarms import emergency_found, restore_found
from curtailment.domain.control.handover import SLACK, Stuck, late_at, stuck_machines, told_of, way_out
from curtailment.domain.control.leases import late_after
from curtailment.domain.draws import load_kw
from curtailment.domain.measurement.metered import compare
from curtailment.domain.seconding import waiting_for_second, waits_text
from curtailment.domain.settings import control_of, ramps_of
from curtailment.enums import RUNNING, UNFINISHED, EventStatus, Goal, PlanKind, PlanStatus
from curtailment.models import CurtailmentEvent, CurtailmentPlan, KillSwitch, SiteRestore
from hashinsight.events.models import OutboxEvent
from hashinsight.notify.registry import Finding
from hosting.enums import EdgeStatus
from hosting.models import EdgeLease

FRESH = timedelta(minutes=30)


def late_machines(at: datetime) -> Iterator[Finding]:
    """Machines that should be back: the plan is over, the ramp was long enough, and they are not."""
    stuck: dict[int, list[Stuck]] = {}  # a schedule leaves dozens of plans at one site
    for plan in CurtailmentPlan.objects.filter(status=PlanStatus.RECOVERING).select_related("site"):
        late = late_at(plan)
        if late is None or plan.status_since is None or at < late:
            continue
        if plan.site_id not in stuck:
            stuck[plan.site_id] = stuck_machines(plan.site, at=at)
        left = [one for one in stuck[plan.site_id] if one.plan == plan]
        ended = _("The plan ended at %(since)s UTC; the control goes on trying.") % {
            "since": f"{plan.status_since:%Y-%m-%d %H:%M}"
        }
        yield Finding(
            key=str(plan.public_id),
            title=_("%(plan)s: %(count)s machines are not back") % {"plan": plan, "count": len(left)},
            text=" ".join((ended, told_of(left), way_out(plan.site))) if left else ended,
        )


def short_plans(at: datetime) -> Iterator[Finding]:
    """Plans that do not reach what was approved, and those that one person's word takes no further."""
    waiting: dict[int, frozenset[int]] = {}  # by site
    for plan in CurtailmentPlan.objects.filter(status__in=RUNNING).select_related("site"):
        step = control_of(plan.site).step
        ramp = timedelta(minutes=ceil(float(plan.target_kw or 0) * 1000 / ramps_of(plan.site).down_w))
        if at < max(plan.starts_at, plan.status_since or plan.starts_at) + ramp + 2 * step + SLACK / 2:
            continue
        if plan.site_id not in waiting:
            waiting[plan.site_id] = waiting_for_second(plan.site, at=at)
        waits = plan.pk in waiting[plan.site_id]
        if plan.status != PlanStatus.EXECUTING and not waits:
            continue
        figures = _("%(off)s kW are seen to be off, %(target)s kW were approved.") % {
            "off": f"{plan.measured_kw:.0f}", "target": f"{plan.target_kw or 0:.0f}",
        }  # fmt: skip
        yield Finding(
            key=str(plan.public_id),
            title=_("%(plan)s is short of its target") % {"plan": plan},
            text=" ".join((figures, waits_text())) if waits else figures,
        )


def emergencies(at: datetime) -> Iterator[Finding]:
    """Somebody has switched off alone, and it is not over."""
    rows = CurtailmentPlan.objects.filter(is_emergency=True, status__in=UNFINISHED).order_by("pk")
    for plan in rows.select_related("site", "created_by"):
        yield emergency_found(plan)


def restores(at: datetime) -> Iterator[Finding]:
    """Somebody has ended all plans of a site alone, and nobody else has looked at it yet."""
    rows = SiteRestore.objects.filter(reviewed_at=None).order_by("pk")
    for restore in rows.select_related("site", "restored_by"):
        yield restore_found(restore)


def waiting_plans(at: datetime) -> Iterator[Finding]:
    """Plans of rules that no standing approval covers: nothing happens before somebody approves them.

    A site that is seen to draw no more than it may has nothing to approve; it is told of when it draws more.
    """
    rows = CurtailmentPlan.objects.filter(status=PlanStatus.PENDING, kind=PlanKind.AUTOMATIC).select_related("site")
    for plan in rows:
        if _is_met(plan, at):
            continue
        yield Finding(
            key=str(plan.public_id),
            title=_("%(plan)s waits for approval") % {"plan": plan},
            text=_("%(reason)s It begins at %(start)s UTC.")
            % {"reason": plan.reason, "start": f"{plan.starts_at:%Y-%m-%d %H:%M}"},
        )


def _is_met(plan: CurtailmentPlan, at: datetime) -> bool:
    """Whether a site is below what it is to be reduced to. One where nothing is seen to run may be unseen."""
    load = load_kw(plan.site, at=at) if plan.goal == Goal.REDUCE_TO else None
    return load is not None and 0 < load <= plan.goal_kw


def reviews_due(at: datetime) -> Iterator[Finding]:
    """What was done alone and nobody else has looked at by the day after, which begins by the clock of each site."""
    soon = at.date() + timedelta(days=1)  # no clock is further ahead of UTC
    for model in (CurtailmentPlan, SiteRestore):
        rows = model.objects.filter(review_due_on__lte=soon, reviewed_at=None).select_related("site").order_by("pk")
        for row in rows:
            if row.review_due_on is None or row.review_due_on > local_date(at, row.site.time_zone):
                continue
            yield Finding(
                key=str(row.public_id),
                title=_("%(plan)s is to be reviewed") % {"plan": row},
                text=_("One person acted alone: %(reason)s") % {"reason": row.reason},
            )


def open_plans(at: datetime) -> Iterator[Finding]:
    """Plans without an end, a day old and older: each day is a finding of its own."""
    rows = CurtailmentPlan.objects.filter(is_open_ended=True, status__in=RUNNING).select_related("site")
    for plan in rows:
        days = (at - plan.starts_at).days
        if days >= 1:
            yield Finding(
                key=f"{plan.public_id}:{days}",
                title=_("%(plan)s has run for %(days)s days") % {"plan": plan, "days": days},
                text=_("It has no end: its machines stay off until somebody ends it."),
            )


def switches_set(at: datetime) -> Iterator[Finding]:
    """The kill switch is set."""
    for row in KillSwitch.objects.filter(released_at=None).select_related("site", "set_by"):
        yield Finding(
            key=str(row.public_id),
            title=_("The kill switch is set: %(where)s") % {"where": row},
            text=_("%(who)s: %(reason)s") % {"who": row.set_by, "reason": row.reason},
        )


def broken_invariants(at: datetime) -> Iterator[Finding]:
    """The control wanted something that must never be; nothing was sent."""
    rows = OutboxEvent.objects.filter(kind="curtailment.invariant_broken", created_at__gte=at - FRESH)
    for event in rows.order_by("-created_at")[:1]:
        yield Finding(
            key=str(event.payload["site_id"]),
            title=_("The control of a site has stopped"),
            text="; ".join(event.payload["what"][:5]),
        )


def _silent(lease: EdgeLease, at: datetime) -> str:
    """Since when, which machines it leaves off, and what somebody can do."""
    text = _("Last fetched at %(when)s UTC. It brings its machines to their safe state by itself.") % {
        "when": f"{lease.asked_at:%Y-%m-%d %H:%M}" if lease.asked_at else "-"
    }
    left = [one for one in stuck_machines(lease.device.site, at=at) if one.device == lease.device]
    return " ".join((text, told_of(left), way_out(lease.device.site))) if left else text


def late_leases(at: datetime) -> Iterator[Finding]:
    """Edge devices with machines of running plans that do not fetch their lease, or have stopped themselves."""
    running = CurtailmentPlan.objects.filter(status__in=(*RUNNING, PlanStatus.RECOVERING))
    rows = EdgeLease.objects.filter(
        machines__gt=0, device__status=EdgeStatus.ACTIVE, device__site__in=running.values("site")
    )
    for lease in rows.select_related("device__site").defer("seen", "roster", "content"):
        patience = late_after(control_of(lease.device.site))
        if lease.asked_at is None or lease.asked_at < at - patience:
            yield Finding(
                key=str(lease.device.public_id),
                title=_("%(device)s does not fetch its lease") % {"device": lease.device},
                text=_silent(lease, at),
            )
        elif lease.trouble:
            yield Finding(
                key=str(lease.device.public_id),
                title=_("%(device)s switches nothing") % {"device": lease.device},
                text=lease.trouble,
            )


def meters_differ(at: datetime) -> Iterator[Finding]:
    """Events that run, of which the meter of the site says something else than the machines."""
    for event in CurtailmentEvent.objects.filter(status=EventStatus.RUNNING).select_related("site").order_by("pk"):
        found = compare(event.site, at=at)
        if found is None or found.agrees:
            continue
        told = {"machines": f"{found.machines_kw:.0f}", "meter": f"{found.meter_kw:.0f}"}
        yield Finding(
            key=str(event.public_id),
            title=_("%(event)s: machines and meter do not agree") % {"event": event},
            text=_("The machines say %(machines)s kW less, the meter says %(meter)s.") % told,
        )

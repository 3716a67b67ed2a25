"""One tick of a site in the real world: read, decide, keep, send, note. Whatever decides is in the engine.

A tick runs under the lock of its site. What it decides is committed with the lock's fencing token before anything is
sent, so a control that was overtaken changes and sends nothing. Killed at any point, the next tick begins with reading
the machines again.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from time import monotonic

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from curtailment.domain.behind import of_one_person
from curtailment.domain.control import books, leases
from curtailment.domain.control.answers import note, outcome_of
from curtailment.domain.control.books import Machines
from curtailment.domain.control.pace import await_step, begins, keep_reading
from curtailment.domain.control.results import note_results
from curtailment.domain.control.returned import with_returned
from curtailment.domain.control.timing import lapse, move_by_time
from curtailment.domain.measurement.events import close_event, running_event, share_out
from curtailment.domain.measurement.metered import metered_now
from curtailment.domain.planning import site_sizes
from curtailment.domain.settings import control_of, ramps_of, two_person_percent
from curtailment.engine.control import tick
from curtailment.engine.invariants import broken
from curtailment.engine.leased import corrected
from curtailment.engine.values import Action, Decision, PlanNow, Rules, Seen, State
from curtailment.enums import RUNNING, OrderOutcome, PlanStatus
from curtailment.models import (
    ControlledMachine,
    ControlSample,
    CurtailmentPlan,
    CurtailmentPlanMiner,
    KillSwitch,
    MachineOrder,
    SiteControl,
)
from hashinsight.common.hold import may_act
from hashinsight.events.domain import publish
from hashinsight.jobs.domain.locks import fence, give_back_lock, prolong_lock, take_lock
from hosting.clients.adapter import MachineAdapter
from hosting.clients.aside import Heard, poll_aside
from hosting.clients.commanding import Command, Commanded, Verb, command_all
from hosting.clients.machines import Machines as MachinesAdapter
from hosting.domain import fleet
from hosting.domain.asking import Asked, keep_answers, limits_of, machines_to_ask
from hosting.enums import MinerIntent
from hosting.models import Miner, Site

logger = logging.getLogger(__name__)
Clock = Callable[[], datetime]
LEAST_LOCK_S = 10.0
FENCE_S = 30.0
CHUNK = 2_000
GONE = timedelta(minutes=15)  # later a figure of power says nothing of the order any more
_VERBS = {Action.PAUSE: Verb.PAUSE, Action.RESUME: Verb.RESUME, Action.LIMIT: Verb.LIMIT, Action.LIFT: Verb.LIMIT}


class InvariantBroken(RuntimeError):
    """The engine wanted something that must never be: nothing was sent."""


@dataclass(frozen=True)
class Ticked:
    """What a tick came to: machines read and not heard, orders kept, sent and accepted, machines given back."""

    machines: int = 0
    silent: int = 0
    orders: int = 0
    sent: int = 0
    accepted: int = 0
    given_back: int = 0
    frozen: bool = False


def lock_key(site: Site) -> str:
    """One control at a time for each site."""
    return f"curtailment:{site.pk}"


def lock_seconds(control: SiteControl) -> float:
    """After a death the next control waits no longer than a step; while it reads, the living one prolongs it."""
    return max(LEAST_LOCK_S, float(control.step_s))


def sites_due(at: datetime) -> list[Site]:
    """Sites where a plan runs, begins or ends, or a machine waits to be given back, and whose next step begins."""
    soon = Q(status=PlanStatus.APPROVED, starts_at__lte=at) | Q(status__in=(*RUNNING, PlanStatus.RECOVERING))
    plans = CurtailmentPlan.objects.filter(soon, site_id=OuterRef("pk"))
    touched = ControlledMachine.objects.in_hand().filter(site_id=OuterRef("pk"))
    rows = Site.objects.filter(Exists(plans) | Exists(touched)).order_by("pk")
    controls = {row.site_id: row for row in SiteControl.objects.filter(site__in=rows)}
    return [site for site in rows if site.pk not in controls or begins(controls[site.pk], at)]


def is_frozen(site: Site) -> bool:
    """The kill switch, a restored database nobody has released, or an installation that switches nothing."""
    if not settings.CURTAILMENT_CONTROL or not may_act():
        return True
    return set_switches(site).exists()


def set_switches(site: Site) -> QuerySet[KillSwitch]:
    """Kill switches that hold the site, its own or that of everywhere."""
    return KillSwitch.objects.filter(Q(site=site) | Q(site=None), released_at=None)


def control_site(
    site: Site, *, clock: Clock, adapter: MachineAdapter | None = None, at_once: bool = False
) -> Ticked | None:
    """One tick of a site; None when another process is at it or it is too early. ``at_once``: whenever it is."""
    token = take_lock(lock_key(site), seconds=lock_seconds(control_of(site)))
    if token is None:
        return None
    try:
        control = SiteControl.objects.get(site=site)
        if not at_once and not begins(control, clock()):
            return None
        return _tick(site, control, token, clock, adapter or MachinesAdapter(), at_once)
    finally:
        give_back_lock(lock_key(site), token=token)


def _tick(
    site: Site, control: SiteControl, token: int, clock: Clock, adapter: MachineAdapter, at_once: bool
) -> Ticked | None:
    began = clock()
    running = _plans_by_time(site, control, token, began)
    machines = books.machines_of(site, running)
    edge = leases.behind(site, machines)
    heard = _read(site, control, edge.direct(machines.ids), machines.limits, token, clock, adapter)
    if not at_once and not _in_step(site, control, token, began, clock):
        return None
    now = clock()
    # Reading takes most of a step at a large site: what people decided in the meantime holds.
    still = _still_running(running)
    running = [plan for plan in running if plan.pk in still]
    machines = books.locked_now(site, machines)
    edge = leases.behind(site, machines)
    through, had = leases.heard_through(edge, at=now)
    heard |= through
    seen, watts = books.seen_by(machines, heard, control)
    kept = books.state_of(site, machines, control)
    before = corrected(kept, books.watts_of(machines, had))
    plans, stood = _plans_now(running, machines, now)
    rules = leases.within(_rules(site, control), edge, site, control, machines, before, at=now)
    plans = with_returned(plans, running, stood, machines, seen, before, since=now.timestamp() - rules.fresh_s)
    frozen = is_frozen(site)
    decision = tick(now.timestamp(), seen, plans, before, rules, frozen=frozen)
    wrong = broken(decision, now.timestamp(), seen, plans, before, rules, frozen=frozen)
    if wrong:
        _tell_broken(site, wrong)
        raise InvariantBroken("; ".join(wrong[:5]))
    orders = _keep(site, control, token, now, machines, seen, watts, kept, before, decision, edge, rules)
    results = _send(site, [one for one in orders if one.device_id is None], heard, machines, clock, adapter)
    note(site, results)
    outcomes = Counter(str(outcome_of(one)) for one in results)
    return Ticked(
        machines=len(machines.ids), silent=len(machines.ids) - len(heard), orders=len(orders),
        sent=sum(one.sent_at is not None for one in results), accepted=outcomes[OrderOutcome.ACCEPTED],
        given_back=len(decision.given_back), frozen=frozen,
    )  # fmt: skip


# --- before -------------------------------------------------------------------------------------------------------
def _plans_by_time(site: Site, control: SiteControl, token: int, at: datetime) -> list[CurtailmentPlan]:
    """Those that run, after whatever begins or ends at this moment has."""
    with transaction.atomic():
        fence(lock_key(site), token=token, seconds=FENCE_S)
        move_by_time(site, at)
        lapse(at, site=site)
        leases.close_answered(site, control)
    rows = CurtailmentPlan.objects.filter(site=site, status__in=RUNNING).select_related("standing_approval")
    return list(rows.order_by("priority", "pk"))


def _read(
    site: Site, control: SiteControl, ids: Sequence[int], limits: Collection[int], token: int, clock: Clock,
    adapter: MachineAdapter,
) -> dict[int, Heard]:  # fmt: skip
    """The control's own reading of each machine, kept like any other."""
    asked = {one.target.key: one for one in machines_to_ask(Miner.objects.filter(pk__in=ids), at=clock())}
    heard: dict[int, Heard] = {}
    part: list[tuple[Asked, Heard]] = []
    patience = max(10.0, control.step_s * 0.9)
    targets = [replace(one.target, asks_limit=one.pk in limits) for one in asked.values()]
    prolonged = monotonic()
    times = limits_of(control.step_s)
    for answer in poll_aside(targets, adapter=adapter, seconds=patience, clock=clock, limits=times):
        machine = asked[answer[1].target.key]
        heard[machine.pk] = answer
        part.append((machine, answer))
        if monotonic() - prolonged > lock_seconds(control) / 4:
            prolong_lock(lock_key(site), token=token, seconds=lock_seconds(control))
            prolonged = monotonic()
        if len(part) >= CHUNK:
            _keep_readings(site, part, clock)
            part = []
    if part:
        _keep_readings(site, part, clock)
    prolong_lock(lock_key(site), token=token, seconds=lock_seconds(control))
    return heard


def _in_step(site: Site, control: SiteControl, token: int, began: datetime, clock: Clock) -> bool:
    """Whether it is time to decide, after a wait where that is short; how long reading took is kept if it is us."""
    with transaction.atomic():
        fence(lock_key(site), token=token, seconds=FENCE_S)
        keep_reading(control, clock() - began)
    return await_step(control, clock())


def _still_running(plans: Sequence[CurtailmentPlan]) -> set[int]:
    rows = CurtailmentPlan.objects.filter(pk__in=[plan.pk for plan in plans], status__in=RUNNING)
    return set(rows.values_list("pk", flat=True))


def _keep_readings(site: Site, part: Sequence[tuple[Asked, Heard]], clock: Clock) -> None:
    with transaction.atomic():
        keep_answers(site, part, at=clock())


def _plans_now(
    running: Collection[CurtailmentPlan], machines: Machines, at: datetime
) -> tuple[list[PlanNow], dict[int, set[int]]]:
    """What each plan still wants: a machine whose time in it is over comes back, and nobody takes its place.

    Also which machines of each stood still when it was approved: they stand first, for one that runs again is switched
    off itself.
    """
    rows = CurtailmentPlanMiner.objects.filter(plan__in=[plan.pk for plan in running])
    rows = rows.filter(Q(wanted_until=None) | Q(wanted_until__gt=at))
    orders: dict[int, dict[int, int | None]] = {}
    stood: dict[int, set[int]] = {}
    rows = rows.order_by("plan_id", "-stood", "shutdown_order")
    for plan_id, miner_id, limit, was_still in rows.values_list("plan_id", "miner_id", "limit_w", "stood"):
        orders.setdefault(plan_id, {})[miner_id] = limit
        if was_still:
            stood.setdefault(plan_id, set()).add(miner_id)
    alone = of_one_person(running)
    plans = [books.plan_now(plan, machines, orders.get(plan.pk, {})) for plan in running]
    return [replace(plan, shared=plan.shared or plan.key not in alone) for plan in plans], stood


def _rules(site: Site, control: SiteControl) -> Rules:
    ramps = ramps_of(site, control)
    site_w, _fleet_w = site_sizes(site)
    single_w = int(site_w * two_person_percent() / 100)
    return books.rules_of(control, down_w=ramps.down_w, up_w=ramps.up_w, zone_up_w=ramps.zone_up_w, single_w=single_w)


def _tell_broken(site: Site, wrong: Sequence[str]) -> None:
    logger.critical("control of %s: %s", site, "; ".join(wrong[:20]))
    with transaction.atomic():
        publish(
            "curtailment.invariant_broken",
            aggregate_type="site",
            aggregate_id=site.public_id,
            payload={"site_id": str(site.public_id), "what": list(wrong[:20])},
        )


# --- the commit ---------------------------------------------------------------------------------------------------
@transaction.atomic
def _keep(
    site: Site, control: SiteControl, token: int, now: datetime, machines: Machines, seen: Seen,
    watts: Sequence[int | None], kept: State, before: State, decision: Decision, edge: leases.Edge, rules: Rules,
) -> list[MachineOrder]:  # fmt: skip
    """Orders, leases and state, or nothing of all when somebody has overtaken us."""
    fence(lock_key(site), token=token, seconds=FENCE_S)
    number = control.tick_number + 1
    after = decision.state
    orders = MachineOrder.objects.bulk_create(
        [
            MachineOrder(
                plan_id=one.plan if one.plan >= 0 else None, site=site, miner_id=machines.ids[one.machine],
                action=one.action.value, device_id=edge.device_of.get(machines.ids[one.machine]), not_before=now,
                expires_at=now + timedelta(seconds=one.expires_at - one.not_before),
                fencing_token=token, tick_number=number, draw_w=one.draw_w, limit_w=one.limit_w or None,
                before_w=watts[one.machine], created_at=now,
            )
            for one in decision.orders
        ],
        batch_size=CHUNK,
    )  # fmt: skip
    books.keep_state(site, machines, kept, after)
    leases.write(edge, site, control, machines, before, after, orders, rules, is_frozen=is_frozen, at=now)
    SiteControl.objects.filter(pk=control.pk).update(
        ticked_at=now, tick_number=number, spent=books.spent_json(after),
        seen_kw=Decimal(sum(one for one in watts if one is not None)) / 1000,
    )  # fmt: skip
    _sample(site, now, machines, seen, watts, decision)
    _measure_after(site, number, now, machines, watts)
    _say_intents(machines, decision, now)
    note_results(site, machines, seen, decision, now=now, corrected=kept.before != before.before)
    if (event := running_event(site)) is not None:
        share_out(event, at=now)
        close_event(event, at=now)
    return orders


def _sample(
    site: Site, now: datetime, machines: Machines, seen: Seen, watts: Sequence[int | None], decision: Decision
) -> None:
    after = decision.state
    off_w = machines.draw_w[after.touched & seen.off].sum()
    off_w += books.held_w(machines, after)[books.lowered(after, seen)].sum()
    ControlSample.objects.create(
        site=site, at=now, machines=len(machines.ids), silent=sum(one is None for one in watts),
        target_kw=Decimal(max((one.wanted_w for one in decision.progress), default=0)) / 1000,
        intended_kw=Decimal(int(books.held_w(machines, after).sum())) / 1000, off_kw=Decimal(int(off_w)) / 1000,
        drawn_kw=Decimal(sum(one for one in watts if one is not None)) / 1000, metered_kw=metered_now(site, at=now),
        alone=sorted(set(decision.held_by_single)),
    )  # fmt: skip


_AFTER = """
    UPDATE curtailment_machineorder told SET after_w = said.watts
    FROM unnest(%s::bigint[], %s::int[]) AS said (miner_id, watts)
    WHERE told.miner_id = said.miner_id AND told.site_id = %s AND told.after_w IS NULL AND told.answered_at IS NOT NULL
      AND told.tick_number < %s AND told.created_at > %s
"""


def _measure_after(site: Site, number: int, now: datetime, machines: Machines, watts: Sequence[int | None]) -> None:
    """What the machines of earlier orders draw now."""
    known = [(pk, watts[place]) for place, pk in enumerate(machines.ids) if watts[place] is not None]
    if known:
        with connection.cursor() as cursor:
            ids, drawn = map(list, zip(*known, strict=True))
            cursor.execute(_AFTER, [ids, drawn, site.pk, number, now - GONE])


def _say_intents(machines: Machines, decision: Decision, now: datetime) -> None:
    """What we want of a machine stands at the machine, for everybody who looks at it."""
    pause = {machines.ids[one.machine] for one in decision.orders if one.action is Action.PAUSE}
    wake = {machines.ids[one.machine] for one in decision.orders if one.action is Action.RESUME}
    wake |= {machines.ids[place] for place, _end in decision.given_back}
    wake |= {machines.ids[place] for place in decision.half_back}
    for ids, before, to in (
        (pause, MinerIntent.ACTIVE, MinerIntent.CURTAILED), (wake - pause, MinerIntent.CURTAILED, MinerIntent.ACTIVE),
    ):  # fmt: skip
        rows = list(Miner.objects.filter(pk__in=ids, intent=before))
        if rows:
            fleet.set_intent(rows, to=to, by=None, at=now, reason="curtailment")


# --- after ---------------------------------------------------------------------------------------------------------
def _send(
    site: Site, orders: Sequence[MachineOrder], heard: Mapping[int, Heard], machines: Machines, clock: Clock,
    adapter: MachineAdapter,
) -> list[Commanded]:  # fmt: skip
    if not orders or is_frozen(site):  # set while we were deciding: the orders lapse
        return [Commanded(order.pk, None, clock(), None) for order in orders]
    rows = Miner.objects.filter(pk__in=[order.miner_id for order in orders], site=site, intent__in=books.OURS)
    targets = {one.pk: one.target for one in machines_to_ask(rows, at=clock())}
    commands = [
        Command(
            order.pk, targets[order.miner_id], _VERBS[Action(order.action)], order.expires_at, order.limit_w or 0
        )
        for order in orders
        if order.miner_id in targets
    ]  # fmt: skip
    gone = [order.pk for order in orders if order.miner_id not in targets]  # locked out while we were deciding
    return [*command_all(commands, adapter=adapter, clock=clock), *(Commanded(pk, None, clock(), None) for pk in gone)]

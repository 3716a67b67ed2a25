"""The machines of a site as the optimiser takes them: classes of those that are alike, and who among them stays on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.translation import gettext as _

from curtailment.domain.draws import DRAW_COLUMNS, draw_of, meant_to_run
from curtailment.domain.planning import Wish, candidates_of
from curtailment.domain.settings import control_of
from curtailment.domain.switchable import who_takes_limits
from curtailment.enums import RUNNING, UNFINISHED, Goal, Selection
from curtailment.models import CurtailmentPlan, CurtailmentPlanMiner, SiteControl
from hosting.domain.charging import assign, terms_in_force
from hosting.enums import MinerIntent, StalePolicy
from hosting.models import HostingTerms, Miner, MinerModel, Site, Zone
from intelligence.engine.optimiser import MachineClass, Mode, SafeState
from intelligence.models import PowerMode, ScheduleSettings

MOST_CLASSES = 300
STEP_OF_NOW = timedelta(hours=1)  # a day that begins later begins as plans say, not as machines are now
_COLUMNS = ("pk", "model_id", "zone_id", "customer_id", "intent", *DRAW_COLUMNS)


@dataclass(frozen=True, slots=True)
class Machine:
    """One of them: what it draws and hashes when it runs, and whether we may and can switch it."""

    pk: int
    model: int | None
    limit_w: int | None
    zone: int | None
    customer: int | None
    draw_w: int
    ths: float
    is_free: bool
    is_on: bool
    off_since: datetime | None
    terms: HostingTerms | None = None
    held: int = 0  # so many steps of the day begin before its owner's notice is over
    takes_limits: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Machines of a class, those that may be switched first; ``one`` is how the optimiser knows them.

    ``modes_w``: power of each mode below the full one, of the machine itself.
    """

    one: MachineClass
    machines: tuple[Machine, ...]
    model: int | None
    zone: int | None
    terms: int | None
    modes_w: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Steps:
    """Of the day that is planned."""

    begin: datetime
    end: datetime
    minutes: int


def groups_of(
    site: Site, planning: ScheduleSettings, steps: Steps, *, limited: Iterable[int], at: datetime
) -> list[Group]:
    """Classes by model, zone, the notice that is still due, and what terms say for missing prices.

    Of very many, zones that are not ``limited``, whose breaker cannot bind, are put together; of still too many, who is
    owed notice that day runs all day. Notice that is over by the first step, and an owner's share of what is earned,
    which is money and keeps no machine on, make no classes.
    """
    machines = machines_of(site, steps, at=at)
    kept = set(limited)
    for by_zone, by_notice in ((True, True), (False, True), (False, False)):
        found: dict[Any, list[Machine]] = {}
        for one in machines if by_notice else _all_day(machines):
            zone = one.zone if by_zone or one.zone in kept else None
            alike = (
                one.model or 0, one.limit_w or 0, zone or 0, one.is_on, planning.uses_modes and one.takes_limits,
                _hours(one, steps), one.held, *_safe(one, planning),
            )  # fmt: skip
            found.setdefault(alike, []).append(one)
        if len(found) <= MOST_CLASSES:
            break
    names, control = _names(found), control_of(site)
    modes = list(PowerMode.objects.order_by("-power_w", "pk")) if planning.uses_modes else []
    return [
        _group(
            names[key], control, planning, steps, modes, sorted(some, key=lambda one: (not one.is_free, one.pk)), kept
        )
        for key, some in sorted(found.items())
    ]


def _group(
    name: str,
    control: SiteControl,
    planning: ScheduleSettings,
    steps: Steps,
    modes: Sequence[PowerMode],
    machines: Sequence[Machine],
    limited: set[int],
) -> Group:
    first = machines[0]
    draw = sum(one.draw_w for one in machines) / len(machines)
    ths = sum(one.ths for one in machines) / len(machines)
    state, minutes = _safe(first, planning)
    pue = float(control.site.pue)
    zones = {one.zone for one in machines}
    terms = {one.terms.pk if one.terms else None for one in machines}
    lower = _lower(first, modes, round(draw))
    return Group(
        one=MachineClass(
            name=name, count=len(machines),
            modes=(
                Mode("off", 0, 0.0), Mode("full", round(draw * pue), round(ths, 4)),
                *(Mode(mode.name, round(mode.power_w * pue), float(mode.hashrate_ths)) for mode in lower),
            ),
            protected=sum(not one.is_free for one in machines),
            zone=str(first.zone) if first.zone in limited else "", start_mode=int(first.is_on),
            **({} if first.is_on else {"steps_in_state": _hours(first, steps)}),
            min_on=max(1, ceil(control.min_on_minutes / steps.minutes)),
            min_off=max(1, ceil(control.min_off_minutes / steps.minutes)), start_cost=float(planning.start_cost),
            held=tuple(range(first.held)), safe_state=SafeState(state), safe_steps=ceil(minutes / steps.minutes),
        ),
        machines=tuple(machines), model=first.model, zone=first.zone if len(zones) == 1 else None,
        terms=terms.pop() if len(terms) == 1 else None, modes_w=tuple(mode.power_w for mode in lower),
    )  # fmt: skip


def _all_day(machines: Iterable[Machine]) -> list[Machine]:
    """Whoever is owed notice is left alone."""
    return [replace(one, is_free=False, held=0) if one.held else one for one in machines]


def _lower(one: Machine, modes: Sequence[PowerMode], draw_w: int) -> list[PowerMode]:
    """Modes of its model below what it draws.

    A machine whose power somebody has set stays as it is set, and one that takes no limit from us runs in full.
    """
    if one.limit_w or not one.takes_limits:
        return []
    return [mode for mode in modes if mode.miner_model_id == one.model and mode.power_w < draw_w]


def _hours(one: Machine, steps: Steps) -> int:
    """Steps since it is off, when the day begins; 0 for one that runs."""
    if one.is_on:
        return 0
    since = one.off_since or steps.begin - timedelta(days=1)
    return max(1, int((steps.begin - since) / timedelta(minutes=steps.minutes)))


def _safe(one: Machine, planning: ScheduleSettings) -> tuple[str, int]:
    """What it does when a price is missing and for how long, as its contract says; our own as the settings say."""
    said: Any = one.terms or planning
    return str(said.on_stale), int(said.on_stale_max_minutes)


def _names(found: Mapping[Any, Sequence[Machine]]) -> dict[Any, str]:
    """A name for each class: the model, and what else is needed to tell them apart."""
    models = MinerModel.objects.in_bulk({some[0].model for some in found.values() if some[0].model})
    zones = Zone.objects.in_bulk({one.zone for some in found.values() for one in some[:1] if one.zone})
    parts = {}
    for key, some in found.items():
        one, state = some[0], key[-2]
        due = _("after %(count)s steps of notice") % {"count": one.held} if one.held else ""
        parts[key] = [
            str(models[one.model]) if one.model else _("model not known"),
            zones[one.zone].name if one.zone in zones else "", f"{one.limit_w} W" if one.limit_w else "",
            "" if one.is_on else _("off at first"), due,
            _("without prices: %(what)s") % {"what": StalePolicy(state).label},
            "" if one.takes_limits else _("takes no limits"),
        ]  # fmt: skip
    for many in range(1, 8):
        names = {key: ", ".join(part for part in words[:many] if part) for key, words in parts.items()}
        if len(set(names.values())) == len(names):
            return names
    return {key: f"{name} ({place})" for place, (key, name) in enumerate(names.items(), start=1)}


def machines_of(site: Site, steps: Steps, *, at: datetime) -> list[Machine]:
    """All that run or would if we had not switched them off, by key.

    Who stands still or is silent earns nothing and is left out, as is what draws nobody knows how much.
    """
    wish = Wish(site, Goal.REDUCE_BY, Decimal(1), Selection.EFFICIENCY, steps.begin, steps.end, any_notice=True)
    free = {one.key: one for one in candidates_of(wish, at=at).candidates}
    off = _off_at(site, steps.begin, at=at)
    limitable = who_takes_limits(site, at=at)
    found = []
    for row in meant_to_run(site).order_by("pk").values(*_COLUMNS):
        pk, chosen, draw = row["pk"], free.get(row["pk"]), draw_of(row, at=at)
        draw_w, ths = (chosen.draw_w, chosen.hashrate_ths) if chosen else (draw.watts, draw.ths)
        if draw_w <= 0 or draw.stands:
            continue
        is_free = chosen is not None or row["intent"] == MinerIntent.CURTAILED
        found.append(
            Machine(
                pk, row["model_id"], row["power_limit_w"], row["zone_id"], row["customer_id"], draw_w, ths, is_free,
                is_on=not (is_free and pk in off), off_since=off.get(pk), takes_limits=pk in limitable,
            )
        )  # fmt: skip
    return _with_terms(site, found, steps, at)


def _with_terms(site: Site, machines: Sequence[Machine], steps: Steps, at: datetime) -> list[Machine]:
    day = steps.begin.astimezone(ZoneInfo(site.time_zone)).date()
    terms = terms_in_force(site, day)
    by_key = {one.pk: one for one in terms}
    whose = {one.pk: by_key[key] for key, some in assign(machines, terms).items() for one in some}
    return [replace(one, terms=whose.get(one.pk), held=_due(one, whose.get(one.pk), steps, at)) for one in machines]


def _due(one: Machine, terms: HostingTerms | None, steps: Steps, at: datetime) -> int:
    """Steps that begin before whoever hears of it now has had the notice that was agreed; who is off stays free."""
    if terms is None or not one.is_free or not one.is_on:
        return 0
    late = at + timedelta(minutes=terms.curtailment_notice_minutes) - steps.begin
    step = timedelta(minutes=steps.minutes)
    return max(0, min(-(-late // step), (steps.end - steps.begin) // step))


def _off_at(site: Site, begin: datetime, *, at: datetime) -> dict[int, datetime | None]:
    """Machines that are off when the day begins: those we hold off now, or that plans hold off then; and since when."""
    found: dict[int, datetime | None] = {}
    if begin - at <= STEP_OF_NOW:
        holds = Q(control__plan__ends_at__isnull=True) | Q(control__plan__ends_at__gte=begin)
        held = Miner.objects.filter(
            holds, site=site, intent=MinerIntent.CURTAILED, control__touched=True, control__plan__status__in=RUNNING
        )
        found |= dict(held.values_list("pk", "intent_since"))
    then = Q(starts_at__lt=begin) & (Q(ends_at__isnull=True) | Q(ends_at__gte=begin))
    for plan in CurtailmentPlan.objects.filter(then, site=site, status__in=UNFINISHED, target_kw__isnull=False):
        left_w = int((plan.target_kw or 0) * 1000)
        rows = CurtailmentPlanMiner.objects.filter(plan=plan, stood=False).order_by("shutdown_order")
        for miner, draw_w, limit_w in rows.values_list("miner_id", "draw_w", "limit_w"):
            if left_w <= 0:
                break
            left_w -= draw_w - (limit_w or 0)
            if limit_w is None:  # who is throttled runs
                found.setdefault(miner, plan.starts_at)
    return found

"""Before anything is switched: which machines a plan would take, how much that is, and what it costs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from curtailment.domain.beside import Beside, room_w
from curtailment.domain.draws import DRAW_COLUMNS, Draw, draw_of, meant_to_run, unlimited
from curtailment.domain.safe_states import Owned, Safe, safe_until
from curtailment.domain.settings import Ramps, ramps_of, startable_w, two_person_percent
from curtailment.domain.switchable import EdgeNow, unable, unthrottled
from curtailment.domain.worth import Worth, worth_at
from curtailment.engine.selection import Candidate, Chosen, Why, by_efficiency, by_margin, choose
from curtailment.enums import UNFINISHED, Goal, Selection
from curtailment.models import CurtailmentPlan
from hashinsight.common.errors import DomainError
from hosting.domain.charging import assign, terms_in_force
from hosting.enums import CurtailmentPart, MinerIntent
from hosting.models import HostingTerms, Miner, Site

THOUSAND = Decimal(1000)
WATT = Decimal("0.001")
_COLUMNS = (
    "pk", "customer_id", "zone_id", "model_id", "address", "curtailment", "model__efficiency_j_th", "contact__dialect",
    "latest__power_target_w", *DRAW_COLUMNS,
)  # fmt: skip


class PlanRefused(DomainError):
    """The plan cannot be made, approved or moved like this."""

    code = "plan_refused"


@dataclass(frozen=True)
class Wish:
    """What somebody wants: the figures of a plan before there is one."""

    site: Site
    goal: str
    goal_kw: Decimal
    selection: str
    starts_at: datetime
    ends_at: datetime | None
    is_emergency: bool = False
    only: tuple[int, ...] = ()
    safe: Safe | None = None
    any_notice: bool = False  # whoever plans looks after the notice of each contract himself
    keep_kw: Decimal = Decimal(0)  # load that stays on for programmes of more importance
    off_beside: Beside | None = None  # what other plans take at the same time
    alone: Beside | None = None  # and those of them that are the word of one person
    limits: Mapping[int, int] = field(default_factory=dict)  # machines that are throttled, and to how many watts

    @property
    def hours(self) -> Decimal:
        """How long; a plan without an end is reckoned for a day."""
        end = self.ends_at or self.starts_at + timedelta(days=1)
        return Decimal((end - self.starts_at).total_seconds()) / 3600


@dataclass(frozen=True)
class Group:
    """Machines of a plan that have something in common."""

    name: str
    machines: int
    kw: Decimal
    ths: Decimal


@dataclass(frozen=True)
class Preview:
    """A dry run. ``avoided`` is in the currency of the site; what nobody knows is None and named in ``worth``.

    ``alone_kw``: what plans of one person alone take beside it; its share is that of all of them.
    ``still``: machines that stand still or are silent now, and are wanted off as well should they run again.
    """

    wish: Wish
    chosen: Chosen
    target_kw: Decimal
    base_kw: Decimal
    off_kw: Decimal
    share_percent: Decimal
    needs_two: bool
    excluded: tuple[tuple[str, int], ...]
    by_model: tuple[Group, ...]
    by_customer: tuple[Group, ...]
    worth: Worth
    forgone_btc: Decimal | None
    forgone_usd: Decimal | None
    avoided: Decimal | None
    ramps: Ramps
    down_minutes: int
    up_minutes: int
    too_big: int
    still: tuple[Candidate, ...] = ()
    alone_kw: Decimal = Decimal(0)

    @property
    def reached(self) -> bool:
        """Whether there are enough machines."""
        return self.off_kw >= self.target_kw


def why_text(why: Why) -> str:
    """In words."""
    return {
        Why.NOT_RUNNING: _("do not run"), Why.PROTECTED: _("are protected"), Why.NOTICE: _("need more notice"),
        Why.NO_ADDRESS: _("have no address"), Why.EDGE: _("are read by an edge device that takes no leases"),
        Why.NO_CONTROL: _("cannot be paused by us"),
        Why.NO_LOGIN: _("need a password that we do not have"), Why.NO_DRAW: _("draw nobody knows how much"),
        Why.SAFE_STATE: _("run on while data are stale, by their terms"),
        Why.TOO_BIG: _("are bigger than a step of the ramp: we could not start them again"),
        Why.STILL: _("stand still, or give no answer"),
        Why.NO_LIMIT: _("take no limit of power from us"),
        Why.EDGE_LIMIT: _("are switched by an edge device that passes no limits of power on"),
        Why.LOW: _("draw no more than that now"),
    }[why]  # fmt: skip


def preview(wish: Wish, *, at: datetime) -> Preview:
    """What the plan would do. Raises PlanRefused for a goal that asks for nothing."""
    worth = worth_at(wish.site, at=at)
    found = candidates_of(wish, at=at)
    ordered = _ordered(wish, found.candidates, worth)
    target_w = _target_w(wish, found.base_w, ordered)
    chosen, still = choose(ordered, target_w=target_w), _ordered(wish, found.still, worth)
    takes_all = _takes_all(wish, target_w, ordered)
    if not takes_all and chosen.off_w < target_w:
        chosen = replace(chosen, order=(*chosen.order, *still))  # whoever runs again helps
    ramps = ramps_of(wish.site)
    off_kw = _kw(chosen.off_w)
    alone_w, startable = _alone_w(wish, chosen), startable_w(wish.site)
    share = _share_percent(wish.site, chosen.off_w + alone_w)
    ths = Decimal(str(sum(one.lost_ths for one in chosen.first)))
    kwh = off_kw * wish.hours
    return Preview(
        wish=wish, chosen=chosen, target_kw=_kw(target_w), base_kw=_kw(found.base_w), off_kw=off_kw,
        share_percent=share, needs_two=share > two_person_percent(),
        excluded=tuple((why_text(why), count) for why, count in sorted(found.excluded.items())),
        by_model=_by_model(chosen.first), by_customer=_by_customer(chosen.first), worth=worth,
        forgone_btc=_times(worth.btc_per_ths_hour, ths * wish.hours),
        forgone_usd=_times(worth.usd_per_ths_hour, ths * wish.hours), avoided=_times(worth.price_per_kwh, kwh),
        ramps=ramps, down_minutes=0 if wish.is_emergency else ceil(chosen.off_w / ramps.down_w),
        up_minutes=ceil(chosen.off_w / ramps.up_w),
        too_big=sum(one.draw_w > startable for one in chosen.order),
        still=tuple(still) if takes_all else (), alone_kw=_kw(alone_w),
    )  # fmt: skip


def _times(rate: Decimal | None, amount: Decimal) -> Decimal | None:
    return None if rate is None else rate * amount


def _kw(watts: int) -> Decimal:
    return (Decimal(watts) / THOUSAND).quantize(WATT)


def _takes_all(wish: Wish, target_w: int, ordered: Sequence[Candidate]) -> bool:
    """Whether a machine that runs again in its time is wanted off too.

    It would raise the load above what a site was to be reduced to; and a plan of certain machines that takes all of
    them wants that one as well.
    """
    if wish.goal == Goal.REDUCE_TO:
        return True
    return bool(wish.only) and not wish.keep_kw and target_w >= sum(one.gain_w for one in ordered)


def _target_w(wish: Wish, base_w: int, ordered: Sequence[Candidate]) -> int:
    goal_w = int(wish.goal_kw * THOUSAND)
    target_w = goal_w if wish.goal == Goal.REDUCE_BY else base_w - goal_w
    if wish.only and wish.goal == Goal.REDUCE_BY:  # its power was that of its machines: those that stand have no part
        target_w = min(target_w, sum(one.gain_w for one in ordered) or target_w)
    if target_w <= 0:
        raise PlanRefused(
            _("%(site)s draws %(kw)s kW now: there is nothing to reduce.") % {"site": wish.site, "kw": _kw(base_w)}
            if wish.goal == Goal.REDUCE_TO
            else _("State how much is to be off.")
        )
    if not wish.keep_kw:
        return target_w
    most_w = room_w(ordered, wish.off_beside or Beside(), base_w - int(wish.keep_kw * THOUSAND))
    if most_w <= 0:
        raise PlanRefused(
            _("%(kw)s kW are kept running for a programme: nothing is left to reduce.") % {"kw": wish.keep_kw}
        )
    return min(target_w, most_w)


def _ordered(wish: Wish, candidates: Sequence[Candidate], worth: Worth) -> list[Candidate]:
    if wish.selection == Selection.EFFICIENCY:
        return by_efficiency(candidates)
    return by_margin(
        candidates, usd_per_ths_hour=float(worth.usd_per_ths_hour or 1), usd_per_kwh=float(worth.price_per_kwh or 0)
    )


@dataclass(frozen=True)
class Found:
    """Machines that may be switched off, how many may not and why, and what all that run draw together (W).

    ``still``: those that could be, but stand still or are silent now.
    """

    candidates: list[Candidate]
    excluded: Counter[Why]
    base_w: int
    still: list[Candidate]


def candidates_of(wish: Wish, *, at: datetime) -> Found:
    """Who could be taken for a wish. In an emergency at a site of which nothing is heard, all are taken to run."""
    site = wish.site
    rows = Miner.objects.filter(site=site).exclude(intent=MinerIntent.RETIRED).order_by("pk")
    protected = _protected(site, rows, wish, at=at)
    edge = EdgeNow.of(site, rows, at)
    # What another plan keeps off now is wanted off by this one as well: when that ends, it does not come back.
    running = meant_to_run(site).order_by("pk")
    found = Found([], Counter({Why.NOT_RUNNING: rows.count() - running.count()}), 0, [])
    safe = None if wish.safe is None else safe_until(site, rows, wish.safe, on=day_of(wish))
    only, before, base_w = frozenset(wish.only), unlimited(site), 0
    startable = None if wish.is_emergency else startable_w(site)
    for row in running.values(*_COLUMNS):
        draw = draw_of(row, at=at)
        if row["pk"] in before:
            draw = replace(draw, watts=before[row["pk"]][0], ths=before[row["pk"]][1])
        base_w += 0 if draw.stands else draw.watts
        if only and row["pk"] not in only:
            continue
        limit_w = wish.limits.get(row["pk"], 0)
        why = protected.get(row["pk"])
        if why is None and safe is not None and safe.get(row["pk"], at) <= at:
            why = Why.SAFE_STATE
        why = why or unable(row, draw.watts, edge) or (unthrottled(row, draw.watts, limit_w, edge) if limit_w else None)
        if why is None and startable is not None and draw.watts > startable:
            why = Why.TOO_BIG  # it would stay off for ever
        if why is None:
            (found.still if draw.stands else found.candidates).append(_candidate(row, draw, limit_w))
        why = Why.STILL if why is None and draw.stands else why
        found.excluded.update([why] if why is not None else [])
    if wish.is_emergency and not found.candidates and found.still:
        return _as_if_they_ran(found, base_w)
    return replace(found, excluded=+found.excluded, base_w=base_w)


def _candidate(row: Mapping[str, Any], draw: Draw, limit_w: int) -> Candidate:
    j_per_th = row["model__efficiency_j_th"]
    return Candidate(
        row["pk"], draw.watts, draw.ths, None if j_per_th is None else float(j_per_th), row["zone_id"],
        row["customer_id"], row["model_id"], limit_w,
    )  # fmt: skip


def _as_if_they_ran(found: Found, base_w: int) -> Found:
    """Nobody sees the site: whoever wants it off now wants it off as soon as it is seen."""
    excluded = found.excluded - Counter({Why.STILL: len(found.still)})
    return Found(found.still, excluded, base_w + sum(one.draw_w for one in found.still), [])


def day_of(wish: Wish) -> date:
    """Whose terms count: those of the site's day it begins on."""
    return wish.starts_at.astimezone(ZoneInfo(wish.site.time_zone)).date()


def _protected(site: Site, rows: Any, wish: Wish, *, at: datetime) -> dict[int, Why]:
    """By the machine itself, else by its owner's terms: protected, or with more notice than there is."""
    found: dict[int, Why] = {}
    open_rows = []
    for pk, zone, customer, part in rows.values_list("pk", "zone_id", "customer_id", "curtailment"):
        if part == CurtailmentPart.PROTECTED:
            found[pk] = Why.PROTECTED
        elif customer is not None:
            open_rows.append((Owned(pk, zone, customer), part))
    terms = terms_in_force(site, day_of(wish))
    by_key: dict[int, HostingTerms] = {one.pk: one for one in terms}
    parts = {one.pk: part for one, part in open_rows}
    in_time = wish.is_emergency or wish.any_notice
    lead = max(wish.starts_at - at, timedelta(0))  # who asks for no notice needs none, however late somebody approves
    for key, machines in assign([one for one, _part in open_rows], terms).items():
        their = by_key[key]
        for one in machines:
            if parts[one.pk] == CurtailmentPart.INHERIT and their.curtailment == CurtailmentPart.PROTECTED:
                found[one.pk] = Why.PROTECTED
            elif not in_time and lead < timedelta(minutes=their.curtailment_notice_minutes):
                found[one.pk] = Why.NOTICE
    return found


def _alone_w(wish: Wish, chosen: Chosen) -> int:
    """What plans of one person take at the site at the same time, without the machines that this one takes as well."""
    taken = {one.key: one.gain_w for one in chosen.first}
    beside = wish.alone.less_w if wish.alone is not None and not wish.is_emergency else {}
    return sum(max(0, less_w - taken.get(miner, 0)) for miner, less_w in beside.items())


def _share_percent(site: Site, off_w: int) -> Decimal:
    """Of the site's power; or of the fleet's with all that runs elsewhere at the same time, if that is more."""
    site_w, fleet_w = site_sizes(site)
    others = CurtailmentPlan.objects.filter(status__in=UNFINISHED).exclude(site=site)
    others_w = int((others.aggregate(kw=Sum("target_kw"))["kw"] or 0) * THOUSAND)
    parts = ((off_w, site_w), (off_w + others_w, fleet_w))
    shares = [Decimal(part) / whole for part, whole in parts if whole > 0]
    return (max(shares, default=Decimal(1)) * 100).quantize(WATT)


def _by_model(machines: Iterable[Candidate]) -> tuple[Group, ...]:
    return _grouped(machines, "model", Miner._meta.get_field("model").related_model, _("model not known"))


def _by_customer(machines: Iterable[Candidate]) -> tuple[Group, ...]:
    return _grouped(machines, "customer", Miner._meta.get_field("customer").related_model, _("our own"))


def _grouped(machines: Iterable[Candidate], by: str, model: Any, nobody: str) -> tuple[Group, ...]:
    groups: dict[int | None, list[Candidate]] = {}
    for one in machines:
        groups.setdefault(getattr(one, by), []).append(one)
    names = model._default_manager.in_bulk([key for key in groups if key is not None])
    found = [
        Group(
            str(names.get(key, nobody)), len(some), _kw(sum(one.gain_w for one in some)),
            Decimal(str(round(sum(one.lost_ths for one in some), 3))),
        )
        for key, some in groups.items()
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: (-one.kw, one.name)))


def site_sizes(site: Site) -> tuple[int, int]:
    """Nameplate watts of the machines meant to run: of the site, and of the fleet."""
    meant = Q(intent__in=(MinerIntent.ACTIVE, MinerIntent.CURTAILED)) & Q(site__isnull=False)
    sums = Miner.objects.filter(meant).aggregate(fleet=Sum("nameplate_w"), site=Sum("nameplate_w", filter=Q(site=site)))
    return int(sums["site"] or 0), int(sums["fleet"] or 0)

"""Before anything is switched: which machines a plan would take, how much that is, and what it costs."""

from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from curtailment.domain.beside import Beside, room_w
from curtailment.domain.safe_states import Owned, Safe, safe_until
from curtailment.domain.settings import Ramps, ramps_of, startable_w, two_person_percent
from curtailment.domain.worth import Worth, worth_at
from curtailment.engine.selection import Candidate, Chosen, Why, by_efficiency, by_margin, choose
from curtailment.enums import UNFINISHED, Goal, MachineResult, Selection
from curtailment.models import ControlledMachine, CurtailmentPlan, CurtailmentPlanMiner
from hashinsight.common.errors import DomainError
from hosting.clients.adapter import Capability
from hosting.clients.own import capabilities_of, needs_login
from hosting.clients.pyasic_machines import PREFIX
from hosting.domain.charging import assign, terms_in_force
from hosting.domain.edge_leases import TAKES_LEASES, lease_takers, taker_of
from hosting.domain.miner_secrets import miners_with_login, sealed_to
from hosting.enums import CurtailmentPart, EdgeStatus, MinerIntent, TelemetryState
from hosting.models import EdgeDevice, HostingTerms, Miner, Site

THOUSAND = Decimal(1000)
WATT = Decimal("0.001")
READ_WITHIN = timedelta(minutes=10)  # an older figure of power says nothing of now
HASHING = (TelemetryState.MINING, TelemetryState.STARTING)
_COLUMNS = (
    "pk", "customer_id", "zone_id", "model_id", "address", "curtailment", "nameplate_w", "power_limit_w",
    "model__efficiency_j_th", "model__hashrate_ths", "model__power_w", "contact__dialect", "latest__recorded_at",
    "latest__state", "latest__power_w", "latest__hashrate_ths",
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
    """A dry run. ``avoided`` is in the currency of the site; what nobody knows is None and named in ``worth``."""

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
        Why.NO_LIMIT: _("take no limit of power from us"), Why.LOW: _("draw no more than that now"),
    }[why]  # fmt: skip


def preview(wish: Wish, *, at: datetime) -> Preview:
    """What the plan would do. Raises PlanRefused for a goal that asks for nothing."""
    worth = worth_at(wish.site, at=at)
    candidates, excluded, base_w = candidates_of(wish, at=at)
    ordered = _ordered(wish, candidates, worth)
    target_w = _target_w(wish, base_w, ordered)
    chosen = choose(ordered, target_w=target_w)
    ramps = ramps_of(wish.site)
    off_kw = _kw(chosen.off_w)
    share, startable = _share_percent(wish.site, chosen.off_w), startable_w(wish.site)
    ths = Decimal(str(sum(one.lost_ths for one in chosen.first)))
    kwh = off_kw * wish.hours
    return Preview(
        wish=wish, chosen=chosen, target_kw=_kw(target_w), base_kw=_kw(base_w), off_kw=off_kw, share_percent=share,
        needs_two=share > two_person_percent(),
        excluded=tuple((why_text(why), count) for why, count in sorted(excluded.items())),
        by_model=_by_model(chosen.first), by_customer=_by_customer(chosen.first), worth=worth,
        forgone_btc=_times(worth.btc_per_ths_hour, ths * wish.hours),
        forgone_usd=_times(worth.usd_per_ths_hour, ths * wish.hours), avoided=_times(worth.price_per_kwh, kwh),
        ramps=ramps, down_minutes=0 if wish.is_emergency else ceil(chosen.off_w / ramps.down_w),
        up_minutes=ceil(chosen.off_w / ramps.up_w),
        too_big=sum(one.draw_w > startable for one in chosen.order),
    )  # fmt: skip


def _times(rate: Decimal | None, amount: Decimal) -> Decimal | None:
    return None if rate is None else rate * amount


def _kw(watts: int) -> Decimal:
    return (Decimal(watts) / THOUSAND).quantize(WATT)


def _target_w(wish: Wish, base_w: int, ordered: Sequence[Candidate]) -> int:
    goal_w = int(wish.goal_kw * THOUSAND)
    target_w = goal_w if wish.goal == Goal.REDUCE_BY else base_w - goal_w
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


def candidates_of(wish: Wish, *, at: datetime) -> tuple[list[Candidate], Counter[Why], int]:
    """Machines that may be switched off, how many may not and why, and what all that run draw together (W)."""
    site = wish.site
    rows = Miner.objects.filter(site=site).exclude(intent=MinerIntent.RETIRED).order_by("pk")
    protected = _protected(site, rows, wish, at=at)
    edge = _EdgeNow.of(site, rows, at)
    found, excluded, base_w = [], Counter[Why](), 0
    # What another plan keeps off now is wanted off by this one as well: when that ends, it does not come back.
    kept_off = Q(intent=MinerIntent.CURTAILED, control__touched=True)
    running = rows.filter(Q(intent=MinerIntent.ACTIVE) | kept_off)
    excluded[Why.NOT_RUNNING] = rows.count() - running.count()
    safe = None if wish.safe is None else safe_until(site, rows, wish.safe, on=day_of(wish))
    only = frozenset(wish.only)
    startable = None if wish.is_emergency else startable_w(site)
    unlimited = _unlimited(site)
    for row in running.values(*_COLUMNS):
        draw_w, ths = unlimited.get(row["pk"]) or _figures(row, at)
        base_w += draw_w
        if only and row["pk"] not in only:
            continue
        why = protected.get(row["pk"])
        if why is None and safe is not None and safe.get(row["pk"], at) <= at:
            why = Why.SAFE_STATE
        limit_w = wish.limits.get(row["pk"], 0)
        why = why or _unable(row, draw_w, edge) or (_unthrottled(row, draw_w, limit_w, edge) if limit_w else None)
        if why is None and startable is not None and draw_w > startable:
            why = Why.TOO_BIG  # it would stay off for ever
        if why is not None:
            excluded[why] += 1
            continue
        j_per_th = row["model__efficiency_j_th"]
        found.append(
            Candidate(
                row["pk"], draw_w, ths, None if j_per_th is None else float(j_per_th), row["zone_id"],
                row["customer_id"], row["model_id"], limit_w,
            )
        )  # fmt: skip
    return found, +excluded, base_w


@dataclass(frozen=True)
class _EdgeNow:
    """Zones that edge devices answer for, devices that take leases, and machines with a login that can be used."""

    zones: Collection[int | None]
    takers: Sequence[EdgeDevice]
    with_login: Container[int]
    sealed_to: Mapping[int, int]

    @classmethod
    def of(cls, site: Site, rows: Any, at: datetime) -> "_EdgeNow":
        """As they are now."""
        ids = rows.order_by().values("pk")
        zones = EdgeDevice.objects.filter(site=site, status=EdgeStatus.ACTIVE).values_list("zone_id", flat=True)
        takers = lease_takers(site, asked_since=at - TAKES_LEASES)
        return cls(set(zones), takers, miners_with_login(ids), sealed_to(ids) if takers else {})

    def why_not(self, zone_id: int | None) -> tuple[Why | None, EdgeDevice | None]:
        """Whether an edge device is in the way; else the one that switches, if it is not we ourselves."""
        if None not in self.zones and zone_id not in self.zones:
            return None, None
        taker = taker_of(zone_id, self.takers)
        return (Why.EDGE if taker is None else None), taker

    def has_login(self, pk: int, taker: EdgeDevice | None) -> bool:
        """One that we can open, or that is sealed to the device which switches."""
        return pk in self.with_login or (taker is not None and self.sealed_to.get(pk) == taker.pk)


def _unable(row: Mapping[str, Any], draw_w: int, edge: _EdgeNow) -> Why | None:
    """Why a machine cannot be switched by us; None when it can."""
    dialect = row["contact__dialect"] or ""
    if draw_w <= 0:
        return Why.NO_DRAW
    if row["address"] is None:
        return Why.NO_ADDRESS
    why, taker = edge.why_not(row["zone_id"])
    if why is not None:
        return why
    if not _switchable(dialect):
        return Why.NO_CONTROL
    return Why.NO_LOGIN if needs_login(dialect) and not edge.has_login(row["pk"], taker) else None


def who_takes_limits(site: Site, *, at: datetime) -> frozenset[int]:
    """Machines of a site whose power we can bring down: they speak a language in which that is said."""
    rows = Miner.objects.filter(site=site).exclude(intent=MinerIntent.RETIRED)
    edge = _EdgeNow.of(site, rows, at)
    found = rows.values("pk", "zone_id", "contact__dialect")
    return frozenset(row["pk"] for row in found if _unthrottled(row, 1, 0, edge) is None)


def _unthrottled(row: Mapping[str, Any], draw_w: int, limit_w: int, edge: _EdgeNow) -> Why | None:
    """Why a machine cannot be brought down to a limit; one that was never read says nothing of limits."""
    if Capability.SET_POWER_TARGET not in capabilities_of(row["contact__dialect"] or ""):
        return Why.NO_LIMIT
    if edge.why_not(row["zone_id"])[1] is not None:
        return Why.NO_LIMIT
    return Why.LOW if limit_w >= draw_w else None


def _unlimited(site: Site) -> dict[int, tuple[int, float]]:
    """Draw and hashrate that machines had before a limit which we hold them at now: of the plans that hold them."""
    kept = ControlledMachine.objects.filter(site=site, earlier_w__isnull=False)
    rows = CurtailmentPlanMiner.objects.filter(plan__status__in=UNFINISHED, miner__in=kept.values("miner"))
    found = rows.exclude(result=MachineResult.RESERVE).order_by("draw_w", "pk")
    return {pk: (draw, float(ths or 0)) for pk, draw, ths in found.values_list("miner_id", "draw_w", "hashrate_ths")}


def _switchable(dialect: str) -> bool:
    """A machine that was never read may yet turn out to be one; the library's are tried."""
    return not dialect or dialect.startswith(PREFIX) or Capability.PAUSE in capabilities_of(dialect)


def _figures(row: dict[str, Any], at: datetime) -> tuple[int, float]:
    """Draw and hashrate as measured a moment ago, else as printed."""
    read_at, hashes = row["latest__recorded_at"], row["latest__state"] in HASHING
    fresh = read_at is not None and at - READ_WITHIN <= read_at <= at and hashes
    printed = row["power_limit_w"] or row["nameplate_w"] or row["model__power_w"] or 0
    draw = row["latest__power_w"] if fresh and row["latest__power_w"] else printed
    ths = row["latest__hashrate_ths"] if fresh else None
    return int(draw), float(ths if ths is not None else row["model__hashrate_ths"] or 0)


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

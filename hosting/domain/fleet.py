"""Machines: entering, placing, assigning, retiring, and saying what they should do; always for many at once.

Where a machine stands and whose it is stands twice: on the machine as it is now, and in the histories. Only the
functions here write either. Locks are taken in one order: repair orders, site, zone, then machines by id.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from math import ceil
from typing import Any

from django.db import transaction
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.domain.texts import printable
from crm.enums import CustomerStatus
from crm.models import Customer
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_row
from hosting.domain.caps import Standing, caps_kept, refuse_overruns
from hosting.domain.histories import BATCH, close_placements, log, move_placements, tell
from hosting.domain.ownership import follow_owners, hold_repairs
from hosting.domain.places import PlaceRefused, check_capacity
from hosting.domain.stamping import hold_stamps
from hosting.domain.usage_marks import hold_places
from hosting.enums import INTENT_MOVES, CurtailmentPart, MinerIntent, Operation, PlaceStatus
from hosting.models import Miner, MinerOwnership, Rack, Site, Zone
from hosting.models.miner import QUARTER_HOUR_S

THOUSAND = Decimal(1000)


class MinersRefused(DomainError):
    """The machines cannot be changed like this."""

    code = "miners_refused"


@dataclass(frozen=True)
class Spot:
    """Where machines go: a site, perhaps a zone, perhaps a rack; ``slots`` by id of the machine."""

    site: Site
    zone: Zone | None = None
    rack: Rack | None = None
    slots: Mapping[int, int] | None = None


def quarter_hour(moment: datetime) -> datetime:
    """The beginning of the quarter-hour a moment lies in."""
    seconds = int(moment.timestamp())
    return datetime.fromtimestamp(seconds - seconds % QUARTER_HOUR_S, tz=UTC)


def nameplate_w(miner: Miner) -> int | None:
    """Power by the setting of the machine, else by its model; unknown stays unknown."""
    if miner.power_limit_w is not None:
        return miner.power_limit_w
    return None if miner.model is None else ceil(miner.model.power_w)


@transaction.atomic
def register_miners(miners: Sequence[Miner], *, by: Any, at: datetime) -> list[Miner]:
    """Enter new machines, still without place and owner. ``miners`` are unsaved and checked (``full_clean``) rows."""
    for miner in miners:
        if miner.model is not None:
            miner.manufacturer = miner.model.manufacturer
        miner.nameplate_w = nameplate_w(miner)
        miner.intent, miner.intent_since, miner.created_at = MinerIntent.PAUSED, at, at
    saved = Miner.objects.bulk_create(miners, batch_size=BATCH)
    log(saved, Operation.REGISTER, by=by, at=at)
    tell(saved, "miner.registered", by)
    return saved


@transaction.atomic
def change_miner(miner: Miner, *, changes: Mapping[str, Any], by: Any, at: datetime) -> Miner:
    """Edit columns of one machine. Raises ValidationError, NoCapacity and CapReached where more power does not fit."""
    if miner.site is not None:
        _locked_spot(Spot(miner.site, miner.zone))
    locked = _locked([miner.pk])[0]
    before = locked.nameplate_w
    for name, value in changes.items():
        if not Miner._meta.get_field(name).editable:
            raise ValueError(f"{name} is not edited: it has a function of its own")
        setattr(locked, name, value)
    if locked.model is not None:
        locked.manufacturer = locked.model.manufacturer
    locked.nameplate_w = nameplate_w(locked)
    locked.full_clean()
    more = (locked.nameplate_w or 0) - (before or 0)
    if more > 0 and locked.site is not None:
        _check_room(Spot(locked.site, locked.zone), more_w=more)
        owned = Standing(locked.zone_id, locked.customer_id, Decimal(more) / THOUSAND)
        refuse_overruns(locked.site, at=at, more=[owned])
    locked.save()
    tell([locked], "miner.changed", by)
    return locked.reload()


@transaction.atomic
def place_miners(miners: Iterable[Miner], *, spot: Spot, by: Any, at: datetime, reason: str = "") -> list[Miner]:
    """Put machines into a place, out of wherever they stand; what they should do stays as it is.

    Raises NoCapacity and (for the cap of their owners' terms) CapReached saying by how many kW, PlaceRefused for an
    archived place, and MinersRefused for machines of unknown power, retired ones, or slots that do not exist.
    """
    spot = _locked_spot(spot)
    locked = _locked(miner.pk for miner in miners)
    _refuse_states(locked, {MinerIntent.RETIRED})
    refuse_unknown_power(locked)
    _check_slots(locked, spot)
    _check_room(spot, more_w=sum(miner.nameplate_w or 0 for miner in locked), moving=[miner.pk for miner in locked])
    with audit_context(reason=printable(reason)), caps_kept([spot.site], at=at):
        move_placements(locked, spot, at)
        _stand(locked, spot, at)
        log(locked, Operation.PLACE, by=by, at=at, details=str(spot.rack or spot.zone or spot.site))
    tell(locked, "miner.deployed", by)
    return locked


def _stand(miners: Sequence[Miner], spot: Spot, at: datetime) -> None:
    """All out of their slots and into the place at once, then each into its slot: two may change theirs."""
    slots = spot.slots or {}
    Miner.objects.filter(pk__in=[miner.pk for miner in miners]).update(
        site=spot.site, zone=spot.zone, rack=spot.rack, slot=None, deployed_at=Coalesce("deployed_at", Value(at))
    )
    for miner in miners:
        miner.site, miner.zone, miner.rack, miner.slot = spot.site, spot.zone, spot.rack, slots.get(miner.pk)
        miner.deployed_at = miner.deployed_at or at
    Miner.objects.bulk_update([miner for miner in miners if miner.slot], ["slot"], batch_size=BATCH)


def refuse_unknown_power(miners: Iterable[Miner]) -> None:
    """What draws nobody knows how much is not placed anywhere. Raises MinersRefused."""
    unknown = [miner for miner in miners if miner.nameplate_w is None]
    if unknown:
        raise MinersRefused(
            ngettext(
                "The power of %(first)s is unknown: state its model or its power first.",
                "The power of %(count)s machines is unknown (%(first)s is one): state their models or power first.",
                len(unknown),
            )
            % {"count": len(unknown), "first": unknown[0]}
        )


@transaction.atomic
def take_out_miners(miners: Iterable[Miner], *, by: Any, at: datetime, reason: str) -> list[Miner]:
    """Take machines out of their places, into the storeroom."""
    locked = _locked(miner.pk for miner in miners)
    with audit_context(reason=printable(reason)):
        _leave(locked, at)
        log(locked, Operation.TAKE_OUT, by=by, at=at, details=reason)
    tell(locked, "miner.taken_out", by)
    return locked


@transaction.atomic
def assign_miners(
    miners: Iterable[Miner], *, customer: Customer | None, since: datetime, by: Any, at: datetime, reason: str = ""
) -> list[Miner]:
    """Give machines to a customer (or, with None, to ourselves) from a quarter-hour on, which may lie in the past.

    Whatever ownership the history holds after ``since`` gives way. Raises MinersRefused for a moment in the future or
    off the grid, and for an inactive customer, CapReached where they stand and do not fit under the customer's terms.
    What else an owner is stamped on follows (``ownership.TOUCHED``).
    """
    hold_stamps()  # before any row: whoever stores readings waits for rows with the lock in hand
    if since != quarter_hour(since):
        raise MinersRefused(_("Ownership changes at quarter-hours."))
    if since > at:
        raise MinersRefused(_("Ownership cannot change in the future."))
    ids = sorted({miner.pk for miner in miners})
    hold_repairs(ids)
    if customer is not None and lock_row(customer).status != CustomerStatus.ACTIVE:
        raise MinersRefused(_("%(customer)s is inactive.") % {"customer": customer})
    sites = hold_places(ids, stood_since=since)
    locked = _locked(ids)
    with audit_context(reason=printable(reason)), caps_kept(sites, at=at):
        MinerOwnership.objects.filter(miner__in=ids, valid_from__gte=since).delete()
        MinerOwnership.objects.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=since), miner__in=ids).update(
            valid_to=since
        )
        if customer is not None:
            MinerOwnership.objects.bulk_create(
                [MinerOwnership(miner=m, customer=customer, valid_from=since, created_at=at) for m in locked],
                batch_size=BATCH,
            )
        Miner.objects.filter(pk__in=ids).update(customer=customer)
        log(locked, Operation.ASSIGN, by=by, at=at, details=str(customer or ""))
    for miner in locked:
        miner.customer = customer
    tell(locked, "miner.assigned", by)
    follow_owners(ids, since)
    return locked


@transaction.atomic
def retire_miners(miners: Iterable[Miner], *, by: Any, at: datetime, reason: str) -> list[Miner]:
    """Retire machines: they leave their places and are kept for their history. Their owner stays."""
    locked = _locked(miner.pk for miner in miners)
    _refuse_moves(locked, MinerIntent.RETIRED)
    with audit_context(reason=printable(reason)):
        _leave(locked, at)
        _set_intent(locked, MinerIntent.RETIRED, at, retired_at=at)
        log(locked, Operation.RETIRE, by=by, at=at, details=reason)
    tell(locked, "miner.retired", by)
    return locked


@transaction.atomic
def set_intent(miners: Iterable[Miner], *, to: str, by: Any, at: datetime, reason: str = "") -> list[Miner]:
    """Say what machines should do. Raises MinersRefused naming those that cannot go there from where they are."""
    locked = _locked(miner.pk for miner in miners)
    _refuse_moves(locked, to)
    with audit_context(reason=printable(reason)):
        _set_intent(locked, to, at, retired_at=None)
        log(locked, Operation.INTENT, by=by, at=at, details=f"{to} {reason}".strip())
    tell(locked, "miner.intent_changed", by)
    return locked


@transaction.atomic
def set_curtailment(miners: Iterable[Miner], *, to: str, by: Any, at: datetime, reason: str = "") -> list[Miner]:
    """Say whether machines may be curtailed, whatever their owners' terms say. Raises ValueError for another word."""
    if to not in CurtailmentPart.values:
        raise ValueError(f"{to} is no part in curtailment")
    locked = _locked(miner.pk for miner in miners)
    with audit_context(reason=printable(reason)):
        Miner.objects.filter(pk__in=[miner.pk for miner in locked]).update(curtailment=to)
        log(locked, Operation.CURTAILMENT, by=by, at=at, details=f"{to} {reason}".strip())
    for miner in locked:
        miner.curtailment = to
    return locked


def _set_intent(miners: Sequence[Miner], to: str, at: datetime, **fields: Any) -> None:
    Miner.objects.filter(pk__in=[miner.pk for miner in miners]).update(intent=to, intent_since=at, **fields)
    for miner in miners:
        miner.intent, miner.intent_since = to, at


def _locked(ids: Iterable[int]) -> list[Miner]:
    wanted = sorted(set(ids))
    rows = list(
        Miner.objects.select_for_update(of=("self",))
        .filter(pk__in=wanted)
        .select_related("model", "site", "zone", "rack", "customer")
        .order_by("pk")
    )
    if len(rows) != len(wanted):
        raise MinersRefused(_("A machine was deleted in the meantime."))
    return rows


def _locked_spot(spot: Spot) -> Spot:
    """The same place, re-read under lock: what the caller holds in hand may be old."""
    site = lock_row(spot.site)
    zone = lock_row(spot.zone) if spot.zone is not None else None
    for place in (site, zone):
        if place is not None and place.status != PlaceStatus.ACTIVE:
            raise PlaceRefused(_("%(place)s is archived.") % {"place": place})
    if zone is not None and zone.site_id != site.pk:
        raise PlaceRefused(_("%(zone)s is no zone of %(site)s.") % {"zone": zone, "site": site})
    if spot.rack is not None and (zone is None or spot.rack.zone_id != zone.pk):
        raise PlaceRefused(_("%(rack)s stands in another zone.") % {"rack": spot.rack})
    return replace(spot, site=site, zone=zone)


def _check_slots(miners: Sequence[Miner], spot: Spot) -> None:
    slots = spot.slots or {}
    if not slots:
        return
    if spot.rack is None:
        raise PlaceRefused(_("A slot needs its rack; slots are counted from 1."))
    wrong = sorted({slot for slot in slots.values() if not 1 <= slot <= spot.rack.slots})
    if wrong:
        raise PlaceRefused(
            _("%(rack)s has slots 1 to %(slots)s, no %(wrong)s.")
            % {"rack": spot.rack, "slots": spot.rack.slots, "wrong": ", ".join(map(str, wrong[:5]))}
        )
    if len(set(slots.values())) != len(slots):
        raise PlaceRefused(_("Two machines cannot stand in one slot."))
    taken = Miner.objects.filter(rack=spot.rack, slot__in=slots.values()).exclude(pk__in=[m.pk for m in miners]).first()
    if taken is not None:
        raise PlaceRefused(_("%(miner)s stands in slot %(slot)s.") % {"miner": taken, "slot": taken.slot})


def _check_room(spot: Spot, *, more_w: int, moving: Sequence[int] = ()) -> None:
    """``moving`` machines are counted in ``more_w`` and so not where they stand already."""
    for place in (spot.zone, spot.site):
        if place is not None:
            check_capacity(place, more_kw=Decimal(more_w) / THOUSAND, moving=moving)


def _leave(miners: Sequence[Miner], at: datetime) -> None:
    ids = [miner.pk for miner in miners]
    close_placements(ids, at)
    Miner.objects.filter(pk__in=ids).update(site=None, zone=None, rack=None, slot=None)
    for miner in miners:
        miner.site = miner.zone = miner.rack = miner.slot = None


def _refuse_states(miners: Sequence[Miner], states: set[MinerIntent]) -> None:
    wrong = [miner for miner in miners if miner.intent in states]
    if wrong:
        raise MinersRefused(
            _("%(miner)s is %(intent)s.") % {"miner": wrong[0], "intent": wrong[0].get_intent_display()}
        )


def _refuse_moves(miners: Sequence[Miner], to: str) -> None:
    wrong = [miner for miner in miners if to not in INTENT_MOVES[MinerIntent(miner.intent)]]
    if wrong:
        raise MinersRefused(
            ngettext(
                "%(first)s is %(intent)s and cannot become %(to)s.",
                "%(count)s machines cannot become %(to)s: %(first)s is %(intent)s, for example.",
                len(wrong),
            )
            % {
                "count": len(wrong),
                "first": wrong[0],
                "intent": wrong[0].get_intent_display(),
                "to": MinerIntent(to).label,
            }
        )

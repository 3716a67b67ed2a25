"""Entering many machines at once, with their places and owners: one verb for what a file or a delivery brings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.enums import CustomerStatus
from crm.models import Customer
from hashinsight.common.transitions import lock_row
from hosting.domain.caps import Standing, refuse_overruns
from hosting.domain.fleet import MinersRefused, Spot, nameplate_w, refuse_unknown_power
from hosting.domain.histories import BATCH, log, tell
from hosting.domain.places import THOUSAND, PlaceRefused, check_capacity
from hosting.enums import MinerIntent, Operation, PlaceStatus
from hosting.models import Miner, MinerOwnership, MinerPlacement, Site, Zone


@dataclass(frozen=True)
class Entry:
    """A machine that is new: unsaved and checked, where it stands (nowhere: the storeroom) and whose it is (ours)."""

    miner: Miner
    spot: Spot | None = None
    slot: int | None = None
    customer: Customer | None = None
    since: Any = None


def _nobody(done: int) -> None:
    """Told how many are entered."""


@transaction.atomic
def enter_miners(
    entries: Sequence[Entry], *, by: Any, at: datetime, progress: Callable[[int], None] = _nobody
) -> list[Miner]:
    """Register, place and assign new machines, all or none; one event for each.

    Raises NoCapacity and CapReached saying by how many kW, PlaceRefused for an archived place, MinersRefused for an
    inactive customer or a machine of unknown power that is to be placed, IntegrityError for a serial, slot or address
    that is taken.
    """
    for entry in entries:
        entry.miner.nameplate_w = nameplate_w(entry.miner)
    refuse_unknown_power([entry.miner for entry in entries if entry.spot is not None])
    _lock_places(entries)
    for site, more in standings(entries).items():
        refuse_overruns(site, at=at, more=more)
    _lock_customers(entries)
    saved: list[Miner] = []
    for some in _portions(entries):
        saved += _enter(some, by=by, at=at)
        progress(len(saved))
    return saved


def _portions(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    for start in range(0, len(entries), BATCH):
        yield entries[start : start + BATCH]


def _lock_places(entries: Sequence[Entry]) -> None:
    """In the one order of locks: sites, then zones, each by id; then room for all that comes."""
    more: dict[tuple[type, int], tuple[Any, Decimal]] = {}
    for entry in entries:
        for place in (entry.spot.site, entry.spot.zone) if entry.spot is not None else ():
            if place is not None:
                key = (type(place), place.pk)
                _place, kw = more.get(key, (place, Decimal(0)))
                more[key] = (place, kw + Decimal(entry.miner.nameplate_w or 0) / THOUSAND)
    for kind in (Site, Zone):
        for place, kw in sorted((one for key, one in more.items() if key[0] is kind), key=lambda one: one[0].pk):
            locked = lock_row(place)
            if locked.status != PlaceStatus.ACTIVE:
                raise PlaceRefused(_("%(place)s is archived.") % {"place": locked})
            check_capacity(locked, more_kw=kw)


def standings(entries: Sequence[Entry]) -> dict[Site, list[Standing]]:
    """What would stand at each site beside what is there."""
    watts: dict[tuple[Site, int | None, int], int] = {}
    for entry in entries:
        if entry.spot is not None and entry.customer is not None:
            key = (entry.spot.site, entry.spot.zone.pk if entry.spot.zone is not None else None, entry.customer.pk)
            watts[key] = watts.get(key, 0) + (entry.miner.nameplate_w or 0)
    found: dict[Site, list[Standing]] = {}
    for (site, zone, customer), sum_w in watts.items():
        found.setdefault(site, []).append(Standing(zone, customer, Decimal(sum_w) / THOUSAND))
    return found


def _lock_customers(entries: Sequence[Entry]) -> None:
    customers = {entry.customer.pk: entry.customer for entry in entries if entry.customer is not None}
    for _pk, customer in sorted(customers.items()):
        if lock_row(customer).status != CustomerStatus.ACTIVE:
            raise MinersRefused(_("%(customer)s is inactive.") % {"customer": customer})


def _enter(entries: Sequence[Entry], *, by: Any, at: datetime) -> list[Miner]:
    for entry in entries:
        miner = entry.miner
        miner.intent, miner.intent_since, miner.created_at = MinerIntent.PAUSED, at, at
        miner.customer = entry.customer
        if entry.spot is not None:
            miner.site, miner.zone, miner.rack = entry.spot.site, entry.spot.zone, entry.spot.rack
            miner.slot, miner.deployed_at = entry.slot, at
    saved = Miner.objects.bulk_create([entry.miner for entry in entries], batch_size=BATCH)
    placed = [miner for miner in saved if miner.site_id is not None]
    owned = [entry for entry in entries if entry.customer is not None]
    MinerPlacement.objects.bulk_create(
        [
            MinerPlacement(
                miner=miner, site=miner.site, zone=miner.zone, rack=miner.rack, slot=miner.slot, valid_from=at,
                created_at=at,
            )
            for miner in placed
        ]
    )  # fmt: skip
    MinerOwnership.objects.bulk_create(
        [
            MinerOwnership(miner=entry.miner, customer=entry.customer, valid_from=entry.since, created_at=at)
            for entry in owned
        ]
    )
    log(saved, Operation.REGISTER, by=by, at=at)
    for place, some in _grouped(placed, lambda miner: str(miner.rack or miner.zone or miner.site)).items():
        log(some, Operation.PLACE, by=by, at=at, details=place)
    for name, some in _grouped([entry.miner for entry in owned], lambda miner: str(miner.customer)).items():
        log(some, Operation.ASSIGN, by=by, at=at, details=name)
    tell(saved, "miner.registered", by)
    return saved


def _grouped(miners: Sequence[Miner], key: Callable[[Miner], str]) -> dict[str, list[Miner]]:
    found: dict[str, list[Miner]] = {}
    for miner in miners:
        found.setdefault(key(miner), []).append(miner)
    return found

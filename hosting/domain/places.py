"""Sites, zones and racks: making, archiving, and what fits into them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.domain.texts import printable
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_for_move, lock_row
from hosting.enums import PLACE_MOVES, PlaceStatus
from hosting.models import Miner, Rack, Site, Zone

THOUSAND = Decimal(1000)


class PlaceRefused(DomainError):
    """The place cannot be changed or used like this."""

    code = "place_refused"


class NoCapacity(PlaceRefused):
    """There is not enough power left; ``over_kw`` says by how much."""

    code = "no_capacity"


@dataclass(frozen=True)
class Load:
    """Nameplate power placed somewhere, and how many machines of unknown power stand there beside it."""

    placed_kw: Decimal
    machines: int
    unknown: int


@transaction.atomic
def create_site(*, at: datetime, **fields: Any) -> Site:
    """A new site; ``fields`` are columns of the model. Raises ValidationError."""
    site: Site = _create(Site(created_at=at, **fields))
    return site


@transaction.atomic
def create_zone(*, at: datetime, **fields: Any) -> Zone:
    """A new zone. Raises ValidationError, and PlaceRefused at an archived site."""
    zone = Zone(created_at=at, **fields)
    if zone.site.status != PlaceStatus.ACTIVE:
        raise PlaceRefused(_("%(place)s is archived.") % {"place": zone.site})
    _create(zone)
    return zone


@transaction.atomic
def create_rack(*, at: datetime, **fields: Any) -> Rack:
    """A new rack. Raises ValidationError."""
    rack: Rack = _create(Rack(created_at=at, **fields))
    return rack


def _create(row: Any) -> Any:
    row.full_clean()
    row.save()
    return row


@transaction.atomic
def change_place(place: Any, *, changes: Mapping[str, Any]) -> Any:
    """Edit columns of a site, zone or rack. Raises ValidationError, and PlaceRefused for what a place never changes.

    A zone stays at its site and a rack in its zone: machines stand there by both.
    """
    locked = lock_row(place)
    for name, value in changes.items():
        if not type(locked)._meta.get_field(name).editable or name in _STAYS.get(type(locked), ()):
            raise ValueError(f"{name} is not edited")
        setattr(locked, name, value)
    locked.full_clean()
    if changes:
        locked.save(update_fields=sorted(changes))
    return locked.reload()


_STAYS: dict[type, tuple[str, ...]] = {Zone: ("site",), Rack: ("zone",)}
MOST_NAMED = 3


def _named(rows: Iterable[Any]) -> str:
    """Some of each kind by name, and how many there are."""
    kinds: dict[str, list[str]] = {}
    for row in rows:
        kinds.setdefault(str(row._meta.verbose_name_plural), []).append(str(row))
    return "; ".join(
        f"{kind}: {', '.join(sorted(names)[:MOST_NAMED])}" + (f" … ({len(names)})" if len(names) > MOST_NAMED else "")
        for kind, names in sorted(kinds.items())
    )


@transaction.atomic
def delete_place(place: Any) -> None:
    """Delete a site, zone or rack nothing hangs on. Raises PlaceRefused naming what does."""
    locked = lock_row(place)
    try:
        locked.delete()
    except ProtectedError as error:
        raise PlaceRefused(
            _("%(place)s cannot be deleted: %(dependants)s would hang in the air. Archive it instead.")
            % {"place": place, "dependants": _named(error.protected_objects)}
        ) from error


@transaction.atomic
def archive(place: Site | Zone, *, by: Any, reason: str) -> Site | Zone:
    """Take no more machines there. Raises PlaceRefused while machines stand there, saying how many."""
    locked = lock_for_move(place, field="status", to=PlaceStatus.INACTIVE, moves=PLACE_MOVES)
    standing = machines_at(locked).count()
    if standing:
        raise PlaceRefused(
            ngettext(
                "%(count)s machine stands in %(place)s. Move or retire it first.",
                "%(count)s machines stand in %(place)s. Move or retire them first.",
                standing,
            )
            % {"count": standing, "place": locked}
        )
    return _move(locked, PlaceStatus.INACTIVE, reason)


@transaction.atomic
def take_into_use(place: Site | Zone, *, by: Any, reason: str) -> Site | Zone:
    """Undo ``archive``. Raises PlaceRefused for a zone of an archived site."""
    locked = lock_for_move(place, field="status", to=PlaceStatus.ACTIVE, moves=PLACE_MOVES)
    if isinstance(locked, Zone) and locked.site.status != PlaceStatus.ACTIVE:
        raise PlaceRefused(_("%(place)s is archived.") % {"place": locked.site})
    return _move(locked, PlaceStatus.ACTIVE, reason)


def _move(place: Site | Zone, to: PlaceStatus, reason: str) -> Site | Zone:
    with audit_context(reason=printable(reason)):
        place.status = to
        place.save(update_fields=["status"])
    return place.reload()


def machines_at(place: Site | Zone | Rack) -> Any:
    """The machines that stand there now."""
    column = {Site: "site", Zone: "zone", Rack: "rack"}[type(place)]
    return Miner.objects.filter(**{column: place})


def load_of(place: Site | Zone, *, without: Iterable[int] = ()) -> Load:
    """What is placed there by nameplate; ``without`` names machines (ids) that are about to leave."""
    machines = machines_at(place).exclude(pk__in=list(without))
    sums = machines.aggregate(watts=Sum("nameplate_w"))
    unknown = machines.filter(nameplate_w__isnull=True).count()
    return Load(Decimal(sums["watts"] or 0) / THOUSAND, machines.count(), unknown)


def check_capacity(place: Site | Zone, *, more_kw: Decimal, moving: Iterable[int] = ()) -> None:
    """Refuse ``more_kw`` of nameplate power where it does not fit, saying by how many kW. The place must be locked.

    ``moving`` names machines (ids) that are part of ``more_kw`` and may stand there already. Raises NoCapacity.
    """
    usable = place.usable_kw if isinstance(place, Zone) else place.capacity_kw
    placed = load_of(place, without=moving).placed_kw
    over = placed + more_kw - usable
    if over > 0:
        raise NoCapacity(
            _(
                "%(place)s has %(usable)s kW, of which %(placed)s kW are taken; "
                "%(more)s kW more are %(over)s kW too much."
            )
            % {
                "place": place,
                "usable": f"{usable.normalize():f}",
                "placed": f"{placed.normalize():f}",
                "more": f"{more_kw.normalize():f}",
                "over": f"{over.normalize():f}",
            },
            over_kw=str(over),
        )

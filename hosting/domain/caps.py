"""Caps of hosting terms: how much nameplate power a customer may have under them, and what stands there.

A change of machines is refused where it brings more under terms than their cap; what stands above a cap already may be
moved about or taken away. Whoever changes machines or caps holds the lock of the site, so that no two see room for one.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NoReturn
from zoneinfo import ZoneInfo

from django.db.models import Sum
from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hashinsight.notify.registry import Finding
from hosting.domain.charging import assign, terms_in_force
from hosting.domain.places import THOUSAND
from hosting.engine.grid import day_of
from hosting.models import HostingTerms, Miner, Site

ZERO = Decimal(0)


class CapReached(DomainError):
    """More power than the terms of a customer allow; ``over_kw`` says by how much."""

    code = "cap_reached"


@dataclass(frozen=True)
class Standing:
    """Nameplate power of one customer in one zone (keys or None)."""

    zone: int | None
    customer: int | None
    kw: Decimal


@dataclass(frozen=True)
class Overrun:
    """Terms under which more stands than their cap allows."""

    terms: HostingTerms
    cap_kw: Decimal
    placed_kw: Decimal
    more_kw: Decimal

    @property
    def over_kw(self) -> Decimal:
        """By how much."""
        return self.placed_kw + self.more_kw - self.cap_kw


def standing_at(site: Site) -> list[Standing]:
    """What stands at a site now."""
    rows = Miner.objects.filter(site=site, customer__isnull=False).order_by().values_list("zone", "customer")
    sums = rows.annotate(watts=Sum("nameplate_w"))
    return [Standing(zone, customer, Decimal(watts or 0) / THOUSAND) for zone, customer, watts in sums]


def overruns(site: Site, *, at: datetime, more: Iterable[Standing] = ()) -> list[Overrun]:
    """Terms in force there whose cap is below what stands there now with ``more`` of it."""
    terms = terms_in_force(site, day_of(at, ZoneInfo(site.time_zone)))
    if all(row.cap_kw is None for row in terms):
        return []
    there, added = assign(standing_at(site), terms), assign(more, terms)
    found = []
    for row in terms:
        if row.cap_kw is not None:
            placed, extra = (sum((one.kw for one in rows[row.pk]), ZERO) for rows in (there, added))
            found.append(Overrun(row, row.cap_kw, placed, extra))
    return [one for one in found if one.over_kw > 0]


@contextmanager
def caps_kept(sites: Iterable[Site], *, at: datetime) -> Iterator[None]:
    """Around a change of machines at locked sites: raises CapReached where more than before stands above a cap."""
    held = list(sites)
    before = {one.terms.pk: one.placed_kw for site in held for one in overruns(site, at=at)}
    yield
    for site in held:
        for one in overruns(site, at=at):
            if one.terms.pk not in before or one.placed_kw > before[one.terms.pk]:
                _refuse(one)


def refuse_overruns(site: Site, *, at: datetime, more: Iterable[Standing]) -> None:
    """Raises CapReached where ``more`` does not fit under the terms of its owners. The site must be locked."""
    for one in overruns(site, at=at, more=more):
        if one.more_kw > 0:
            _refuse(one)


def in_words(one: Overrun) -> str:
    """What is too much."""
    if one.more_kw:
        return _(
            "%(terms)s: the cap is %(cap)s kW, of which %(placed)s kW are taken; "
            "%(more)s kW more are %(over)s kW too much."
        ) % {"more": plain(one.more_kw), **_words(one)}
    return _("%(terms)s: with %(placed)s kW it would be %(over)s kW above the cap of %(cap)s kW.") % _words(one)


def _refuse(one: Overrun) -> NoReturn:
    raise CapReached(in_words(one), over_kw=str(one.over_kw))


def refuse_lower_cap(terms: HostingTerms, *, at: datetime) -> None:
    """Raises CapReached for terms in force under which more stands than their cap allows. The site must be locked."""
    for one in overruns(terms.site, at=at):
        if one.terms.pk == terms.pk:
            raise CapReached(
                _(
                    "%(terms)s: machines of %(placed)s kW stand there, %(over)s kW above the cap of %(cap)s kW. "
                    "Move them first, or let the terms begin on a later day."
                )
                % _words(one),
                over_kw=str(one.over_kw),
            )


def above_later_cap(terms: HostingTerms) -> Overrun | None:
    """Whether what stands there now is above the cap of terms that begin on a later day."""
    if terms.cap_kw is None:
        return None
    found = Overrun(terms, terms.cap_kw, standing_under(terms, terms.valid_from), ZERO)
    return found if found.over_kw > 0 else None


def standing_under(terms: HostingTerms, day: date) -> Decimal:
    """What stands there now that agreed terms speak of on a day (kW)."""
    rows = assign(standing_at(terms.site), terms_in_force(terms.site, day))
    return sum((one.kw for one in rows.get(terms.pk, [])), ZERO)


def terms_above_cap(at: datetime) -> Iterator[Finding]:
    """Terms under which more stands than their cap allows: a cap that was lowered, or power that grew behind it."""
    capped = HostingTerms.objects.filter(cap_kw__isnull=False, agreed_at__isnull=False)
    for site in Site.objects.filter(pk__in=capped.values("site")).order_by("pk"):
        for one in overruns(site, at=at):
            yield Finding(
                key=str(one.terms.public_id),
                title=_("%(over)s kW above the cap: %(terms)s") % _words(one),
                text=_("Machines of %(placed)s kW stand there; the cap is %(cap)s kW.") % _words(one),
                customer_id=one.terms.contract.customer_id,
            )


def _words(one: Overrun) -> dict[str, object]:
    return {
        "terms": one.terms, "cap": plain(one.cap_kw), "placed": plain(one.placed_kw), "over": plain(one.over_kw)
    }  # fmt: skip


def plain(kw: Decimal) -> str:
    """``3.5``, not ``3.500``."""
    return f"{kw.normalize():f}"

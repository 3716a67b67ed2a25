"""Whose terms speak of a machine: those of its owner's contract for its zone, else those for its site.

Of several the oldest, so that no machine is charged twice. Usage and caps both ask here.
"""

from collections.abc import Iterable
from datetime import date
from typing import Protocol, TypeVar

from django.db.models import Q

from hosting.models import HostingTerms, Site


class Owned(Protocol):
    """Machines of one customer in one zone, as keys or None."""

    @property
    def zone(self) -> int | None:
        """Of a zone; None beside all of them."""

    @property
    def customer(self) -> int | None:
        """Of their owner; None for our own."""


Row = TypeVar("Row", bound=Owned)


def terms_in_force(site: Site, day: date) -> list[HostingTerms]:
    """Agreed terms at a site on a day of its calendar, the oldest first."""
    rows = HostingTerms.objects.filter(site=site, agreed_at__isnull=False, valid_from__lte=day)
    rows = rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=day))
    return list(rows.select_related("contract").order_by("pk"))


def assign(rows: Iterable[Row], terms: list[HostingTerms]) -> dict[int, list[Row]]:
    """Machines, by the terms (their keys) that are charged for them; those nobody is charged for are left out."""
    found: dict[int, list[Row]] = {row.pk: [] for row in terms}
    for row in rows:
        of_owner = [one for one in terms if one.contract.customer_id == row.customer]
        fitting = [one for one in of_owner if one.zone_id is not None and one.zone_id == row.zone]
        fitting += [one for one in of_owner if one.zone_id is None]
        if fitting:
            found[fitting[0].pk].append(row)
    return found

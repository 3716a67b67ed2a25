"""What machines do while prices or dispatches are not to be trusted: as the terms of their owners say.

A machine is held or curtailed for as many minutes after the data went stale as the terms allow; then it runs. Machines
of our own do as the rule says; those whose owner has no terms in force run.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hosting.domain.charging import assign, terms_in_force
from hosting.enums import StalePolicy
from hosting.models import Site


@dataclass(frozen=True)
class Owned:
    """For the question whose terms speak of a machine."""

    pk: int
    zone: int | None
    customer: int | None


@dataclass(frozen=True)
class Safe:
    """Data are stale since a moment; only machines whose safe state is one of ``states``. ``own_…``: our machines."""

    states: tuple[str, ...]
    stale_since: datetime | None
    own_state: str = StalePolicy.HOLD
    own_minutes: int = 60


LAST = datetime(9999, 1, 1, tzinfo=UTC)  # no limit


def safe_until(site: Site, rows: Any, safe: Safe, *, on: date) -> dict[int, datetime]:
    """Until when each of the machines (a queryset) may be kept off; those that run on are left out."""
    found: dict[int, datetime] = {}
    for pk, (state, minutes) in stale_terms(site, rows, safe, on=on).items():
        if not safe.states or state in safe.states:
            since = safe.stale_since
            found[pk] = LAST if since is None else since + timedelta(minutes=minutes)
    return found


def stale_terms(site: Site, rows: Any, safe: Safe, *, on: date) -> dict[int, tuple[str, int]]:
    """What each machine does while data are stale, and for how many minutes at most."""
    machines = [Owned(*row) for row in rows.order_by("pk").values_list("pk", "zone_id", "customer_id")]
    found = {one.pk: (safe.own_state, safe.own_minutes) for one in machines if one.customer is None}
    found |= {one.pk: (str(StalePolicy.RUN), 0) for one in machines if one.customer is not None}
    terms = terms_in_force(site, on)
    by_key = {one.pk: one for one in terms}
    for key, theirs in assign(_of_customers(machines), terms).items():
        said = (str(by_key[key].on_stale), by_key[key].on_stale_max_minutes)
        found |= {one.pk: said for one in theirs}
    return found


def _of_customers(machines: Iterable[Owned]) -> list[Owned]:
    return [one for one in machines if one.customer is not None]

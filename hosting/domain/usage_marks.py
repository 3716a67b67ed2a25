"""Saying that quarter-hours of a site must be reckoned: each once when it is over, and again when something changed."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Min, Q

from hosting.engine.grid import QUARTER, day_start, floor, quarters
from hosting.models import MinerPlacement, PricePlanVersion, Site, UsageClock, UsageDue

FIRST_LOOK = timedelta(days=35)  # how far back a site's clock begins at most
AT_ONCE = timedelta(days=7)


def mark(site: Site, first: datetime, past: datetime) -> int:
    """Mark quarter-hours from one moment to another (exclusive); returns how many."""
    rows = [UsageDue(site=site, interval_start=start) for start in quarters(first, past)]
    UsageDue.objects.bulk_create(rows, batch_size=1000)
    return len(rows)


def mark_days(site: Site, first: date) -> int:
    """Mark what was closed already of the days of a site's calendar from one on; the rest will be anyway.

    Inside a transaction: whoever closes quarter-hours meanwhile waits, and sees what this one changed.
    """
    clock = UsageClock.objects.select_for_update().filter(site=site).first()
    if clock is None:
        return 0
    return mark(site, day_start(first, ZoneInfo(site.time_zone)), clock.closed_until)


def mark_plan(version: PricePlanVersion) -> int:
    """Mark what a version that begins in the past changes: its rule for missing energy."""
    sites = Site.objects.filter(hosting_terms__price_plan=version.plan, hosting_terms__agreed_at__isnull=False)
    return sum(mark_days(site, version.valid_from) for site in sites.distinct())


def close_quarters(*, at: datetime) -> int:
    """Mark the quarter-hours of all sites that are over and were not yet, readings or not; returns how many.

    A site's clock begins with its first machine, or now.
    """
    return sum(_close(site, at) for site in Site.objects.order_by("pk"))


@transaction.atomic
def _close(site: Site, at: datetime) -> int:
    first = MinerPlacement.objects.filter(site=site).aggregate(first=Min("valid_from"))["first"] or at
    begin = floor(max(first, at - FIRST_LOOK), QUARTER)
    UsageClock.objects.get_or_create(site=site, defaults={"closed_until": begin})
    clock = UsageClock.objects.select_for_update().get(site=site)
    past = min(floor(at, QUARTER), clock.closed_until + AT_ONCE)
    if past <= clock.closed_until:
        return 0
    marked = mark(site, clock.closed_until, past)
    clock.closed_until = past
    clock.save(update_fields=["closed_until"])
    return marked


def mark_owners(miner_ids: Sequence[int], since: datetime) -> None:
    """Mark what machines that changed hands in the past stood for since, readings or not."""
    _mark_places(Q(miner__in=miner_ids), since=since, stood_since=since)


def hold_places(miner_ids: Sequence[int], *, stood_since: datetime) -> list[Site]:
    """Lock the sites machines stood at since a moment, before the machines themselves: all lock in that order."""
    stood = MinerPlacement.objects.filter(miner__in=miner_ids).filter(_since(stood_since))
    return list(Site.objects.select_for_update(no_key=True).filter(pk__in=stood.values("site")).order_by("pk"))


def mark_pause(miner_id: int, *, ordered_at: datetime, since: datetime) -> None:
    """Mark what a repair changes from a moment on, wherever the machine stood since it was ordered.

    Inside a transaction: whoever closes quarter-hours meanwhile waits, and sees the order as it is then.
    """
    _mark_places(Q(miner=miner_id), since=since, stood_since=ordered_at)


def _mark_places(machines: Q, *, since: datetime, stood_since: datetime) -> None:
    stood = MinerPlacement.objects.filter(machines).filter(_since(stood_since))
    for site_id, first in stood.values_list("site").annotate(first=Min("valid_from")).order_by("site"):
        clock = UsageClock.objects.select_for_update(of=("self",)).select_related("site").filter(site=site_id).first()
        if clock is not None:
            mark(clock.site, max(first, since), clock.closed_until)


def _since(moment: datetime) -> Q:
    return Q(valid_to__isnull=True) | Q(valid_to__gt=moment)

"""Notice that contracts ask for, when a schedule is turned into plans: nobody is switched off before it is over."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from curtailment.domain.safe_states import Owned
from hosting.domain.charging import assign, terms_in_force
from hosting.models import Miner, Site


def in_time(
    site: Site, begin: datetime, end: datetime, miners: Sequence[int], *, at: datetime
) -> list[tuple[datetime, datetime, tuple[int, ...]]]:
    """A time in parts, each with the machines whose owners have had their notice by then if they hear of it at ``at``.

    Parts without a machine are left out; machines of ours, and of owners who ask for none, are in all of them.
    """
    free_at = _free_at(site, begin, miners, at)
    borders = sorted({begin, *(moment for moment in free_at.values() if begin < moment < end)})
    found = []
    for place, start in enumerate(borders):
        until = borders[place + 1] if place + 1 < len(borders) else end
        some = tuple(pk for pk in miners if free_at.get(pk, begin) <= start)
        if some:
            found.append((start, until, some))
    return found


def _free_at(site: Site, begin: datetime, miners: Sequence[int], at: datetime) -> dict[int, datetime]:
    """When the notice of each machine is over, where terms ask for some."""
    day = begin.astimezone(ZoneInfo(site.time_zone)).date()
    terms = terms_in_force(site, day)
    by_key = {one.pk: one for one in terms}
    rows = Miner.objects.filter(pk__in=miners, customer__isnull=False).values_list("pk", "zone_id", "customer_id")
    found = {}
    for key, machines in assign([Owned(*row) for row in rows.order_by("pk")], terms).items():
        for one in machines:
            found[one.pk] = at + timedelta(minutes=by_key[key].curtailment_notice_minutes)
    return found

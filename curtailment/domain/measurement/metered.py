"""What meters say of a curtailment: the load of the site around an event, and whether machines and meter agree now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Q

from curtailment.engine.before import SETTLING, last_free
from curtailment.engine.metered import Step, agrees, settled
from curtailment.engine.spans import QUARTER, quarter
from curtailment.enums import EventStatus
from curtailment.models import ControlSample, CurtailmentEvent
from hosting.domain.meters.loads import Load, best_of, site_load, site_quarters
from hosting.engine.grid import quarters
from hosting.meter_enums import LoadSource
from hosting.models import Site

BEFORE = 4  # quarter-hours
WITHIN = timedelta(minutes=5)
REACH = timedelta(days=1)  # cooling and weather of another day are not comparable


def load_around(
    event: CurtailmentEvent, start: datetime, end: datetime
) -> tuple[str, Decimal | None, dict[datetime, Decimal]]:
    """Where the load is from, its mean before an event and each quarter-hour from ``start`` to ``end`` (kW).

    Before: the last hour in which nothing was curtailed at the site; None unless all of it is known, within a day.
    ``start`` is the beginning of the quarter-hour in which the event began.
    """
    earlier = _free_quarters(event, start)
    wanted = [*earlier, *quarters(start, end)]
    source, loads = best_of(site_quarters(event.site, min(wanted, default=start), end), wanted)
    known = [loads[moment] for moment in earlier if moment in loads]
    before = sum(known, Decimal(0)) / BEFORE if len(known) == BEFORE else None
    return source or "", before, loads


def _free_quarters(event: CurtailmentEvent, start: datetime) -> list[datetime]:
    """The last four before it in which no other event of the site was running or settling; fewer within a day."""
    others = CurtailmentEvent.objects.filter(site=event.site, started_at__lt=start).exclude(pk=event.pk)
    others = others.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=start - REACH - SETTLING - QUARTER))
    held = [(begun, ended or start) for begun, ended in others.values_list("started_at", "ended_at")]
    pieces = last_free(start, held, step=QUARTER, reach=REACH)
    return [moment for begin, past in pieces for moment in quarters(begin, past)]


def metered_now(site: Site, *, at: datetime) -> Decimal | None:
    """The load (kW) by meters that were read lately; None where nobody knows it now."""
    load = site_load(site, at=at)
    return None if load is None or load.is_stale else load.kw


@dataclass(frozen=True)
class Compared:
    """How much less flows than before: by the machines' own word, and by the meters of the site (kW)."""

    event: CurtailmentEvent
    machines_kw: Decimal
    meter_kw: Decimal
    before_kw: Decimal
    source: LoadSource
    agrees: bool


def compare(site: Site, *, at: datetime) -> Compared | None:
    """Of the event that runs at a site; None while nothing runs, while it still moves, or where no meter speaks."""
    event = CurtailmentEvent.objects.filter(site=site, status=EventStatus.RUNNING).select_related("site").first()
    load: Load | None = site_load(site, at=at) if event is not None else None
    if event is None or load is None or load.is_stale:
        return None
    start = quarter(event.started_at)
    earlier = _free_quarters(event, start)
    loads = dict(site_quarters(site, min(earlier, default=start), start)).get(load.source, {})
    known = [loads[moment] for moment in earlier if moment in loads]
    rows = ControlSample.objects.filter(site=site, at__gt=at - WITHIN, at__lte=at, metered_kw__isnull=False)
    steps = [Step(one.off_kw, one.metered_kw) for one in rows.order_by("at") if one.metered_kw is not None]
    if not known or not settled(steps):
        return None
    before = sum(known, Decimal(0)) / len(known)
    machines = sum((one.off_kw for one in steps), Decimal(0)) / len(steps)
    meter = before - sum((one.metered_kw for one in steps), Decimal(0)) / len(steps)
    fine = agrees(machines, meter, before)
    return Compared(event, machines, meter, before, load.source, agrees=fine)

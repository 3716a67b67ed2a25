"""What meters say of a curtailment: the load of the site around an event, and whether machines and meter agree now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

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


def load_around(site: Site, start: datetime, end: datetime) -> tuple[str, Decimal | None, dict[datetime, Decimal]]:
    """Where the load is from, its mean in the hour before ``start`` and each quarter-hour from there to ``end`` (kW).

    The mean is None unless all of the hour is known. ``start`` is the beginning of a quarter-hour.
    """
    earlier = [start - QUARTER * number for number in range(1, BEFORE + 1)]
    source, loads = best_of(site_quarters(site, earlier[-1], end), [*earlier, *quarters(start, end)])
    known = [loads[moment] for moment in earlier if moment in loads]
    before = sum(known, Decimal(0)) / BEFORE if len(known) == BEFORE else None
    return source or "", before, loads


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
    earlier = [start - QUARTER * number for number in range(1, BEFORE + 1)]
    loads = dict(site_quarters(site, earlier[-1], start)).get(load.source, {})
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

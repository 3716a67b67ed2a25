"""What was measured during dispatches, told to the OpenADR servers that called them.

By the best way in which the load of the site is known when the first quarter-hour is told, and by that one for all of
the dispatch: a meter and a sum of machines must not be compared with each other. Of a part of the site nothing is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import F, Q

from curtailment.clients.openadr import Vtn
from curtailment.engine.openadr import Event
from curtailment.engine.openadr_bodies import REPORTED, Quarter, report_body
from curtailment.engine.spans import QUARTER, quarter
from curtailment.enums import WANTED_STATES, DispatchState, OpenAdrVersion
from curtailment.models import Dispatch, VtnConnection, VtnResource
from hosting.domain.meters.loads import site_quarters
from hosting.meter_enums import LoadSource
from hosting.models import Site

RIPE = timedelta(minutes=10)  # so long after its end a quarter-hour has been closed
METER_WITHIN = timedelta(hours=1)  # so long the first quarter-hour waits for a meter before the machines are asked
PATIENCE = timedelta(hours=6)  # what was not measured by then never will be
MOST_QUARTERS = 96  # at once


@dataclass(frozen=True)
class Measured:
    """Quarter-hours of a site that are known, up to when that is settled, and by whom (empty: not decided yet)."""

    quarters: list[Quarter]
    upto: datetime
    source: str


def send_reports(
    row: VtnConnection, resources: Sequence[VtnResource], heard: Mapping[str, Event], talk: Vtn, *, at: datetime
) -> int:
    """Measured quarter-hours of dispatches that run or ran, each once; as far as they are known. How many reports."""
    names = {one.site_id: one.name for one in resources}
    rows = Dispatch.objects.filter(connection=row, state__in=(*WANTED_STATES, DispatchState.ENDED), starts_at__lt=at)
    rows = rows.filter(Q(ended_at__isnull=True) | Q(reported_to__isnull=True) | Q(reported_to__lt=F("ended_at")))
    count = 0
    for one in rows.filter(starts_at__gt=at - timedelta(days=31)).select_related("site").order_by("pk"):
        kinds = [kind for kind in heard[one.event_id].reports if kind in REPORTED] if one.event_id in heard else []
        asked = one.event_id in heard and heard[one.event_id].reports
        begin = max(one.reported_to or quarter(one.starts_at), quarter(one.starts_at))
        found = measured(one.site, begin, min(one.ended_at or at, at), at=at, source=one.reported_from)
        if (asked and not kinds) or not found.quarters or one.site_id not in names:
            _reported(one, found)
            continue
        body = report_body(
            event_id=one.event_id, program_id=heard[one.event_id].program_id if one.event_id in heard else "",
            client=row.ven_name, resource=names[one.site_id], interval=one.event_interval or 0,
            quarters=found.quarters, kinds=kinds or list(REPORTED), newer=row.openadr_version != OpenAdrVersion.V30,
            is_estimated=found.source == LoadSource.MACHINES,
        )  # fmt: skip
        if body.get("programID") != "":
            talk.send_report(body)
            count += 1
        _reported(one, found)
    return count


def _reported(one: Dispatch, found: Measured) -> None:
    if one.reported_to is None or found.upto > one.reported_to or found.source != one.reported_from:
        Dispatch.objects.filter(pk=one.pk).update(
            reported_to=max(found.upto, one.reported_to or found.upto), reported_from=found.source
        )


def measured(site: Site, begin: datetime, end: datetime, *, at: datetime, source: str = "") -> Measured:
    """Energy of a whole site by quarter-hours from ``begin`` on, as far as it is known; machines with the site's PUE.

    ``source`` (LoadSource) is by whom it was reported so far; empty: the best that knows the first quarter-hour, for
    which a meter of the site has an hour.
    """
    found: list[Quarter] = []
    moment, end = begin, min(end, _ripe(at), begin + MOST_QUARTERS * QUARTER)
    ways = dict(site_quarters(site, begin, end)) if begin < end else {}
    while moment < end:
        source = source or _first_source(ways, moment, at)
        kw = ways.get(LoadSource(source), {}).get(moment) if source else None
        if kw is not None:
            found.append(Quarter(moment, kw * (site.pue if source == LoadSource.MACHINES else Decimal(1)) / 4))
        elif at - moment < PATIENCE:
            break
        moment += QUARTER
    return Measured(found, moment, source)


def _ripe(at: datetime) -> datetime:
    """The end of the last quarter-hour that has been closed."""
    return quarter(at - RIPE)


def _first_source(ways: Mapping[LoadSource, Mapping[datetime, Decimal]], moment: datetime, at: datetime) -> str:
    """The better ways stand first."""
    for source, known in ways.items():
        if moment in known:
            return str(source)
        if source != LoadSource.MACHINES and at < moment + QUARTER + METER_WITHIN:
            return ""
    return ""

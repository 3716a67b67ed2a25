"""How many machines stand where and what they draw by nameplate: counted for lists, kept for those who ask often."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import BigIntegerField, Count, FloatField, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Cast, Coalesce, NullIf
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashinsight.jobs.enums import RunState
from hashinsight.jobs.models import JobRun
from hashinsight.notify.registry import Finding
from hosting.enums import MinerIntent
from hosting.models import Miner, PlaceCount, Site, Zone

JOB = "hosting.verify_counts"
NAMED = 10
LOCK = 4_731_002  # advisory, of the transaction

# One statement, so that what is folded, and what it is held against, are of one moment.
_VERIFY = """
WITH gone AS (DELETE FROM hosting_placecount RETURNING *), said AS (
    SELECT site_id, zone_id, sum(machines) machines, sum(active) active, sum(nameplate_w) nameplate_w,
           sum(unknown) unknown
      FROM gone GROUP BY site_id, zone_id
), truth AS (
    SELECT site_id, zone_id, count(*) machines, count(*) FILTER (WHERE intent = 'active') active,
           coalesce(sum(nameplate_w), 0) nameplate_w, count(*) FILTER (WHERE nameplate_w IS NULL) unknown
      FROM hosting_miner WHERE site_id IS NOT NULL GROUP BY site_id, zone_id
), kept AS (
    INSERT INTO hosting_placecount (site_id, zone_id, machines, active, nameplate_w, unknown, written_at)
    SELECT site_id, zone_id, machines, active, nameplate_w, unknown, %(at)s FROM truth RETURNING id
)
SELECT coalesce(said.site_id, truth.site_id), coalesce(said.zone_id, truth.zone_id),
       coalesce(said.machines, 0), coalesce(truth.machines, 0), (SELECT count(*) FROM kept)
  FROM said FULL JOIN truth
    ON said.site_id = truth.site_id AND coalesce(said.zone_id, 0) = coalesce(truth.zone_id, 0)
 WHERE (coalesce(said.machines, 0), coalesce(said.active, 0), coalesce(said.nameplate_w, 0), coalesce(said.unknown, 0))
    IS DISTINCT FROM
       (coalesce(truth.machines, 0), coalesce(truth.active, 0), coalesce(truth.nameplate_w, 0),
        coalesce(truth.unknown, 0))
 ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Counted:
    """What stands in a place (kW by nameplate; machines of unknown power are in no kW)."""

    machines: int
    active: int
    placed_kw: Decimal
    unknown: int


def with_load(places: QuerySet[Any]) -> QuerySet[Any]:
    """Sites or zones with ``machines_here``, ``active_here``, ``placed_w`` and ``use``, counted in the same query."""
    column = "site" if places.model is Site else "zone"
    here = Miner.objects.filter(**{column: OuterRef("pk")}).order_by().values(column)
    watts = Subquery(here.annotate(n=Sum("nameplate_w")).values("n"), output_field=BigIntegerField())
    machines = Subquery(here.annotate(n=Count("pk")).values("n"), output_field=BigIntegerField())
    running = here.filter(intent=MinerIntent.ACTIVE)
    active = Subquery(running.annotate(n=Count("pk")).values("n"), output_field=BigIntegerField())
    rows = places.annotate(
        machines_here=Coalesce(machines, 0), active_here=Coalesce(active, 0), placed_w=Coalesce(watts, 0)
    )
    kw = Cast("placed_w", FloatField()) / 1000.0
    found: QuerySet[Any] = rows.annotate(use=kw / NullIf(Cast("capacity_kw", FloatField()), Value(0.0)))
    return found


def counts_of_sites() -> dict[int, Counted]:
    """What stands at each site, by its key, from the count that is kept."""
    sums = PlaceCount.objects.order_by().values_list("site_id").annotate(
        Sum("machines"), Sum("active"), Sum("nameplate_w"), Sum("unknown")
    )  # fmt: skip
    return {
        site: Counted(machines, active, Decimal(watts) / 1000, unknown)
        for site, machines, active, watts, unknown in sums
    }


@transaction.atomic
def verify_counts(*, at: datetime) -> dict[str, Any]:
    """Fold the count into one row per place, as the machines say; returns how many places, and where it was wrong."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute(_VERIFY, {"at": at})
        wrong = cursor.fetchall()
    named = [f"{_name(site, zone)}: {said} → {truth}" for site, zone, said, truth, _kept in wrong[:NAMED]]
    return {"places": PlaceCount.objects.count(), "differed": len(wrong), "where": named}


def _name(site_id: int, zone_id: int | None) -> str:
    place = Zone.objects.filter(pk=zone_id).select_related("site").first() if zone_id else None
    return str(place or Site.objects.filter(pk=site_id).first() or site_id)


def drifted_counts(at: datetime) -> Iterator[Finding]:
    """The last check found places counted wrongly: put right by then, but somebody writes behind the count's back."""
    last = JobRun.objects.filter(job=JOB, state=RunState.DONE).order_by("-period_start").first()
    differed = last.result.get("differed", 0) if last is not None else 0
    if last is not None and differed:
        yield Finding(
            key="counts",
            title=ngettext(
                "The count of %(count)s place was wrong", "The counts of %(count)s places were wrong", differed
            )
            % {"count": differed},
            text=_("Put right by the check: %(where)s (kept → real).")
            % {"where": "; ".join(last.result.get("where", []))},
        )

"""Tiles of the start page: what the machines of each site do now, and the tickets that wait."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Max, Q, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hashinsight.common.tiles import Tile, register_tile
from hosting.enums import MinerHealth, MinerIntent, PlaceStatus, TelemetryState, TicketStatus
from hosting.models import Miner, MinerLatest, Site, Ticket

FRESH = timedelta(minutes=15)  # an older reading says nothing of now
UNWELL = (MinerHealth.DEGRADED, MinerHealth.OFFLINE, MinerHealth.STALE, MinerHealth.LOST)


def fleet() -> Mapping[str, Any]:
    """Per site: machines meant to run, those that answered, hashrate, power and J/TH of the fresh readings, the unwell.

    J/TH is of machines that said both figures; a site that nobody reads shows none instead of zero.
    """
    now = timezone.now()
    fresh = MinerLatest.objects.filter(recorded_at__gt=now - FRESH).exclude(state=TelemetryState.UNREACHABLE)
    both = Q(hashrate_ths__gt=0, power_w__isnull=False)
    said = {
        row["miner__site"]: row
        for row in fresh.values("miner__site").annotate(
            answered=Count("pk"), measured=Count("power_w"), ths=Sum("hashrate_ths"), watts=Sum("power_w"),
            ths_of_both=Sum("hashrate_ths", filter=both), watts_of_both=Sum("power_w", filter=both),
        )
    }  # fmt: skip
    newest = dict(MinerLatest.objects.values_list("miner__site").annotate(Max("recorded_at")))
    placed = Miner.objects.exclude(intent=MinerIntent.RETIRED).values("site").annotate(
        machines=Count("pk"), wanted=Count("pk", filter=Q(intent=MinerIntent.ACTIVE)),
        unwell=Count("pk", filter=Q(intent=MinerIntent.ACTIVE, health__in=UNWELL)),
    )  # fmt: skip
    counts = {row["site"]: row for row in placed}
    sites = Site.objects.filter(status=PlaceStatus.ACTIVE, pk__in=counts).order_by("name")
    return {"rows": [_row(site, counts[site.pk], said.get(site.pk, {}), newest.get(site.pk)) for site in sites]}


def _row(site: Site, counts: Mapping[str, Any], said: Mapping[str, Any], newest: Any) -> dict[str, Any]:
    ths, watts, of_both = said.get("ths"), said.get("watts"), said.get("ths_of_both")
    return {
        "site": site.name,
        "url": _miners(site),
        "machines": counts["machines"],
        "wanted": counts["wanted"],
        "answered": said.get("answered", 0),
        "phs": None if ths is None else ths / 1000,
        "measured": said.get("measured", 0),
        "kw": None if watts is None else watts / 1000,
        "j_th": said["watts_of_both"] / of_both if of_both else None,
        "unwell": counts["unwell"],
        "unwell_url": _miners(site, ("intent__exact", MinerIntent.ACTIVE), *(("health__exact", one) for one in UNWELL)),
        "newest": newest,
    }


def _miners(site: Site, *more: tuple[str, str]) -> str:
    query = urlencode([("site__id__exact", site.pk), *more])
    return f"{reverse('admin:hosting_miner_changelist')}?{query}"


def tickets() -> Mapping[str, Any]:
    """Tickets that are not done; red while one is later than promised."""
    waiting = Ticket.objects.exclude(status__in=[TicketStatus.RESOLVED, TicketStatus.CLOSED])
    found = waiting.aggregate(
        total=Count("pk"),
        late=Count("pk", filter=Q(waiting_since__isnull=True, resolve_due_at__lt=timezone.now())),
        nobodys=Count("pk", filter=Q(assigned_to__isnull=True)),
    )
    rows = [
        {"label": _("later than promised"), "count": found["late"]},
        {"label": _("of nobody yet"), "count": found["nobodys"]},
    ]
    return {
        "big": found["total"],
        "noun": ngettext("open ticket", "open tickets", found["total"]),
        "bad": found["late"] > 0,
        "rows": [row for row in rows if row["count"]],
        "url": reverse("admin:hosting_ticket_changelist"),
        "empty": "" if found["total"] else _("Nobody asks for anything."),
    }


def register_tiles() -> None:
    """Called once from ``ready()``."""
    register_tile(
        Tile(
            "hosting.fleet", gettext_lazy("Machines now"), "hosting.view_miner", "hosting/admin/tiles/fleet.html",
            fleet, 5, 4, stale_after=frozenset({"miner"}),
        )
    )  # fmt: skip
    register_tile(
        Tile(
            "hosting.tickets", gettext_lazy("Tickets"), "hosting.view_ticket", "admin/house/tiles/number.html", tickets,
            26, 1, stale_after=frozenset({"ticket"}),
        )
    )  # fmt: skip

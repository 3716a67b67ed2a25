"""Pictures: a machine over time, and the racks of a zone by the state of their machines."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.charting import csv_file
from hashinsight.common.admin.display import moment_text, number_text
from hashinsight.common.admin.object_page import ObjectPage
from hosting.domain import charts, rackmap
from hosting.domain.charts import Period, Point
from hosting.enums import MinerIntent
from hosting.models import Zone

PERIODS = {
    Period.DAY: gettext_lazy("24 hours"),
    Period.WEEK: gettext_lazy("7 days"),
    Period.MONTH: gettext_lazy("30 days"),
    Period.YEAR: gettext_lazy("12 months"),
}
# Name, title, unit, colour of the house.
CURVES = (
    ("hashrate_ths", gettext_lazy("Hashrate"), "TH/s", "var(--color-primary-600)"),
    ("power_w", gettext_lazy("Power"), "W", "var(--color-primary-400)"),
    ("temperature_c", gettext_lazy("Hottest chip"), "°C", "var(--color-primary-800)"),
)
SIGNIFICANT = 4


@dataclass(frozen=True)
class Part:
    """A stretch of the ribbon: where it begins and how wide it is, in thousandths of the whole."""

    x: float
    width: float
    intent: str
    title: str


class ChartsPage(ObjectPage):
    """Hashrate, power and temperature of one machine, and what it was meant to do; each as CSV too."""

    power = "view"
    label = gettext_lazy("Charts")
    icon = "monitoring"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page, or the file of one curve."""
        miner, at = self.objects[0], timezone.now()
        wanted = request.GET.get("period", "")
        period = Period(wanted) if wanted in list(Period) else Period.DAY
        points = charts.points(miner, period=period, at=at)
        curve = request.GET.get("csv", "")
        if curve in {name for name, *_rest in CURVES}:
            return self.file(f"{miner.serial}-{curve}-{period}", points, curve)
        page = self.model_admin
        context = {
            **page.admin_site.each_context(request),
            "title": _("Charts of %(miner)s") % {"miner": miner},
            "subtitle": None,
            "opts": page.opts,
            "object": miner,
            "back_url": self.back_url(),
            "periods": [(one.value, label, one is period) for one, label in PERIODS.items()],
            "curves": [self.curve(points, *curve, period=period) for curve in CURVES],
            "ribbon": self.ribbon(miner, period, at),
            "intents": MinerIntent.choices,
            "coverage": self.coverage(points),
            "latest": getattr(miner, "latest", None),
        }
        request.current_app = page.admin_site.name
        return TemplateResponse(request, "hosting/admin/charts.html", context)

    def curve(self, points: list[Point], name: str, title: Any, unit: str, colour: str, *, period: Period) -> Any:
        """One picture, with its newest and mean value in words."""
        values = [getattr(point, name) for point in points]
        known = [value for value in values if value is not None]
        form = {Period.DAY: "H:i", Period.WEEK: "D H:i", Period.MONTH: "j.n. H:i", Period.YEAR: "j.n."}[period]
        data = {
            "labels": [_label(point.start, form, period) for point in points],
            "datasets": [
                {
                    "label": f"{title} ({unit})", "data": [_short(value) for value in values], "borderColor": colour,
                    "borderWidth": 1.5, "pointRadius": 0, "spanGaps": False, "displayYAxis": True, "suffixYAxis": unit,
                    "maxTicksXLimit": 8,
                }
            ],
        }  # fmt: skip
        return {
            "name": name, "title": title, "unit": unit, "data": json.dumps(data, ensure_ascii=False),
            "has_values": bool(known), "mean": _short(sum(known) / len(known)) if known else None,
            "highest": _short(max(known)) if known else None, "csv": f"?period={period}&csv={name}",
        }  # fmt: skip

    def ribbon(self, miner: Any, period: Period, at: datetime) -> list[Part]:
        """What it was meant to do, as parts of a line."""
        start, end = charts.span_of(period, at=at)
        whole = (end - start).total_seconds()
        parts = []
        for stretch in charts.intents(miner, start=start, end=end):
            words = stretch.intent.label if stretch.intent else _("not known to us yet")
            parts.append(
                Part(
                    x=round((stretch.start - start).total_seconds() / whole * 1000, 2),
                    width=round((stretch.end - stretch.start).total_seconds() / whole * 1000, 2),
                    intent=stretch.intent or "none",
                    title=f"{words}: {moment_text(stretch.start)} – {moment_text(stretch.end)}",
                )
            )
        return parts

    def coverage(self, points: list[Point]) -> str:
        """How much of the span was read, up to now."""
        past = [point for point in points if point.start <= timezone.now()]
        return f"{100 * sum(point.coverage for point in past) / len(past):.0f} %" if past else "–"

    def file(self, name: str, points: Iterable[Point], curve: str) -> HttpResponse:
        """Moment (UTC), value, share of the time that was read; an empty value is one nobody stated."""
        rows = (
            (
                point.start.isoformat().replace("+00:00", "Z"),
                None if getattr(point, curve) is None else f"{getattr(point, curve):.6g}",
                f"{point.coverage:.4f}",
                None if point.online_ratio is None else f"{point.online_ratio:.4f}",
            )
            for point in points
        )
        return csv_file(name, ["start_utc", curve, "coverage", "online_ratio"], rows)


def _label(moment: datetime, form: str, period: Period) -> str:
    return date_format(moment if period is Period.YEAR else localtime(moment), form)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{SIGNIFICANT}g}")


class RackMapPage(ObjectPage):
    """The racks of a zone, slot by slot, by the state of the machines."""

    power = "view"
    label = gettext_lazy("Rack map")
    icon = "grid_on"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """All racks of the zone, and the machines that stand in none."""
        zone: Zone = self.objects[0]
        found = rackmap.map_of(zone, at=timezone.now())
        page = self.model_admin
        context = {
            **page.admin_site.each_context(request),
            "title": _("Rack map of %(zone)s") % {"zone": zone},
            "subtitle": None,
            "opts": page.opts,
            "object": zone,
            "back_url": self.back_url(),
            "map": found,
            "hashrate": number_text(found.hashrate_phs),
            "kilowatts": number_text(found.power_kw),
        }
        request.current_app = page.admin_site.name
        return TemplateResponse(request, "hosting/admin/rack_map.html", context)

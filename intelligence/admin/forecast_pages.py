"""Forecasts as pictures, and what they have been worth."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.charting import Line, chart
from hashinsight.common.admin.display import day_text, moment_text, money_text, number_text, percent_text
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.common.audit import audit_context
from intelligence import rules
from intelligence.admin.forecast_files import day_file, energy_run, error_text, hour_file, score_file, scores_of
from intelligence.domain import energy_forecasts, forecasting, pictures, scoring
from intelligence.domain.pictures import FanPoint
from intelligence.enums import ForecastKind, Verdict
from intelligence.models import ForecastRun, ForecastScore
from marketdata.models import PriceSeries

TRILLION = Decimal(10**12)
OLD = timedelta(days=2)  # a day is known an hour or so after its end
KINDS = (ForecastKind.PRICE, ForecastKind.DIFFICULTY)
UNITS = {ForecastKind.PRICE: "USD", ForecastKind.DIFFICULTY: "T"}


class ForecastsPage(ObjectPage):
    """A fan chart and a score card for each kind; a forecast without skill says so."""

    power = "view"
    for_one = False
    for_none = True
    list_label = gettext_lazy("Forecasts as pictures")
    icon = "query_stats"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page, or one of its files."""
        file = self.file(request.GET.get("csv", ""), request.GET.get("scores", ""))
        if file is not None:
            return file
        page = self.model_admin
        context = {
            **page.admin_site.each_context(request),
            "title": _("Forecasts"),
            "subtitle": None,
            "opts": page.opts,
            "parts": [*map(self.part, KINDS), *map(self.market, energy_forecasts.markets())],
            "may_run": rules.may_run_forecast(request.user),
        }
        request.current_app = page.admin_site.name
        return TemplateResponse(request, "intelligence/admin/forecasts.html", context)

    def file(self, picture: str, card: str) -> HttpResponse | None:
        """A picture or a score card: of a kind, or of a market by the code of its series."""
        wanted = picture or card
        if wanted in KINDS:
            kind = ForecastKind(wanted)
            return day_file(kind) if picture else score_file(wanted, scores_of(kind))
        series = energy_forecasts.markets().filter(code=wanted).first() if wanted else None
        if series is None:
            return None
        if picture:
            return hour_file(series, at=timezone.now())
        return score_file(series.code, scores_of(ForecastKind.ENERGY, series))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Look at the data now, whatever the cache says."""
        if not rules.may_run_forecast(request.user):
            raise PermissionDenied
        with audit_context(actor=request.user, source="admin"):
            for kind in KINDS:
                try:
                    run = forecasting.current(kind, at=timezone.now(), by=request.user, renew=True)
                except forecasting.ForecastNotMade as refusal:
                    messages.error(request, str(refusal))
                else:
                    said = {"kind": kind.label, "day": day_text(run.issued_at)}
                    messages.success(request, _("%(kind)s: the forecast knows all days up to %(day)s.") % said)
            energy_forecasts.forecast_due(at=timezone.now())
            scoring.rescore_all(at=timezone.now())
        return HttpResponseRedirect(request.path)

    def part(self, kind: ForecastKind) -> dict[str, Any]:
        """One kind: its run, its picture, its score card."""
        run = pictures.current_run(kind)
        verdict = scoring.verdict(kind)
        found: dict[str, Any] = {
            "kind": kind, "title": capfirst(kind.label), "unit": UNITS[kind], "run": run, "verdict": verdict,
            "verdict_text": verdict.label, "has_skill": verdict == Verdict.SKILL,
            "no_skill": verdict == Verdict.NO_SKILL, "scores": [_score(row) for row in scores_of(kind)],
            "scores_csv": f"?scores={kind}",
        }  # fmt: skip
        if run is None:
            return found
        points = pictures.fan(run)
        scale = TRILLION if kind is ForecastKind.DIFFICULTY else Decimal(1)
        return found | {
            "is_old": timezone.now() - run.issued_at > OLD,
            "issued": day_text(run.issued_at),
            "data": _picture(points, scale, UNITS[kind]),
            "facts": _facts(run),
            "values": [
                (point.horizon, moment_text(point.at), _shown(kind, point.value), _shown(kind, point.lower),
                 _shown(kind, point.upper), _shown(kind, point.naive))
                for point in run.points.order_by("horizon")
            ],
            "csv": f"?csv={kind}",
        }  # fmt: skip

    def market(self, series: PriceSeries) -> dict[str, Any]:
        """The energy prices of the next day, of one market."""
        run = energy_run(series)
        rows = list(scores_of(ForecastKind.ENERGY, series))
        last = rows[-1] if rows else None
        verdict = Verdict(last.verdict) if last else Verdict.UNKNOWN
        found: dict[str, Any] = {
            "title": series.name, "unit": series.per, "run": run, "verdict": verdict, "by_hours": True,
            "has_skill": verdict == Verdict.SKILL, "no_skill": verdict == Verdict.NO_SKILL,
            "scores": [_score(row) for row in rows], "scores_csv": f"?scores={series.code}",
        }  # fmt: skip
        if run is None:
            return found
        zone = ZoneInfo(series.time_zone)
        points = pictures.fan_of_hours(run, at=timezone.now())
        labels = [date_format(start.astimezone(zone), "j.n. H:i") for start, _point in points]
        return found | {
            "data": _picture([point for _start, point in points], Decimal(1), series.per, labels, past=False),
            "facts": _facts(run, hours=True),
            "values": [
                (point.horizon, date_format(point.at.astimezone(zone), "j.n. H:i"),
                 *(number_text(round(one, 2)) for one in (point.value, point.lower, point.upper, point.naive)))
                for point in run.points.order_by("horizon")
            ],
            "csv": f"?csv={series.code}",
        }  # fmt: skip


def _picture(
    points: Sequence[FanPoint], scale: Decimal, unit: str, labels: Sequence[str] | None = None, *, past: bool = True
) -> str:
    def line(name: str) -> list[float | None]:
        return [None if (value := getattr(point, name)) is None else float(value / scale) for point in points]

    steps = unit == UNITS[ForecastKind.DIFFICULTY]  # it changes at retargets and never between
    lines = [
        Line(_("actual"), line("actual"), stepped=steps),
        Line(_("forecast"), line("value"), "third", stepped=steps),
        Line(_("lower bound"), line("lower"), "second", dashed=True),
        Line(_("upper bound"), line("upper"), "second", dashed=True, fill="-1"),
    ]
    if past:
        lines.append(Line(_("forecast seven days before"), line("past"), "past", dashed=True))
    return chart(labels or [date_format(point.day, "j.n.") for point in points], lines, unit=unit)


def _facts(run: ForecastRun, *, hours: bool = False) -> list[tuple[Any, Any]]:
    facts = [
        (_("model"), run.model_name),
        (_("knows all up to"), moment_text(run.issued_at)),
        (_("hours it was made from") if hours else _("days it was made from"), run.observations),
        (_("made"), moment_text(run.computed_at)),
        (_("remarks"), ", ".join(run.flags) or "–"),
    ]
    for one in run.params.get("retargets", [])[:2]:
        at = one["at"][:16].replace("T", " ")
        change = number_format(round(one["change_percent"], 2), decimal_pos=2, use_l10n=True)
        facts.append((_("expected retarget"), f"{at} UTC: {change} %"))
    return facts


def _shown(kind: ForecastKind, value: Decimal) -> str:
    if kind is ForecastKind.PRICE:
        return money_text(value, "USD")
    return f"{number_text(round(value / TRILLION, 3))} T"


def _score(row: ForecastScore) -> tuple[Any, ...]:
    return (
        row.horizon, row.forecasts, *(error_text(row, value) for value in (row.mae, row.rmse, row.naive_mae)),
        "–" if row.skill is None else percent_text(row.skill),
        "–" if row.coverage is None else percent_text(row.coverage), row.get_verdict_display(),
    )  # fmt: skip

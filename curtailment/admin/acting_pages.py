"""What a rule would have done, and what came of it: a chart and a table, and nothing is kept by looking."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from curtailment.admin.effects import DASH, kw_text
from curtailment.domain.rules.peak_watch import loads_as_known, real_peaks
from curtailment.domain.rules.points import ahead
from curtailment.domain.rules.replays import Replayed, Spell, replay_strike
from curtailment.domain.rules.strikes import unit_fault
from curtailment.engine.peaks import Load, Replay, intervals, replay
from curtailment.engine.strike import Window
from curtailment.models import PeakRule, StrikeRule
from hashinsight.common.admin.charting import Line, chart, csv_file
from hashinsight.common.admin.confirm import Table
from hashinsight.common.admin.display import moment_text, money_text, number_text, price_text
from hashinsight.common.admin.object_page import ObjectPage

SPANS = {"7": gettext_lazy("7 days"), "30": gettext_lazy("30 days"), "92": gettext_lazy("92 days")}
MOST_POINTS = 700
MOST_ROWS = 60
HEADERS = [
    "start_utc", "end_utc", "hours", "model", "highest_cost_per_kwh", "mean_cost_per_kwh", "kwh", "avoided", "currency",
    "forgone_usd_now",
]  # fmt: skip
PLACES = Decimal("0.0001")


class _Page(ObjectPage):
    """A page with spans of time to choose from."""

    power = "view"
    spans = SPANS
    standard = "30"
    template = "curtailment/admin/replay.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page, or its rows as a file."""
        days = request.GET.get("days", "")
        days = days if days in self.spans else self.standard
        now = timezone.now()
        rule = self.objects[0]
        if "csv" in request.GET:
            return self.file(rule, now - timedelta(days=int(days)), now)
        page = self.model_admin
        context = {
            **page.admin_site.each_context(request), "subtitle": None, "opts": page.opts, "object": rule,
            "back_url": self.back_url(), "spans": [(key, text, key == days) for key, text in self.spans.items()],
            "csv": f"?days={days}&csv=1", **self.shown(rule, now - timedelta(days=int(days)), now),
        }  # fmt: skip
        request.current_app = page.admin_site.name
        return TemplateResponse(request, self.template, context)

    def shown(self, rule: Any, start: datetime, now: datetime) -> dict[str, Any]:
        """What this page says."""
        raise NotImplementedError

    def file(self, rule: Any, start: datetime, now: datetime) -> HttpResponse:
        """The same rows."""
        raise NotImplementedError


class ReplayPage(_Page):
    """What a strike rule would have done with the prices of the last days."""

    label = gettext_lazy("What it would have done")
    icon = "replay"

    def shown(self, rule: StrikeRule, start: datetime, now: datetime) -> dict[str, Any]:
        """Figures, chart, times off."""
        title = _("What %(rule)s would have done") % {"rule": rule}
        if fault := unit_fault(rule):
            return {"title": title, "warnings": [fault], "facts": [], "tables": []}
        found = replay_strike(rule, start=start, at=now)
        return {
            "title": title, "facts": _figures(rule, found), "warnings": _warnings(rule, found), "unit": _unit(rule),
            "picture": _picture(rule, found) if found.windows else "", "tables": [_spells(rule, found.spells)],
        }  # fmt: skip

    def file(self, rule: StrikeRule, start: datetime, now: datetime) -> HttpResponse:
        """Times off."""
        found = replay_strike(rule, start=start, at=now)
        rows = [
            [
                one.start.isoformat(), one.end.isoformat(), round(one.hours, 4), one.name, one.highest, one.mean,
                one.kwh, one.avoided, rule.site.currency, one.forgone_usd,
            ]
            for one in found.spells
        ]  # fmt: skip
        return csv_file(f"replay-{rule.name}", HEADERS, rows)


def _unit(rule: StrikeRule) -> str:
    return f"{rule.site.currency}/kWh"


def _figures(rule: StrikeRule, found: Replayed) -> list[tuple[Any, Any]]:
    currency = rule.site.currency
    forgone = found.forgone_usd
    facts: list[tuple[Any, Any]] = [
        (_("times off"), number_text(Decimal(len(found.spells)))),
        (_("hours off"), number_text(round(found.hours, 2))),
        (_("energy not bought"), f"{number_text(round(found.kwh, 0))} kWh"),
        (_("which would have cost"), money_text(found.avoided, currency)),
        (_("not mined, as it is worth now"), DASH if forgone is None else money_text(forgone, "USD")),
    ]
    if forgone is not None and found.usd_per is not None:
        gained = found.avoided - forgone / found.usd_per
        facts.append((_("gained, if a kWh not bought is a kWh saved"), money_text(gained, currency)))
    for one in found.classes:
        level = DASH if one.levels is None else price_text(one.levels.strike.quantize(PLACES), currency)
        facts.append((one.name or _("goes off"), f"{kw_text(one.kw)}, {_('above')} {level}"))
    return facts


def _warnings(rule: StrikeRule, found: Replayed) -> list[str]:
    said = []
    if not found.windows:
        said.append(_("The series has no values of these days."))
    if found.doubtful:
        said.append(
            ngettext(
                "%(count)s interval would not have been believed: more than %(times)s times the median.",
                "%(count)s intervals would not have been believed: more than %(times)s times the median.",
                found.doubtful,
            )
            % {"count": found.doubtful, "times": number_text(rule.median_times)}
        )
    strikes = [*(one.levels.strike for one in found.classes if one.levels is not None), rule.high_strike]
    dear = max((one for one in strikes if one is not None), default=None)
    if found.believed_to is not None and dear is not None and dear > rule.adders.cost(found.believed_to):
        said.append(
            _("Prices above %(price)s are not believed now, and %(strike)s is above: raise “not believed above”.")
            % {
                "price": price_text(found.believed_to.quantize(PLACES), rule.site.currency),
                "strike": price_text(dear.quantize(PLACES), rule.site.currency),
            }
        )
    if any(one.kw == 0 for one in found.classes):
        said.append(_("There is no machine that could be switched off now."))
    return said


def _picture(rule: StrikeRule, found: Replayed) -> str:
    """Each interval, or the dearest of several: a picture that hides the peak hides the reason."""
    zone = ZoneInfo(rule.site.time_zone)
    count = max(1, -(-len(found.windows) // MOST_POINTS))
    parts = [found.windows[place : place + count] for place in range(0, len(found.windows), count)]
    labels = [date_format(part[0][0].start.astimezone(zone), "j.n. H:i") for part in parts]
    costs = [float(max(cost for _window, cost in part)) for part in parts]
    off = [
        costs[place]
        if any(one.start < part[-1][0].end and part[0][0].start < one.end for one in found.spells)
        else None
        for place, part in enumerate(parts)
    ]
    lines = [Line(_("off"), off, "past"), Line(_("what a kWh costs"), costs, "second")]  # the first lies on top
    levels = [one.levels.strike for one in found.classes if one.levels is not None]
    if levels:
        lines.append(Line(_("strike"), [float(min(levels))] * len(labels), "third", dashed=True))
    return chart(labels, lines, unit=_unit(rule))


def _spells(rule: StrikeRule, spells: Sequence[Spell]) -> Table:
    currency = rule.site.currency
    rows = [
        (
            moment_text(one.start), moment_text(one.end), number_text(round(one.hours, 2)), one.name or DASH,
            price_text(one.highest.quantize(PLACES), currency), price_text(one.mean.quantize(PLACES), currency),
            number_text(round(one.kwh, 0)), money_text(one.avoided, currency),
        )
        for one in list(reversed(spells))[:MOST_ROWS]
    ]  # fmt: skip
    headers = [
        _("from"), _("to"), _("hours off"), _("model"), _("dearest kWh"), _("mean kWh"), "kWh", _("would have cost"),
    ]  # fmt: skip
    title = _("Times off, the newest first")
    if len(spells) > MOST_ROWS:
        title = _("The newest %(count)s times off; the file has all") % {"count": MOST_ROWS}
    return Table(headers, rows, right=(2, 4, 5, 6, 7), title=title)


class PeaksPage(_Page):
    """The real peaks with what was off, and what the rule would have done with the loads there are."""

    label = gettext_lazy("Peaks")
    icon = "monitoring"
    spans = {"30": gettext_lazy("30 days"), "92": gettext_lazy("92 days"), "366": gettext_lazy("a year")}
    standard = "92"

    def shown(self, rule: PeakRule, start: datetime, now: datetime) -> dict[str, Any]:
        """Figures, chart, peaks."""
        loads = loads_as_known(rule, start=start, at=now)
        found = replay(loads, _forecast(rule, start, now), rule.terms, longest=timedelta(minutes=rule.longest_minutes))
        facts = [
            (_("peaks it would have been off for"), f"{found.hits} / {len(found.peaks)}"),
            (_("times off"), number_text(Decimal(len(found.off)))),
            (_("hours off"), number_text(round(found.hours_off, 1))),
        ]  # fmt: skip
        return {
            "title": _("Peaks of %(rule)s") % {"rule": rule}, "facts": facts, "unit": "MW",
            "warnings": [] if loads else [_("The series has no values of these days.")],
            "picture": _loads(rule, loads, found) if loads else "",
            "tables": [_would(found), _were(rule, now)],
        }  # fmt: skip

    def file(self, rule: PeakRule, start: datetime, now: datetime) -> HttpResponse:
        """Real peaks."""
        rows = [
            [one.period, one.load.start.isoformat(), one.load.end.isoformat(), one.load.mw, off]
            for one, off in real_peaks(rule, at=now)
        ]
        return csv_file(f"peaks-{rule.name}", ["period", "start_utc", "end_utc", "mw", "we_were_off_kw"], rows)


def _forecast(rule: PeakRule, start: datetime, now: datetime) -> list[Load]:
    if rule.forecast_series is None:
        return []
    rows = ahead(rule.forecast_series, start=start, end=now, at=now, nominal=True)
    windows = [Window(one.start, one.end, one.value, one.known_at) for one in rows if one.known_at <= one.start]
    return intervals(windows, rule.terms.step)


def _loads(rule: PeakRule, loads: Sequence[Load], found: Replay) -> str:
    zone = ZoneInfo(rule.site.time_zone)
    count = max(1, -(-len(loads) // MOST_POINTS))
    parts = [loads[place : place + count] for place in range(0, len(loads), count)]
    labels = [date_format(part[0].start.astimezone(zone), "j.n. H:i") for part in parts]
    highest = [float(max(one.mw for one in part)) for part in parts]
    off = [
        highest[place] if any(a < part[-1].end and part[0].start < b for a, b in found.off) else None
        for place, part in enumerate(parts)
    ]
    lines = [Line(_("off"), off, "past"), Line(_("load"), highest, "second")]  # the first lies on top
    lines.append(Line(_("no peak below"), [float(rule.floor_mw)] * len(labels), "third", dashed=True))
    return chart(labels, lines, unit="MW")


def _would(found: Replay) -> Table:
    rows = [
        (one.period, moment_text(one.load.start), number_text(round(one.load.mw, 0)), _("yes") if hit else _("no"))
        for one, hit in found.peaks
    ]
    headers = [_("period"), _("from"), "MW", _("it would have been off")]
    return Table(headers, rows, right=(2,), title=_("Peaks of these days"))


def _were(rule: PeakRule, now: datetime) -> Table:
    rows = [
        (one.period, moment_text(one.load.start), number_text(round(one.load.mw, 0)), kw_text(off))
        for one, off in real_peaks(rule, at=now)
    ]
    headers = [_("period"), _("from"), "MW", _("we were off")]
    return Table(headers, rows, right=(2, 3), title=_("Peaks since this version is valid"))

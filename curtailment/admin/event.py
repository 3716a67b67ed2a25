"""Events: the list, the report as page, PDF and tables, and reckoning one again."""

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    MultipleChoicesDropdownFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display

from crm.domain.queries import default_legal_entity
from curtailment import rules
from curtailment.admin import labels
from curtailment.admin.clock import SiteClockMixin
from curtailment.admin.effects import DASH, kw_text, watts_text
from curtailment.documents.event_report import (
    Report,
    figures,
    file_name,
    machines_csv,
    quarters_csv,
    render_report,
    sentences,
)
from curtailment.domain.measurement import measuring
from curtailment.domain.measurement.reports import BeingReckoned, Story, story_of
from curtailment.enums import EventStatus
from curtailment.models import CurtailmentEvent, EventInterval, EventShare
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.charting import Line, chart, time_labels
from hashinsight.common.admin.confirm import ConfirmPage, Effect
from hashinsight.common.admin.display import Badge, day_text, moment_text, money_text, number_text
from hashinsight.common.admin.object_page import ObjectPage

MOST_MACHINES = 200  # on the page; the files have all


class ReportPage(SiteClockMixin, ObjectPage):
    """What happened, why, and what it came to; as PDF and as tables."""

    power = "view"
    label = gettext_lazy("Report")
    icon = "summarize"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page, or one of its files."""
        try:
            story = story_of(self.objects[0])
        except BeingReckoned as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(self.back_url())
        event, machines = story.event, story.machines
        language = (get_language() or "en").split("-")[0]
        wanted = request.GET.get("file")
        if wanted == "quarters":
            return self._file(event, "csv", quarters_csv(story.intervals, language=language))
        if wanted == "machines":
            return self._file(event, "csv", machines_csv(machines, language=language))
        report = Report(event, event.site, story.reason, story.cause, machines, language, currency=event.currency)
        seller = default_legal_entity()
        if wanted == "pdf" and seller is not None:
            return self._file(event, "pdf", render_report(report, seller), file_name(report))
        context = {
            **self.model_admin.admin_site.each_context(request), "title": _("Report of %(event)s") % {"event": event},
            "subtitle": None, "opts": self.model_admin.opts, "page": self, "object": event, "back_url": self.back_url(),
            "sentences": sentences(report), "figures": figures(report), "missing": missing(event),
            "picture": _picture(story.intervals, event) if story.intervals else "", "has_pdf": seller is not None,
            "plans": _plans(story, self), "shares": [_share(one) for one in story.shares],
            "machines": [_machine(one, event) for one in machines[:MOST_MACHINES]],
            "more": max(0, len(machines) - MOST_MACHINES),
        }  # fmt: skip
        request.current_app = self.model_admin.admin_site.name
        return TemplateResponse(request, "curtailment/admin/event.html", context)

    def _file(self, event: CurtailmentEvent, ending: str, content: bytes, name: str = "") -> HttpResponse:
        kind = "application/pdf" if ending == "pdf" else "text/csv; charset=utf-8"
        name = name or f"curtailment-{event.number:04}"
        headers = {"Content-Disposition": f'attachment; filename="{name}.{ending}"', "Cache-Control": "no-store"}
        return HttpResponse(content, content_type=kind, headers=headers)


def missing(event: CurtailmentEvent) -> list[str]:
    """What is not known, in words."""
    counts = event.missing
    texts = {
        "price": lambda n: ngettext(
            "%(count)s quarter-hour has no price of energy.", "%(count)s quarter-hours have no price of energy.", n
        ),
        "network": lambda n: ngettext(
            "%(count)s quarter-hour has no good market data.", "%(count)s quarter-hours have no good market data.", n
        ),
        "meter": lambda n: ngettext(
            "%(count)s quarter-hour has no load of the site.", "%(count)s quarter-hours have no load of the site.", n
        ),
        "baseline": lambda n: ngettext(
            "%(count)s machine was not read in its last hour without us: by the plan its energy is estimated.",
            "%(count)s machines were not read in their last hour without us: by the plan their energy is estimated.",
            n,
        ),
        "earlier": lambda n: ngettext(
            "We held %(count)s machine in the hour before: its load is that of its last hour without us.",
            "We held %(count)s machines in the hour before: their load is that of their last hour without us.",
            n,
        ),
    }
    return [texts[key](counts[key]) % {"count": counts[key]} for key in texts if counts.get(key)]


def _picture(rows: Any, event: CurtailmentEvent) -> str:
    """Energy of each quarter-hour: as it would have been, as it was, and that of the site."""

    def line(label: Any, values: Any, colour: str, *, dashed: bool = False) -> Line:
        return Line(label, values, colour=colour, dashed=dashed, stepped=True)

    lines = [
        line(_("as before"), [float(one.baseline_kwh) for one in rows], "third", dashed=True),
        line(_("as it was"), [_as_it_was(one) for one in rows], "first"),
    ]
    if any(one.meter_kw is not None for one in rows):
        zones = [None if one.meter_kw is None else float(one.meter_kw / 4) for one in rows]
        lines.append(line(event.get_meter_source_display() or _("the site"), zones, "past"))
    return chart(time_labels([one.interval_start for one in rows]), lines, unit="kWh")


def _as_it_was(row: EventInterval) -> float:
    return float(row.baseline_kwh - row.measured_kwh - row.estimated_kwh)


def _plans(story: Story, page: ObjectPage) -> list[dict[str, Any]]:
    registered: Any = page.model_admin.admin_site._registry[type(story.plans[0])] if story.plans else None
    return [
        {
            "plan": plan, "url": registered.url_of("change", plan.pk), "cause": plan.get_cause_display(),
            "target": kw_text(plan.target_kw), "most": kw_text(plan.power_reduced_kw),
            "starts": moment_text(plan.starts_at), "ends": moment_text(plan.ended_at or plan.ends_at) or DASH,
            "who": str(plan.created_by or plan.standing_approval or _("a rule")),
        }
        for plan in story.plans
    ]  # fmt: skip


def _share(share: EventShare) -> dict[str, Any]:
    btc = DASH if share.forgone_btc is None else f"{number_text(round(share.forgone_btc, 8))}"
    return {
        "owner": str(share.customer or _("our own")), "machines": number_text(Decimal(share.machines)),
        "kwh": number_text(round(share.saved_kwh, 3)), "btc": btc,
        "usd": money_text(share.forgone_usd, "USD") if share.forgone_usd is not None else DASH,
        "cost": money_text(share.avoided_cost, share.event.currency) if share.avoided_cost is not None else DASH,
        "excused": number_text(round(Decimal(share.excused_minutes) / 60, 1)),
    }  # fmt: skip


def _machine(row: Any, event: CurtailmentEvent) -> dict[str, Any]:
    days = {timezone.localtime(moment).date() for moment in (event.started_at, event.ended_at) if moment}

    def clock(moment: Any) -> str:
        """With the day where the event is of several."""
        time = f"{timezone.localtime(moment):%H:%M:%S}"
        return f"{day_text(moment)} {time}" if len(days) > 1 else time

    return {
        "miner": str(row.miner), "model": str(row.miner.model or DASH), "owner": str(row.customer or _("our own")),
        "told": clock(row.told_at), "off": clock(row.off_at), "back": clock(row.back_at),
        "limit": watts_text(row.limit_w) if row.limit_w is not None else "",
        "before": kw_text(Decimal(row.baseline_w) / 1000), "measured": row.is_baseline_measured,
        "kwh": number_text(round(row.saved_kwh, 3)), "unknown": row.unknown_minutes,
    }  # fmt: skip


class MeasurePage(ConfirmPage):
    """Reckon an event again, because readings came late."""

    power = "measure_curtailmentevent"
    label = gettext_lazy("Reckon again")
    icon = "refresh"
    title = gettext_lazy("Reckon the event again")
    button = gettext_lazy("Reckon again")

    def effect(self) -> Effect:
        """What there is."""
        event: CurtailmentEvent = self.objects[0]
        return Effect(
            facts=[
                (_("reckoned at"), moment_text(event.measured_at) or DASH),
                (_("reckoned so many times"), str(event.revision)),
                (_("energy not used"), f"{number_text(round(event.saved_kwh, 3))} kWh"),
            ],
            warnings=[_("What clients read changes with it.")],
        )

    def run(self, obj: CurtailmentEvent, form: Any) -> Any:
        """One domain call."""
        measuring.measure(obj, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The event was reckoned.")


@admin.register(CurtailmentEvent)
class CurtailmentEventAdmin(ViewOnlyAdmin):
    """What curtailments did."""

    list_display = (
        "number_shown", "site", "status_shown", "started_at", "ended_at", "machines", "saved_shown", "forgone_shown",
        "avoided_shown",
    )  # fmt: skip
    list_display_links = ("number_shown",)
    list_select_related = ("site",)
    list_filter = (
        ("status", MultipleChoicesDropdownFilter),
        ("site", AutocompleteSelectFilter),
        ("started_at", RangeDateTimeFilter),
    )
    search_fields = ("=number", "site__name")
    ordering = ("-started_at", "-id")
    fields = (
        ("number_shown", "site", "status_shown"), ("started_at", "ended_at"), ("machines", "baseline_kw"),
        ("measured_kwh", "estimated_kwh"), ("metered_kwh", "meter_source"),
        ("forgone_shown", "forgone_usd", "avoided_shown"),
        ("measured_at", "revision"),
    )  # fmt: skip
    readonly_fields = ("number_shown", "status_shown", "saved_shown", "forgone_shown", "avoided_shown")
    show_full_result_count = False
    pages = {"report": ReportPage, "measure": MeasurePage}
    has_measure_curtailmentevent_permission = power(rules.may_measure_curtailmentevent)

    @admin.display(description=gettext_lazy("number"), ordering="number")
    def number_shown(self, row: CurtailmentEvent) -> str:
        return f"E-{row.number:04}"

    @display(description=gettext_lazy("status"), label=labels.EVENT, ordering="status")
    def status_shown(self, row: CurtailmentEvent) -> Any:
        return Badge(row.status, row.get_status_display())

    @admin.display(description=gettext_lazy("not used (kWh)"))
    def saved_shown(self, row: CurtailmentEvent) -> str:
        return number_text(round(row.saved_kwh, 1)) if row.measured_at else DASH

    @admin.display(description=gettext_lazy("not mined"))
    def forgone_shown(self, row: CurtailmentEvent) -> str:
        return DASH if row.forgone_btc is None else f"{number_text(round(row.forgone_btc, 8))} BTC"

    @admin.display(description=gettext_lazy("energy not bought"))
    def avoided_shown(self, row: CurtailmentEvent) -> str:
        return DASH if row.avoided_cost is None else money_text(row.avoided_cost, row.currency)

    def offered(self, request: HttpRequest, obj: CurtailmentEvent) -> set[str]:
        """What runs is not reckoned yet."""
        return {"report"} if obj.status == EventStatus.RUNNING else {"report", "measure"}

"""The optimiser's page of a site, a day at a time; asking for a day; and turning a schedule into plans."""

from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from curtailment.admin.clock import SiteClockMixin
from curtailment.models import CurtailmentPlan
from curtailment.rules import may_approve_curtailmentplan
from hashinsight.common.admin.charting import csv_file
from hashinsight.common.admin.confirm import ConfirmPage, Effect, Table
from hashinsight.common.admin.display import day_text, money_text, number_text
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hosting.models import Site
from intelligence import rules
from intelligence.admin.schedule_figures import (
    HEADERS,
    answer_facts,
    file_rows,
    input_facts,
    money_rows,
    score_facts,
    shadow_rows,
)
from intelligence.admin.schedule_picture import bars_of, power_chart, price_chart
from intelligence.domain import schedule_due, schedule_plans
from intelligence.domain.schedule_words import reason_text
from intelligence.domain.scheduling import FURTHEST, settings_of
from intelligence.enums import PLANNED, AnswerLabel, RunStatus
from intelligence.models import ScheduleRun, ScheduleSettings

DAY = timedelta(days=1)
MOST_REASONS = 200


class SchedulePage(SiteClockMixin, ObjectPage):
    """A day of a site: inputs, plan by class, money beside its rivals, reasons, shadow prices, and what came of it."""

    power = "view"
    label = gettext_lazy("Optimiser")
    icon = "calendar_clock"

    def site(self) -> Site:
        """Whose clock."""
        found: Site = self.objects[0]
        return found

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page, or the steps as a file."""
        site, now = self.objects[0], timezone.now()
        on = self._day(site, now)
        run = ScheduleRun.objects.current().filter(site=site, target_date=on).first()
        if "csv" in request.GET and run is not None:
            return csv_file(f"schedule-{site.name}-{on.isoformat()}", HEADERS, file_rows(run))
        waits = schedule_due.waiting(site, on) is not None
        page = self.model_admin
        context = {
            **page.admin_site.each_context(request),
            "title": _("Schedule of %(site)s") % {"site": site}, "subtitle": None, "opts": page.opts, "object": site,
            "back_url": self.back_url(), "day": day_text(on), "day_iso": on.isoformat(), "run": run, "waits": waits,
            "before": (on - DAY).isoformat(), "after": (on + DAY).isoformat(),
            "may_ask": self._may_ask(request, site, on, now), "settings_url": self._settings_url(request, site),
            "planning": settings_of(site), "clock_text": self.clock_text,
            **(self._run(request, run, now) if run else {}),
        }  # fmt: skip
        request.current_app = page.admin_site.name
        return TemplateResponse(request, "intelligence/admin/schedule.html", context)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Have the day planned by a worker."""
        if not rules.may_run_schedulerun(request.user):
            raise PermissionDenied
        site, now = self.objects[0], timezone.now()
        on = self._day(site, now)
        try:
            with audit_context(actor=request.user, source="admin"):
                schedule_due.ask_for_day(site, on, at=now, by=request.user)
        except DomainError as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(f"{request.path}?day={on.isoformat()}")

    def _day(self, site: Site, now: datetime) -> date:
        """The one that is asked for; else tomorrow where it is planned, else today."""
        asked = self.request.GET.get("day", "")
        try:
            found = parse_date(asked)
        except ValueError:
            found = None
        if found is not None and date(2000, 1, 2) < found < date(2100, 1, 1):
            return found
        today = now.astimezone(ZoneInfo(site.time_zone)).date()
        planned = ScheduleRun.objects.current().filter(site=site, target_date__in=(today, today + DAY))
        newest = planned.order_by("-target_date").values_list("target_date", flat=True).first()
        return newest or today

    def _may_ask(self, request: HttpRequest, site: Site, on: date, now: datetime) -> bool:
        today = now.astimezone(ZoneInfo(site.time_zone)).date()
        return today <= on <= today + FURTHEST and rules.may_run_schedulerun(request.user)

    def _settings_url(self, request: HttpRequest, site: Site) -> str:
        page: Any = self.model_admin.admin_site._registry[ScheduleSettings]
        row = ScheduleSettings.objects.filter(site=site).first()
        if row is not None:
            return str(page.url_of("change", row.pk)) if page.has_view_or_change_permission(request) else ""
        return f"{page.url_of('add')}?site={site.pk}" if page.has_add_permission(request) else ""

    def _run(self, request: HttpRequest, run: ScheduleRun, now: datetime) -> dict[str, Any]:
        classes, entries = list(run.classes.all()), list(run.entries.all())
        page: Any = self.model_admin.admin_site._registry[ScheduleRun]
        places = {one.name: one.place for one in classes}
        reasons = sorted(
            run.answer.get("reasons", []), key=lambda one: (places.get(one["class_name"], 0), one["since"], one["mode"])
        )
        found = {
            "warn": run.label in (AnswerLabel.SAFE_STATE, AnswerLabel.REFUSED, AnswerLabel.FALLBACK),
            "facts": answer_facts(run), "inputs": input_facts(run) if run.inputs else [],
            "money": money_rows(run), "reasons": [reason_text(run, one) for one in reasons[:MOST_REASONS]],
            "more_reasons": max(0, len(reasons) - MOST_REASONS), "shadow": shadow_rows(run),
            "scores": score_facts(run), "csv": f"?day={run.target_date.isoformat()}&csv=1",
            "run_url": page.url_of("change", run.pk), "plans": self._plans(run),
            "apply_url": page.url_of("apply", run.pk) if may_apply(request, run, now) else "",
        }  # fmt: skip
        if entries and run.inputs:
            found |= {
                "picture": bars_of(run, classes, entries),
                "prices": price_chart(run, classes),
                "power": power_chart(run, entries),
            }
        return found

    def _plans(self, run: ScheduleRun) -> list[dict[str, Any]]:
        page: Any = self.model_admin.admin_site._registry[CurtailmentPlan]
        rows = schedule_plans.plans_of(run).select_related("site")
        return [{"plan": plan, "url": page.url_of("change", plan.pk)} for plan in rows]


def may_apply(request: HttpRequest, run: ScheduleRun, now: datetime) -> bool:
    """Whether the button makes sense for this schedule and this person."""
    possible = run.status == RunStatus.PROPOSED and run.label in (*PLANNED, AnswerLabel.SAFE_STATE)
    acts = Q(machines_off__gt=0) | (Q(machines_throttled__gt=0) & ~Q(by_mode=[]))
    return bool(
        possible and run.site_id and run.ends_at > now and rules.may_apply_schedulerun(request.user)
        and run.entries.filter(acts, starts_at__gt=now - timedelta(minutes=run.step_minutes)).exists()
    )  # fmt: skip


class ApplyPage(SiteClockMixin, ConfirmPage):
    """One click: a plan for each span in which the same machines are off."""

    power = "apply_schedulerun"
    label = gettext_lazy("Turn into plans")
    icon = "playlist_add_check"
    title = gettext_lazy("Turn the schedule into plans")
    button = gettext_lazy("Make the plans")

    def effect(self) -> Effect:
        """Which plans there will be."""
        run: ScheduleRun = self.objects[0]
        zone = ZoneInfo(run.time_zone)
        classes = {one.place: one for one in run.classes.all()}
        pue = run.site.pue if run.site is not None else Decimal(1)
        rows = []
        for span in schedule_plans.spans_of(run):
            if span.ends_at > timezone.now():
                kw = span.at_meter_kw(classes, pue).quantize(Decimal(1), ROUND_DOWN)
                clocks = (f"{moment.astimezone(zone):%H:%M}" for moment in (span.starts_at, span.ends_at))
                low = len(span.limits)
                counts = (number_text(Decimal(count)) for count in (len(span.miners) - low, low))
                rows.append((*clocks, *counts, f"{number_text(kw)} kW"))
        heads = [_("from"), _("to"), _("machines off"), _("throttled"), _("power")]
        table = Table(heads, rows, right=(2, 3, 4), title=_("Plans"))
        return Effect(facts=self._facts(run), tables=[table], warnings=self._warnings(run))

    def _facts(self, run: ScheduleRun) -> list[tuple[Any, Any]]:
        facts: list[tuple[Any, Any]] = [(_("day"), day_text(run.target_date)), (_("answer"), run.get_label_display())]
        if run.profit is not None and run.always_on_profit is not None:
            gain = run.profit - run.always_on_profit
            facts.append((_("more than always on"), money_text(gain, run.currency)))
        return facts

    def _warnings(self, run: ScheduleRun) -> list[Any]:
        found: list[Any] = []
        if run.entries.filter(machines_throttled__gt=0, by_mode=[]).exists():
            found.append(_("This schedule does not say which mode: machines that it throttles stay in full."))
        if may_approve_curtailmentplan(self.request.user):
            found.append(_("You approve them with it; those that take much of the site wait for a second person."))
        else:
            found.append(_("They wait for approval, unless a standing approval covers them."))
        older = ScheduleRun.objects.filter(site=run.site, target_date=run.target_date, status=RunStatus.REPLACED)
        if any(schedule_plans.plans_of(one).filter(status="approved").exists() for one in older):
            found.append(_("Plans of an older schedule of this day are taken back."))
        return found

    def run(self, obj: ScheduleRun, form: Any) -> Any:
        """One domain call."""
        approves = may_approve_curtailmentplan(self.request.user)
        self.applied = schedule_plans.apply_run(obj, at=timezone.now(), by=self.request.user, approves=approves)

    def done(self, count: int) -> str:
        """Said afterwards; what was refused stands beside it."""
        for refusal in self.applied.refusals:
            messages.warning(self.request, refusal)
        made = len(self.applied.plans)
        return ngettext("%(count)s plan was made.", "%(count)s plans were made.", made) % {"count": made}

    def goes_to(self, worked: list[Any]) -> str:
        """To the day."""
        run: ScheduleRun = self.objects[0]
        page: Any = self.model_admin.admin_site._registry[Site]
        return f"{page.url_of('schedule', run.site_id)}?day={run.target_date.isoformat()}"

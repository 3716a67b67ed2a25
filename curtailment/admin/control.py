"""The control of a site: its live page, the emergency, the kill switch, and the settings of its ramps."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from curtailment import rules
from curtailment.admin.clock import SiteClockMixin
from curtailment.admin.effects import kw_text, watts_text
from curtailment.admin.handover import stuck_row
from curtailment.admin.metered import differs_text, metered_fact
from curtailment.domain.control import kill_switch
from curtailment.domain.control.handover import stuck_machines
from curtailment.domain.control.site import is_frozen, set_switches
from curtailment.domain.seconding import waiting_for_second, waits_text
from curtailment.domain.settings import ramps_of
from curtailment.domain.strategies import ahead_of
from curtailment.enums import RUNNING, MachineResult, PlanStatus
from curtailment.forms.plans import SwitchForm
from curtailment.models import (
    ControlledMachine,
    ControlSample,
    CurtailmentPlan,
    CurtailmentPlanMiner,
    KillSwitch,
    PlanApproval,
    SiteControl,
)
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin, ViewOnlyAdmin
from hashinsight.common.admin.charting import Line, chart, csv_file, time_labels
from hashinsight.common.admin.confirm import ConfirmPage, Effect
from hashinsight.common.admin.display import Badge, moment_text
from hashinsight.common.admin.object_page import ObjectPage
from hosting.rules import may_switch_miner

SPANS = {"2": gettext_lazy("2 hours"), "24": gettext_lazy("24 hours"), "168": gettext_lazy("7 days")}
HEADERS = ["at_utc", "target_kw", "intended_kw", "off_kw", "drawn_kw", "machines", "silent", "metered_kw"]
MOST_POINTS = 400
MOST_LIMITS = 5  # different ones named for a plan


class LivePage(SiteClockMixin, ObjectPage):
    """Target, intended, seen, drawn, metered over time; who acts, since when; and the buttons for an emergency."""

    power = "view"
    label = gettext_lazy("Curtailment")
    icon = "power_settings_new"

    def site(self) -> Any:
        """The object itself."""
        return self.objects[0]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page, or its curves as a file."""
        site, now = self.objects[0], timezone.now()
        hours = request.GET.get("hours") if request.GET.get("hours") in SPANS else "2"
        since = now - timedelta(hours=int(hours or 2))
        rows = list(ControlSample.objects.filter(site=site, at__gte=since).order_by("at"))
        if "csv" in request.GET:
            cells = ([one.at.isoformat(), *(getattr(one, name) for name in HEADERS[1:])] for one in rows)
            return csv_file(f"curtailment-{site.name}", HEADERS, cells)
        context = {
            **self.model_admin.admin_site.each_context(request),
            "title": _("Curtailment at %(site)s") % {"site": site},
            "subtitle": None, "opts": self.model_admin.opts, "page": self, "object": site, "back_url": self.back_url(),
            "ahead": _ahead(site, now), "facts": [*_facts(site), metered_fact(site, now)],
            "differs": differs_text(site, now), "plans": _plans(site, self), "frozen": is_frozen(site),
            "switches": set_switches(site).select_related("set_by"),
            "may_release": rules.may_freeze_sitecontrol(request.user),
            "stuck": [stuck_row(one) for one in stuck_machines(site, at=now)],
            "hand_over": may_switch_miner(request.user) and self.model_admin.url_of("hand-over", site.pk),
            "picture": _picture(rows) if rows else "",
            "spans": [(key, text, key == hours) for key, text in SPANS.items()],
            "csv": f"?hours={hours}&csv=1", "actions": self._actions(request, site),
            "reload": CurtailmentPlan.objects.filter(site=site, status__in=(*RUNNING, PlanStatus.RECOVERING)).exists(),
        }  # fmt: skip
        request.current_app = self.model_admin.admin_site.name
        return TemplateResponse(request, "curtailment/admin/live.html", context)

    def _actions(self, request: HttpRequest, site: Any) -> list[dict[str, Any]]:
        """What this person may do from here."""
        found = []
        if rules.may_emergency_curtailmentplan(request.user):
            found += [
                {"url": self.model_admin.url_of("emergency", site.pk), "title": _("Switch off now"), "danger": True},
                {"url": self.model_admin.url_of("restore", site.pk), "title": _("Switch on again"), "danger": False},
            ]
        if rules.may_freeze_sitecontrol(request.user):
            page: Any = self.model_admin.admin_site._registry[KillSwitch]
            found.append({"url": page.url_of("set"), "title": _("Kill switch"), "danger": True})
        return found


def _facts(site: Any) -> list[tuple[Any, Any]]:
    control = SiteControl.objects.filter(site=site).first()
    ramps = ramps_of(site)
    touched = ControlledMachine.objects.in_hand().filter(site=site)
    return [
        (_("machines in our hands"), str(touched.count())),
        (_("of which at a lower power"), str(touched.filter(earlier_w__isnull=False).count())),
        (_("last step"), moment_text(control.ticked_at if control else None) or _("never")),
        (_("switched off in a minute"), kw_text(_watts(ramps.down_w))),
        (_("switched on in a minute"), kw_text(_watts(ramps.up_w))),
    ]


def _ahead(site: Any, now: datetime) -> list[tuple[str, ...]]:
    """What strategies want from now on, by the clock of the rest of the page."""
    return [
        (str(who.label), moment_text(one.starts_at), moment_text(one.ends_at), kw_text(one.kw), one.why)
        for who, one in ahead_of(site, at=now)
    ]


def _watts(watts: int) -> Decimal:
    return Decimal(watts) / 1000


def _plans(site: Any, page: ObjectPage) -> list[dict[str, Any]]:
    """Those that are not over: what each wants, what is seen, who stands behind it, since when."""
    registered: Any = page.model_admin.admin_site._registry[CurtailmentPlan]
    rows = CurtailmentPlan.objects.filter(
        site=site, status__in=(PlanStatus.PENDING, PlanStatus.APPROVED, *RUNNING, PlanStatus.RECOVERING)
    )
    standing = PlanApproval.objects.filter(withdrawn_at=None).select_related("by")
    rows = rows.select_related("site", "created_by", "standing_approval__site").order_by("starts_at", "pk")
    rows = rows.prefetch_related(Prefetch("approvals", standing))
    found, waiting, lowered = [], waiting_for_second(site, at=timezone.now()), _lowered(rows)
    for plan in rows:
        people = [str(one.by) for one in plan.approvals.all()]
        found.append(
            {
                "plan": plan, "url": registered.url_of("change", plan.pk), "target": kw_text(plan.target_kw),
                "off": kw_text(plan.measured_kw), "since": moment_text(plan.status_since),
                "ends": moment_text(plan.ends_at) or _("no end"),
                "who": ", ".join(people) or str(plan.standing_approval or "") or _("nobody yet"),
                "short": plan.status == PlanStatus.EXECUTING, "lowered": lowered.get(plan.pk, ""),
                "waits": waits_text() if plan.pk in waiting else "",
            }
        )  # fmt: skip
    return found


def _lowered(plans: QuerySet[CurtailmentPlan]) -> dict[int, str]:
    """By plan, machines that keep to a lower power for it, and to which, in words."""
    rows = CurtailmentPlanMiner.objects.filter(plan__in=plans.order_by().values("pk"), result=MachineResult.LOWERED)
    counts = rows.order_by("plan_id", "limit_w").values("plan_id", "limit_w").annotate(count=Count("pk"))
    said: dict[int, list[str]] = {}
    for one in counts:
        text = ngettext(
            "%(count)s machine lowered to %(watts)s", "%(count)s machines lowered to %(watts)s", one["count"]
        ) % {"count": one["count"], "watts": watts_text(one["limit_w"])}
        said.setdefault(one["plan_id"], []).append(text)
    return {plan: ", ".join(texts[:MOST_LIMITS]) for plan, texts in said.items()}


def _picture(rows: list[ControlSample]) -> str:
    every = max(1, len(rows) // MOST_POINTS)
    some = rows[::every]
    names = (
        ("target_kw", _("target"), "third", True), ("intended_kw", _("told to be off"), "second", False),
        ("off_kw", _("seen off"), "first", False), ("drawn_kw", _("drawn"), "past", False),
        ("metered_kw", _("metered"), "metered", False),
    )  # fmt: skip
    lines = [
        Line(
            label,
            [None if getattr(one, name) is None else float(getattr(one, name)) for one in some],
            colour=colour,
            dashed=dashed,
            stepped=name == "target_kw",
        )
        for name, label, colour, dashed in names
    ]
    return chart(time_labels([one.at for one in some]), lines, unit="kW")


@admin.register(SiteControl)
class SiteControlAdmin(BaseAdmin):
    """How fast, and within which limits."""

    list_display = ("site", "ramp_down_kw", "ramp_up_kw", "step_s", "ticked_at")
    list_select_related = ("site",)
    list_filter = (("site", AutocompleteSelectFilter),)
    search_fields = ("site__name",)
    ordering = ("site__name",)
    fields = (
        "site", ("ramp_down_kw", "ramp_up_kw", "zone_up_kw"), ("step_s", "min_off_minutes", "min_on_minutes"),
        ("start_chip_c", "start_inlet_c"), ("ticked_at", "seen_kw"),
    )  # fmt: skip
    readonly_fields = ("ticked_at", "seen_kw")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """One row for each site."""
        return (*super().get_readonly_fields(request, obj), *(("site",) if obj is not None else ()))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """It remembers what was switched."""
        return False


class SetPage(ConfirmPage):
    """Set the kill switch."""

    power = "freeze_sitecontrol"
    for_one = False
    for_none = True
    list_label = gettext_lazy("Set the kill switch")
    icon = "dangerous"
    danger = True
    title = gettext_lazy("Set the kill switch")
    button = gettext_lazy("Stop all switching")
    form_class = SwitchForm

    def effect(self) -> Effect:
        """What it means."""
        return Effect(
            warnings=[
                _("From now on no machine is switched: what is off stays off, what runs runs, until it is released.")
            ]
        )

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        data = form.cleaned_data
        kill_switch.set_switch(site=data["site"], reason=data["reason"], by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The kill switch is set.")


class ReleasePage(ConfirmPage):
    """Release it."""

    power = "freeze_sitecontrol"
    label = gettext_lazy("Release")
    icon = "play_arrow"
    title = gettext_lazy("Release the kill switch")
    button = gettext_lazy("Release")

    def effect(self) -> Effect:
        """Who set it, and why."""
        row: KillSwitch = self.objects[0]
        return Effect(
            facts=[
                (_("set by"), str(row.set_by)), (_("since"), moment_text(row.set_at)), (_("reason"), row.reason),
            ],
            warnings=[_("The control goes on with what plans want now.")],
        )  # fmt: skip

    def run(self, obj: KillSwitch, form: Any) -> Any:
        """One domain call."""
        kill_switch.release_switch(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The kill switch is released.")


@admin.register(KillSwitch)
class KillSwitchAdmin(ViewOnlyAdmin):
    """Each use of the kill switch."""

    list_display = ("where_shown", "state_shown", "reason", "set_by", "set_at", "released_by", "released_at")
    list_select_related = ("site", "set_by", "released_by")
    ordering = ("-set_at", "-id")
    fields = ("where_shown", "reason", ("set_by", "set_at"), ("released_by", "released_at"))
    readonly_fields = ("where_shown",)
    pages = {"set": SetPage, "release": ReleasePage}
    has_freeze_sitecontrol_permission = power(rules.may_freeze_sitecontrol)

    @admin.display(description=gettext_lazy("where"), ordering="site__name")
    def where_shown(self, row: KillSwitch) -> str:
        return str(row)

    @display(description=gettext_lazy("state"), label={"set": "danger", "released": "default"})
    def state_shown(self, row: KillSwitch) -> Any:
        return Badge("set", _("set")) if row.released_at is None else Badge("released", _("released"))

    def offered(self, request: HttpRequest, obj: KillSwitch) -> set[str]:
        """Once."""
        return {"release"} if obj.released_at is None else set()

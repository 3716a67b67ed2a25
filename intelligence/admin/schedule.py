"""Schedules, their steps, and what the optimiser knows of each site."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    MultipleChoicesDropdownFilter,
    RangeDateFilter,
)
from unfold.decorators import display

from curtailment.admin.clock import SiteClockAdmin
from curtailment.forms.clock import named_moment
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin, ViewOnlyAdmin
from hashinsight.common.admin.display import Badge, link, money_cell, money_text
from hosting.models import Site
from intelligence import rules
from intelligence.admin.schedule_figures import gap_text, strike_text
from intelligence.admin.schedule_pages import ApplyPage, may_apply
from intelligence.enums import AnswerLabel, EntryStatus, RunStatus, ScheduleAction
from intelligence.forms.schedules import PowerModeForm, ScheduleSettingsForm
from intelligence.models import PowerMode, ScheduleEntry, ScheduleRun, ScheduleSettings

LABELS = {
    AnswerLabel.OPTIMAL: "success",
    AnswerLabel.WITHIN_GAP: "success",
    AnswerLabel.ABOVE_GAP: "warning",
    AnswerLabel.FALLBACK: "warning",
    AnswerLabel.SAFE_STATE: "danger",
    AnswerLabel.REFUSED: "danger",
}
STATES = {
    RunStatus.PROPOSED: "info",
    RunStatus.APPLIED: "success",
    RunStatus.REPLACED: "default",
    RunStatus.COMPLETED: "success",
}
ACTIONS = {
    ScheduleAction.STARTUP: "success",
    ScheduleAction.SHUTDOWN: "danger",
    ScheduleAction.PARTLY: "warning",
    ScheduleAction.THROTTLED: "warning",
}
ENTRIES = {
    EntryStatus.PLANNED: "info",
    EntryStatus.EXECUTING: "warning",
    EntryStatus.COMPLETED: "success",
    EntryStatus.REPLACED: "default",
}


def _amount(name: str) -> Any:
    """A figure of a schedule on its page, in the currency of the site."""

    field: Any = ScheduleRun._meta.get_field(name)

    @admin.display(description=field.verbose_name)
    def shown(_page: Any, run: ScheduleRun) -> str:
        return money_text(getattr(run, name), run.currency) or "–"

    return shown


@admin.register(ScheduleRun)
class ScheduleRunAdmin(SiteClockAdmin, ViewOnlyAdmin):
    """Every schedule that was made."""

    list_display = (
        "target_date", "whose_shown", "label_shown", "status_shown", "profit_shown", "gain_shown", "actual_shown",
        "known_at",
    )  # fmt: skip
    list_select_related = ("site", "user")
    list_filter = (
        ("site", AutocompleteSelectFilter),
        ("status", MultipleChoicesDropdownFilter),
        ("label", MultipleChoicesDropdownFilter),
        ("target_date", RangeDateFilter),
    )
    search_fields = ("site__name", "user__email")
    ordering = ("-target_date", "-id")
    show_full_result_count = False
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("site", "user", "target_date"), ("label_shown", "status_shown"), "page_shown", "note",
                    ("starts_at", "ends_at", "step_minutes"), ("known_at", "took_s", "asked_by"),
                )
            },
        ),
        (
            gettext_lazy("Expected"),
            {
                "fields": (
                    ("profit_amount", "bound_amount", "gap_shown"), ("revenue_amount", "energy_cost_amount"),
                    ("demand_cost_amount", "switching_cost_amount"),
                    ("always_on_profit_amount", "strike_profit_amount", "strike_price_shown"), "entries_shown",
                )
            },
        ),
        (
            gettext_lazy("What came of it"),
            {
                "fields": (
                    ("applied_at", "applied_by"), ("actual_profit_amount", "actual_always_on_profit_amount"),
                    ("actual_kwh", "actual_btc"), ("scored_at", "actuals"),
                )
            },
        ),
    )  # fmt: skip
    readonly_fields = (
        "label_shown", "status_shown", "page_shown", "gap_shown", "strike_price_shown", "entries_shown",
        "profit_amount", "bound_amount", "revenue_amount", "energy_cost_amount", "demand_cost_amount",
        "switching_cost_amount", "always_on_profit_amount", "strike_profit_amount", "actual_profit_amount",
        "actual_always_on_profit_amount",
    )  # fmt: skip
    profit_amount = _amount("profit")
    bound_amount = _amount("bound")
    revenue_amount = _amount("revenue")
    energy_cost_amount = _amount("energy_cost")
    demand_cost_amount = _amount("demand_cost")
    switching_cost_amount = _amount("switching_cost")
    always_on_profit_amount = _amount("always_on_profit")
    strike_profit_amount = _amount("strike_profit")
    actual_profit_amount = _amount("actual_profit")
    actual_always_on_profit_amount = _amount("actual_always_on_profit")
    pages = {"apply": ApplyPage}
    has_apply_schedulerun_permission = power(rules.may_apply_schedulerun)

    @admin.display(description=gettext_lazy("of"), ordering="site__name")
    def whose_shown(self, run: ScheduleRun) -> str:
        return str(run.site or run.user)

    @display(description=gettext_lazy("answer"), label=LABELS, ordering="label")
    def label_shown(self, run: ScheduleRun) -> Any:
        return Badge(run.label, run.get_label_display())

    @display(description=gettext_lazy("status"), label=STATES, ordering="status")
    def status_shown(self, run: ScheduleRun) -> Any:
        return Badge(run.status, run.get_status_display())

    @admin.display(description=gettext_lazy("profit"), ordering="profit")
    def profit_shown(self, run: ScheduleRun) -> Any:
        return money_cell(run.profit, run.currency)

    @admin.display(description=gettext_lazy("more than always on"))
    def gain_shown(self, run: ScheduleRun) -> Any:
        known = run.profit is not None and run.always_on_profit is not None
        return money_cell(run.profit - run.always_on_profit if known else None, run.currency)

    @admin.display(description=gettext_lazy("actual profit"), ordering="actual_profit")
    def actual_shown(self, run: ScheduleRun) -> Any:
        return money_cell(run.actual_profit, run.currency)

    @admin.display(description=gettext_lazy("gap"))
    def gap_shown(self, run: ScheduleRun) -> str:
        return gap_text(run) or "–"

    @admin.display(description=gettext_lazy("best strike price (per kWh)"))
    def strike_price_shown(self, run: ScheduleRun) -> str:
        return strike_text(run) or "–"

    @admin.display(description=gettext_lazy("as a picture"))
    def page_shown(self, run: ScheduleRun) -> Any:
        if run.site_id is None or run.status == RunStatus.REPLACED:
            return "–"
        page: Any = self.admin_site._registry[Site]
        return link(f"{page.url_of('schedule', run.site_id)}?day={run.target_date.isoformat()}", str(run))

    @admin.display(description=gettext_lazy("steps"))
    def entries_shown(self, run: ScheduleRun) -> Any:
        page: Any = self.admin_site._registry[ScheduleEntry]
        return link(f"{page.url_of('changelist')}?run__id__exact={run.pk}", run.entries.count())

    def offered(self, request: HttpRequest, obj: ScheduleRun) -> set[str]:
        """While it may still be turned into plans."""
        return {"apply"} if may_apply(request, obj, timezone.now()) else set()


@admin.register(ScheduleEntry)
class ScheduleEntryAdmin(SiteClockAdmin, ViewOnlyAdmin):
    """Steps of schedules."""

    list_display = (
        "starts_shown", "run", "target_shown", "action_shown", "machines_on", "machines_off", "load_kw",
        "expected_shown", "actual_shown", "status_shown", "plan",
    )  # fmt: skip
    list_select_related = ("run__site", "run__user", "efficiency_class", "miner", "user_miner", "plan__site")
    list_filter = (
        ("run", AutocompleteSelectFilter),
        ("action", ChoicesDropdownFilter),
        ("status", ChoicesDropdownFilter),
    )
    ordering = ("-run_id", "starts_at", "place")
    fields = (
        "run", "target_shown", ("starts_at", "minutes"), ("action_shown", "status_shown"),
        ("machines_on", "machines_off", "machines_throttled", "load_kw"),
        ("expected_shown", "actual_shown", "actual_kwh"), "plan",
    )  # fmt: skip
    readonly_fields = ("target_shown", "action_shown", "status_shown", "expected_shown", "actual_shown")
    show_full_result_count = False

    def site_of(self, row: ScheduleEntry) -> Site | None:
        """That of its schedule."""
        return row.run.site

    @admin.display(description=gettext_lazy("from"), ordering="starts_at")
    def starts_shown(self, row: ScheduleEntry) -> str:
        return named_moment(row.starts_at, row.run)

    @admin.display(description=gettext_lazy("machines"))
    def target_shown(self, row: ScheduleEntry) -> str:
        return str(row.efficiency_class or row.miner or row.user_miner)

    @display(description=gettext_lazy("action"), label=ACTIONS, ordering="action")
    def action_shown(self, row: ScheduleEntry) -> Any:
        return Badge(row.action, row.get_action_display())

    @display(description=gettext_lazy("status"), label=ENTRIES, ordering="status")
    def status_shown(self, row: ScheduleEntry) -> Any:
        return Badge(row.status, row.get_status_display())

    @admin.display(description=gettext_lazy("expected profit"), ordering="expected_profit")
    def expected_shown(self, row: ScheduleEntry) -> str:
        return money_text(row.expected_profit, row.run.currency) or "–"

    @admin.display(description=gettext_lazy("actual profit"), ordering="actual_profit")
    def actual_shown(self, row: ScheduleEntry) -> str:
        return money_text(row.actual_profit, row.run.currency) or "–"


@admin.register(ScheduleSettings)
class ScheduleSettingsAdmin(BaseAdmin):
    """What the optimiser has to know of a site."""

    form = ScheduleSettingsForm
    list_display = ("site", "is_on", "applies_itself", "step_minutes", "adder_per_kwh", "demand_charge_per_kw")
    list_select_related = ("site",)
    list_filter = (("site", AutocompleteSelectFilter),)
    search_fields = ("site__name",)
    autocomplete_fields = ("site",)
    ordering = ("site__name",)
    fieldsets = (
        (None, {"fields": ("site", ("is_on", "applies_itself"), ("step_minutes", "uses_modes"))}),
        (
            gettext_lazy("Money, in the currency of the site"),
            {
                "fields": (
                    ("adder_per_kwh", "loss_percent"), ("demand_charge_per_kw", "start_cost"), "pool_fee_percent",
                )
            },
        ),
        (gettext_lazy("When prices are missing"), {"fields": (("on_stale", "on_stale_max_minutes"),)}),
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """One row for each site."""
        return (*super().get_readonly_fields(request, obj), *(("site",) if obj is not None else ()))


@admin.register(PowerMode)
class PowerModeAdmin(BaseAdmin):
    """Ways to run with less power, by model."""

    form = PowerModeForm
    list_display = ("miner_model", "name", "power_w", "hashrate_ths", "source")
    list_display_links = ("miner_model", "name")
    list_select_related = ("miner_model",)
    search_fields = ("miner_model__name", "name")
    autocomplete_fields = ("miner_model",)
    ordering = ("miner_model__name", "-power_w")
    fields = ("miner_model", "name", ("power_w", "hashrate_ths"), "source")

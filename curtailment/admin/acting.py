"""Strike prices and peak rules: written by people, with what each would have done."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, BooleanRadioFilter
from unfold.decorators import display

from curtailment.admin.acting_pages import PeaksPage, ReplayPage
from curtailment.admin.effects import DASH, kw_text
from curtailment.domain.rules import keeping as acting
from curtailment.domain.rules.acting import Book
from curtailment.enums import Doubt, StrikeBasis
from curtailment.forms.rules import PeakRuleForm, StrikeRuleForm
from curtailment.models import PeakRule, RuleExecution, StrikeRule
from curtailment.models.acting import ActingRule
from hashinsight.common.admin.actions import limited
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.display import Badge, link, moment_text, price_text

STATES = {"off": "info", "on": "success", "doubt": "danger", "inactive": "default"}
ACTS = (("goal", "goal_kw", "selection"), ("longest_minutes", "priority"))
HOURS = ("weekdays", ("time_from", "time_to"))
TRUST = (
    ("stale_after_minutes", "median_times", "median_days"), ("own_safe_state", "own_safe_minutes"),
)  # fmt: skip


class ActingAdmin(BaseAdmin):
    """What both kinds share."""

    list_filter = (("site", AutocompleteSelectFilter), ("is_active", BooleanRadioFilter))
    search_fields = ("name", "site__name")
    autocomplete_fields: tuple[str, ...] = ("site", "series")
    readonly_fields = ("state_shown", "doubt_shown", "evaluated_at", "decided_shown")

    @display(description=gettext_lazy("state"), label=STATES)
    def state_shown(self, rule: ActingRule) -> Any:
        if not rule.is_active:
            return Badge("inactive", _("inactive"))
        book = Book.read(rule.state)
        if book.doubt:
            return Badge("doubt", _("holds the safe state"))
        return Badge("off", _("wants machines off")) if book.plans else Badge("on", _("wants nothing"))

    @admin.display(description=gettext_lazy("why data are not trusted"))
    def doubt_shown(self, rule: ActingRule) -> str:
        book = Book.read(rule.state)
        if not book.doubt:
            return DASH
        return f"{Doubt(book.doubt).label}: {book.doubt_text} ({moment_text(book.doubt_since)})"

    @admin.display(description=gettext_lazy("decisions"))
    def decided_shown(self, rule: ActingRule) -> Any:
        page: Any = self.admin_site._registry[RuleExecution]
        rows = RuleExecution.objects.filter(rule_id=str(rule.public_id))
        return link(f"{page.url_of('changelist')}?rule_id={rule.public_id}", rows.count())

    @admin.display(description=gettext_lazy("goal"))
    def goal_shown(self, rule: ActingRule) -> str:
        return f"{rule.get_goal_display()} {kw_text(rule.goal_kw)}" if rule.goal_kw is not None else DASH

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new rule has no state."""
        found = super().get_fieldsets(request, obj)
        return found if obj is not None else [one for one in found if one[1].get("classes") != ["hi-state"]]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Through the domain: what it wanted ends where it looks at something else."""
        now = timezone.now()
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data if name in form.cleaned_data}
            acting.change_rule(type(obj).objects.get(pk=obj.pk), changes=changes, by=request.user, at=now)
            obj.refresh_from_db()
        else:
            self.adopt(obj, acting.create_rule(type(obj), by=request.user, at=now, **form.cleaned_data))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """It wants nothing any more."""
        acting.remove_rule(obj, by=request.user, at=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Each of them."""
        for row in limited(queryset):
            acting.remove_rule(row, by=request.user, at=timezone.now())


@admin.register(StrikeRule)
class StrikeRuleAdmin(ActingAdmin):
    """Strike prices."""

    form = StrikeRuleForm
    list_display = ("name", "site", "series", "strike_shown", "goal_shown", "state_shown", "evaluated_at")
    list_select_related = ("site", "series")
    ordering = ("site__name", "name")
    empty_hint = gettext_lazy("A strike price switches machines off while energy costs more than it earns.")
    pages = {"replay": ReplayPage}
    fieldsets = (
        (None, {"fields": (("name", "is_active"), ("site", "series"))}),
        (
            gettext_lazy("State"),
            {"fields": (("state_shown", "evaluated_at", "decided_shown"), "doubt_shown"), "classes": ["hi-state"]},
        ),
        (
            gettext_lazy("Too dear"),
            {
                "fields": (
                    "basis", ("strike", "high_strike", "resume_below"), ("resume_margin_percent", "pool_fee_percent"),
                    ("windows_off", "windows_on"),
                )
            },
        ),
        (
            gettext_lazy("What a kWh costs beside the market"),
            {"fields": (("network_per_kwh", "ancillary_per_kwh", "losses_percent"),)},
        ),
        (gettext_lazy("What goes off"), {"fields": ACTS}),
        (gettext_lazy("When it may act"), {"fields": HOURS}),
        (gettext_lazy("When data are not to be trusted"), {"fields": TRUST}),
    )  # fmt: skip

    @display(description=gettext_lazy("strike (per kWh)"), ordering="strike")
    def strike_shown(self, rule: StrikeRule) -> str:
        if rule.basis == StrikeBasis.BREAK_EVEN:
            return _("break-even")
        return price_text(rule.strike, rule.site.currency)


@admin.register(PeakRule)
class PeakRuleAdmin(ActingAdmin):
    """Peak rules, each version a row."""

    form = PeakRuleForm
    autocomplete_fields = ("site", "series", "forecast_series")
    list_display = ("name", "site", "valid_from", "valid_to", "counted_shown", "goal_shown", "state_shown")
    list_select_related = ("site", "series")
    ordering = ("site__name", "name", "-valid_from")
    empty_hint = gettext_lazy("A peak rule switches machines off while the load of the grid is near its peak.")
    pages = {"peaks": PeaksPage}
    fieldsets = (
        (None, {"fields": (("name", "is_active"), ("site", "series", "forecast_series"), ("valid_from", "valid_to"))}),
        (
            gettext_lazy("State"),
            {"fields": (("state_shown", "evaluated_at", "decided_shown"), "doubt_shown"), "classes": ["hi-state"]},
        ),
        (
            gettext_lazy("The rule of the market"),
            {"fields": ("months", ("interval_minutes", "period"), ("peaks", "one_a_day"))},
        ),
        (
            gettext_lazy("Near a peak"),
            {"fields": (("near_percent", "floor_mw"), ("lead_minutes", "lag_minutes"))},
        ),
        (gettext_lazy("What goes off"), {"fields": ACTS}),
        (gettext_lazy("When it may act"), {"fields": HOURS}),
        (gettext_lazy("When data are not to be trusted"), {"fields": TRUST}),
    )  # fmt: skip

    @admin.display(description=gettext_lazy("peaks"))
    def counted_shown(self, rule: PeakRule) -> str:
        return _("%(count)s by %(period)s, %(minutes)s min") % {
            "count": rule.peaks, "period": rule.get_period_display(), "minutes": rule.interval_minutes,
        }  # fmt: skip

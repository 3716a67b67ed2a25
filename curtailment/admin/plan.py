"""Plans, their machines, and the orders to them."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    MultipleChoicesDropdownFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display

from curtailment import rules
from curtailment.admin import labels, plan_pages
from curtailment.admin.clock import SiteClockAdmin
from curtailment.admin.effects import DASH, kw_text, watts_text
from curtailment.domain import plans
from curtailment.domain.seconding import waiting_for_second
from curtailment.enums import RUNNING, MachineResult, PlanStatus
from curtailment.forms.clock import named_moment
from curtailment.forms.plans import PlanForm
from curtailment.models import CurtailmentPlan, CurtailmentPlanMiner, LeaseReport, MachineOrder, RuleExecution
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.display import Badge, link, moment_text
from hashinsight.common.admin.inlines import ViewOnlyInline


@admin.register(CurtailmentPlan)
class CurtailmentPlanAdmin(SiteClockAdmin):
    """Plans."""

    form = PlanForm
    list_display = (
        "number_shown", "site", "cause", "goal_shown", "starts_shown", "ends_shown", "status_shown", "off_shown",
        "miners_affected",
    )  # fmt: skip
    list_display_links = ("number_shown", "site")
    list_select_related = ("site",)
    list_filter = (
        ("status", MultipleChoicesDropdownFilter),
        ("site", AutocompleteSelectFilter),
        ("cause", MultipleChoicesDropdownFilter),
        ("starts_at", RangeDateTimeFilter),
    )
    search_fields = ("reason", "site__name")
    ordering = ("-starts_at", "-id")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("site", "cause"), ("goal", "goal_kw", "selection"), ("starts_at", "ends_at", "is_open_ended"),
                    "reason",
                )
            },
        ),
        (
            gettext_lazy("Progress"),
            {
                "fields": (
                    ("status_shown", "since_shown"), ("target_shown", "off_shown", "most_shown"),
                    ("approved_shown", "needs_two", "standing_approval"), ("machines_shown", "orders_shown"),
                    ("executed_at", "ended_at", "recovered_at"), ("end_reason", "created_by", "decisions_shown"),
                    ("review_due_on", "reviewed_by", "review"),
                )
            },
        ),
    )  # fmt: skip
    readonly_fields = (
        "status_shown", "since_shown", "target_shown", "off_shown", "most_shown", "approved_shown", "needs_two",
        "standing_approval", "machines_shown", "orders_shown", "executed_at", "ended_at", "recovered_at", "end_reason",
        "created_by", "decisions_shown", "review_due_on", "reviewed_by", "review",
    )  # fmt: skip
    pages = {
        "approve": plan_pages.ApprovePage,
        "second": plan_pages.SecondPage,
        "dry-run": plan_pages.DryRunPage,
        "shorten": plan_pages.ShortenPage,
        "withdraw": plan_pages.WithdrawPage,
        "review": plan_pages.ReviewPage,
        "end": plan_pages.EndPage,
    }
    has_approve_curtailmentplan_permission = power(rules.may_approve_curtailmentplan)
    has_end_curtailmentplan_permission = power(rules.may_end_curtailmentplan)
    has_emergency_curtailmentplan_permission = power(rules.may_emergency_curtailmentplan)

    @admin.display(description=gettext_lazy("plan"), ordering="number")
    def number_shown(self, plan: CurtailmentPlan) -> str:
        return f"P-{plan.number:04}"

    @admin.display(description=gettext_lazy("goal"))
    def goal_shown(self, plan: CurtailmentPlan) -> str:
        return f"{plan.get_goal_display()} {kw_text(plan.goal_kw)}"

    @admin.display(description=gettext_lazy("from"), ordering="starts_at")
    def starts_shown(self, plan: CurtailmentPlan) -> str:
        return named_moment(plan.starts_at, plan.site)

    @admin.display(description=gettext_lazy("to"), ordering="ends_at")
    def ends_shown(self, plan: CurtailmentPlan) -> str:
        return named_moment(plan.ends_at, plan.site) or _("no end")

    @display(description=gettext_lazy("status"), label=labels.PLAN, ordering="status")
    def status_shown(self, plan: CurtailmentPlan) -> Any:
        return Badge(plan.status, plan.get_status_display())

    @admin.display(description=gettext_lazy("since"))
    def since_shown(self, plan: CurtailmentPlan) -> str:
        return moment_text(plan.status_since) or DASH

    @admin.display(description=gettext_lazy("to be off"))
    def target_shown(self, plan: CurtailmentPlan) -> str:
        return kw_text(plan.target_kw)

    @admin.display(description=gettext_lazy("seen off"), ordering="measured_kw")
    def off_shown(self, plan: CurtailmentPlan) -> str:
        return kw_text(plan.measured_kw) if plan.status in RUNNING else DASH

    @admin.display(description=gettext_lazy("most that was off"))
    def most_shown(self, plan: CurtailmentPlan) -> str:
        return kw_text(plan.power_reduced_kw)

    @admin.display(description=gettext_lazy("approved by"))
    def approved_shown(self, plan: CurtailmentPlan) -> str:
        given = plan.approvals.filter(withdrawn_at__isnull=True).select_related("by")
        return "; ".join(f"{one.by}, {moment_text(one.at)}" for one in given) or DASH

    @admin.display(description=gettext_lazy("machines"))
    def machines_shown(self, plan: CurtailmentPlan) -> Any:
        counts = (
            plan.miners.order_by().values("result").annotate(machines=Count("pk")).values_list("result", "machines")
        )
        page: Any = self.admin_site._registry[CurtailmentPlanMiner]
        rows = [
            (link(f"{page.url_of('changelist')}?plan__id__exact={plan.pk}&result={word}", MachineResult(word).label), n)
            for word, n in sorted(counts)
        ]
        return format_html_join("; ", "{}: {}", rows) or DASH

    @admin.display(description=gettext_lazy("orders"))
    def orders_shown(self, plan: CurtailmentPlan) -> Any:
        page: Any = self.admin_site._registry[MachineOrder]
        return link(f"{page.url_of('changelist')}?plan__id__exact={plan.pk}", plan.orders.count())

    @admin.display(description=gettext_lazy("decisions of rules"))
    def decisions_shown(self, plan: CurtailmentPlan) -> Any:
        page: Any = self.admin_site._registry[RuleExecution]
        count = plan.rule_executions.count()
        return link(f"{page.url_of('changelist')}?plan__id__exact={plan.pk}", count) if count else DASH

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new plan has made no progress."""
        found = super().get_fieldsets(request, obj)
        return found if obj is not None else found[:1]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Where it is stays as it was made."""
        return (*super().get_readonly_fields(request, obj), *(("site",) if obj is not None else ()))

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        """The next hour."""
        begin = timezone.now().replace(second=0, microsecond=0) + timedelta(minutes=1)
        return {
            "starts_at": begin,
            "ends_at": begin + timedelta(hours=1),
            **super().get_changeform_initial_data(request),
        }

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Until it is approved."""
        settled = obj is not None and obj.status != PlanStatus.PENDING
        return not settled and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: it is cancelled."""
        return False

    def offered(self, request: HttpRequest, obj: CurtailmentPlan) -> set[str]:
        """What its state allows."""
        mine = obj.approvals.filter(by_id=request.user.pk, withdrawn_at__isnull=True).exists()
        withdrawable = mine and obj.status in (PlanStatus.PENDING, PlanStatus.APPROVED, *RUNNING)
        found = {"withdraw"} if withdrawable or plans.stands_behind(obj, request.user) else set()
        if obj.status == PlanStatus.PENDING:
            found |= {"end", "dry-run"} | (set() if mine else {"approve"})
        elif obj.status in (PlanStatus.APPROVED, *RUNNING):
            found |= {"end", "shorten"}
            if obj.created_by_id != request.user.pk and not mine:
                found |= {"second"} if obj.pk in waiting_for_second(obj.site, at=timezone.now()) else set()
        if obj.waits_for_review and obj.created_by_id != request.user.pk:
            found.add("review")
        if "approve" in found and rules.may_approve_curtailmentplan(request.user):
            found.discard("dry-run")
        return found

    def save_model(self, request: HttpRequest, obj: CurtailmentPlan, form: Any, change: bool) -> None:
        """Through the domain."""
        now = timezone.now()
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data if name in plans.EDITED}
            plans.change_plan(obj, changes=changes, by=request.user, at=now)
            obj.refresh_from_db()
        else:
            self.adopt(obj, plans.create_plan(by=request.user, at=now, **form.cleaned_data))


@admin.register(CurtailmentPlanMiner)
class PlanMinerAdmin(ViewOnlyAdmin):
    """Machines of plans."""

    list_display = (
        "plan", "shutdown_order", "miner", "customer", "draw_w", "brought_to", "result_shown", "ordered_at", "off_at",
        "back_at",
    )  # fmt: skip
    list_display_links = ("miner",)
    list_select_related = ("plan__site", "miner", "customer")
    list_filter = (
        ("plan", AutocompleteSelectFilter),
        ("result", MultipleChoicesDropdownFilter),
        ("customer", AutocompleteSelectFilter),
    )
    search_fields = ("miner__serial",)
    ordering = ("-plan_id", "shutdown_order")
    fields = (
        ("plan", "miner", "customer"), ("shutdown_order", "draw_w", "hashrate_ths"), ("result", "brought_to"),
        "earlier_w", ("ordered_at", "off_at", "back_at"),
    )  # fmt: skip
    show_full_result_count = False

    @admin.display(description=gettext_lazy("brought to"), ordering="limit_w")
    def brought_to(self, row: CurtailmentPlanMiner) -> str:
        return _("off") if row.limit_w is None else _("lowered to %(watts)s") % {"watts": watts_text(row.limit_w)}

    @display(description=gettext_lazy("result"), label=labels.MACHINE, ordering="result")
    def result_shown(self, row: CurtailmentPlanMiner) -> Any:
        return Badge(row.result, row.get_result_display())


class ReportInline(ViewOnlyInline):
    """What the edge device said of the order."""

    model = LeaseReport
    fields = ("outcome", "reply", "sent_at", "before_w", "after_w", "received_at", "is_late")
    readonly_fields = fields
    ordering = ("id",)
    show_change_link = False


@admin.register(MachineOrder)
class MachineOrderAdmin(ViewOnlyAdmin):
    """Each order: what was told, what came of it, what it changed."""

    list_display = (
        "created_at", "site", "miner", "plan", "action", "limit_w", "outcome_shown", "reply", "before_w", "after_w",
        "sent_at",
    )  # fmt: skip
    list_select_related = ("site", "miner", "plan__site")
    list_filter = (
        ("plan", AutocompleteSelectFilter),
        ("site", AutocompleteSelectFilter),
        ("outcome", MultipleChoicesDropdownFilter),
        ("device", AutocompleteSelectFilter),
        ("miner", AutocompleteSelectFilter),
    )
    search_fields = ("miner__serial",)
    ordering = ("-id",)
    inlines = (ReportInline,)
    fields = (
        ("site", "miner", "plan"), ("action", "limit_w", "outcome", "reply"),
        ("device", "created_at", "sent_at", "answered_at"),
        ("not_before", "expires_at"), ("draw_w", "before_w", "after_w"), ("fencing_token", "tick_number"),
    )  # fmt: skip
    show_full_result_count = False

    @display(description=gettext_lazy("outcome"), label=labels.ORDER, ordering="outcome")
    def outcome_shown(self, row: MachineOrder) -> Any:
        return Badge(row.outcome, row.get_outcome_display())

"""What can be done with a plan: the dry run first, then the button."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from curtailment.admin.clock import SiteClockMixin, in_both
from curtailment.admin.effects import effect_of, kw_text
from curtailment.domain import plans
from curtailment.domain.planning import preview
from curtailment.domain.seconding import second_plan, waits_text
from curtailment.enums import PlanStatus
from curtailment.forms.plans import EndsAtForm, ReviewForm
from curtailment.models import CurtailmentPlan
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.display import moment_text
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.common.errors import DomainError


def dry_run(plan: CurtailmentPlan) -> Effect:
    """When by the clock of the site, and what it would do. Raises PlanRefused."""
    effect = effect_of(preview(plans.wish_of(plan), at=timezone.now()))
    ends = in_both(plan.ends_at, plan.site) if plan.ends_at else _("no end")
    effect.facts = [(_("from"), in_both(plan.starts_at, plan.site)), (_("to"), ends), *effect.facts]
    return effect


class ApprovePage(SiteClockMixin, ConfirmPage):
    """A dry run, and the approval of one person."""

    power = "approve_curtailmentplan"
    label = gettext_lazy("Dry run and approval")
    icon = "fact_check"
    title = gettext_lazy("Approve the plan")
    button = gettext_lazy("Approve")

    def effect(self) -> Effect:
        """What it would do."""
        plan: CurtailmentPlan = self.objects[0]
        effect = dry_run(plan)
        given = plan.approvals.filter(withdrawn_at__isnull=True).select_related("by")
        effect.facts += [(_("approved by"), f"{one.by}, {moment_text(one.at)}") for one in given]
        return effect

    def run(self, obj: CurtailmentPlan, form: Any) -> Any:
        """One domain call."""
        self.approved = plans.approve_plan(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        if self.approved.status == PlanStatus.APPROVED:
            return _("The plan is approved.")
        return _("You have approved the plan; a second person has to approve it, too.")


class SecondPage(SiteClockMixin, ConfirmPage):
    """A second person stands behind a plan that one person's word takes no further."""

    power = "approve_curtailmentplan"
    label = gettext_lazy("Approve as the second person")
    icon = "group_add"
    title = gettext_lazy("Stand behind the plan as the second person")
    button = gettext_lazy("Approve")

    def effect(self) -> Effect:
        """Who stands behind it, and how far it is."""
        plan: CurtailmentPlan = self.objects[0]
        given = plan.approvals.filter(withdrawn_at__isnull=True).select_related("by")
        return Effect(
            facts=[
                (_("reason"), plan.reason), (_("made by"), str(plan.created_by or _("a rule"))),
                *[(_("approved by"), f"{one.by}, {moment_text(one.at)}") for one in given],
                (_("to be off"), kw_text(plan.target_kw)), (_("seen to be off now"), kw_text(plan.measured_kw)),
            ],
            warnings=[waits_text()],
        )  # fmt: skip

    def run(self, obj: CurtailmentPlan, form: Any) -> Any:
        """One domain call."""
        second_plan(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("Two people stand behind the plan.")


class DryRunPage(SiteClockMixin, ObjectPage):
    """The same for whoever only looks."""

    power = "view"
    label = gettext_lazy("Dry run")
    icon = "visibility"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Figures of now; nothing is kept."""
        plan: CurtailmentPlan = self.objects[0]
        effect, error = Effect(), ""
        try:
            effect = dry_run(plan)
        except DomainError as refusal:
            error = str(refusal)
        page = self.model_admin
        context = {
            **page.admin_site.each_context(request), "title": _("Dry run"), "subtitle": None, "opts": page.opts,
            "page": self, "object": plan, "effect": effect, "error": error, "possible": False,
            "back_url": self.back_url(),
        }  # fmt: skip
        request.current_app = page.admin_site.name
        return TemplateResponse(request, "admin/house/confirm.html", context, status=409 if error else 200)


class EndPage(SiteClockMixin, ConfirmPage):
    """It is cancelled, or it ends now."""

    power = "end_curtailmentplan"
    label = gettext_lazy("End")
    icon = "stop_circle"
    danger = True
    title = gettext_lazy("End the plan")
    button = gettext_lazy("End the plan")
    form_class = ReasonForm

    def effect(self) -> Effect:
        """What is off now, and comes back."""
        plan: CurtailmentPlan = self.objects[0]
        running = plan.status in (PlanStatus.EXECUTING, PlanStatus.EXECUTED)
        to = PlanStatus.RECOVERING if running else PlanStatus.CANCELLED
        facts = [(_("seen to be off now"), kw_text(plan.measured_kw))] if running else []
        return Effect(facts=facts, changes=[(_("status"), plan.get_status_display(), to.label)])

    def run(self, obj: CurtailmentPlan, form: Any) -> Any:
        """One domain call."""
        plans.end_plan(obj, by=self.request.user, at=timezone.now(), reason=form.cleaned_data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The plan is ended; its machines come back by the ramp.")


class WithdrawPage(EndPage):
    """Whoever approved it takes that back."""

    power = "approve_curtailmentplan"
    label = gettext_lazy("Withdraw my approval")
    icon = "undo"
    title = gettext_lazy("Withdraw your approval")
    button = gettext_lazy("Withdraw")

    def run(self, obj: CurtailmentPlan, form: Any) -> Any:
        """One domain call."""
        plans.withdraw_approval(obj, by=self.request.user, at=timezone.now(), reason=form.cleaned_data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("Your approval is withdrawn.")


class ShortenPage(SiteClockMixin, ConfirmPage):
    """It ends earlier."""

    power = "end_curtailmentplan"
    label = gettext_lazy("End earlier")
    icon = "schedule"
    title = gettext_lazy("Let the plan end earlier")
    button = gettext_lazy("Let it end then")
    form_class = EndsAtForm

    def effect(self) -> Effect:
        """When it would end."""
        plan: CurtailmentPlan = self.objects[0]
        return Effect(facts=[(_("ends at"), moment_text(plan.ends_at) or _("never by itself"))])

    def initial(self) -> dict[str, Any]:
        """As it is."""
        return {"ends_at": self.objects[0].ends_at}

    def run(self, obj: CurtailmentPlan, form: Any) -> Any:
        """One domain call."""
        plans.shorten_plan(obj, ends_at=form.cleaned_data["ends_at"], by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The plan ends earlier.")


class ReviewPage(SiteClockMixin, ConfirmPage):
    """Somebody else has looked at an emergency."""

    power = "emergency_curtailmentplan"
    label = gettext_lazy("Review")
    icon = "rate_review"
    title = gettext_lazy("Review the emergency")
    button = gettext_lazy("It was reviewed")
    form_class = ReviewForm

    def effect(self) -> Effect:
        """Who did what, and why."""
        plan: CurtailmentPlan = self.objects[0]
        return Effect(
            facts=[
                (_("by"), str(plan.created_by)), (_("reason"), plan.reason),
                (_("most that was off"), kw_text(plan.power_reduced_kw)), (_("from"), moment_text(plan.starts_at)),
                (_("to"), moment_text(plan.ended_at) or _("not over")),
            ]
        )  # fmt: skip

    def run(self, obj: CurtailmentPlan, form: Any) -> Any:
        """One domain call."""
        plans.review_plan(obj, review=form.cleaned_data["review"], by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The emergency is reviewed.")

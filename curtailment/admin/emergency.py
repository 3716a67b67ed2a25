"""Switch a site off, or on again, on the word of one person; and what was done so, for somebody else to review."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from curtailment import rules
from curtailment.admin.clock import SiteClockAdmin, SiteClockMixin
from curtailment.admin.dispatch import span_text
from curtailment.admin.effects import DASH, emergency_effect, kw_text, stay_on
from curtailment.admin.plan_pages import ReviewPage
from curtailment.domain import alarms, plans
from curtailment.domain.control.site import is_frozen, set_switches
from curtailment.domain.emergencies import calls_at, emergency_wish
from curtailment.domain.planning import PlanRefused, preview
from curtailment.enums import PlanStatus
from curtailment.forms.clock import named_moment
from curtailment.forms.plans import EmergencyForm
from curtailment.models import CurtailmentPlan, KillSwitch, SiteRestore
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmForm, ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.display import Badge, link, moment_text

MOST_NAMED = 5


def heard_text(kind: str, *, at: datetime) -> str:
    """Who is told of it at once, or that nobody is."""
    heard = alarms.who_hears(kind, at=at)
    if heard.nobody:
        return _("Nobody is told: no owner can be written to, and no rule speaks of %(kind)s. Tell them yourself.") % {
            "kind": kind
        }
    said = []
    if heard.owners:
        said.append(_("Owners are told by e-mail at once: %(who)s.") % {"who": _named(heard.owners)})
    else:
        said.append(_("There is no owner who can be written to."))
    if heard.channels:
        said.append(_("Rules tell it to: %(who)s.") % {"who": _named(heard.channels)})
    if heard.waits:
        said.append(_("This system is held after a restore: messages wait until it is released."))
    return " ".join(said)


def alone_text(what: str, kind: str, *, at: datetime) -> str:
    """What nobody asks, who hears of it, and who looks at it."""
    return " ".join((what, heard_text(kind, at=at), _("Somebody else reviews it tomorrow.")))


def _named(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:MOST_NAMED])
    return shown if len(names) <= MOST_NAMED else f"{shown}, … ({len(names)})"


class AlonePage(SiteClockMixin, ConfirmPage):
    """What one person does alone at a site, now."""

    power = "emergency_curtailmentplan"

    def site(self) -> Any:
        """The object itself."""
        return self.objects[0]

    def switch_warnings(self) -> list[Any]:
        """That nothing is switched now, who has seen to that, and the way to release it."""
        site, request = self.objects[0], self.request
        page: Any = self.model_admin.admin_site._registry[KillSwitch]
        found: list[Any] = []
        for switch in set_switches(site).select_related("site", "set_by"):
            told = _("The kill switch is set (%(where)s, by %(who)s: %(reason)s). Nothing is switched until somebody"
                     " releases it; what you do here is kept until then.") % {
                "where": switch, "who": switch.set_by, "reason": switch.reason,
            }  # fmt: skip
            if rules.may_freeze_sitecontrol(request.user) and page.has_view_permission(request):
                told = format_html("<span>{} {}</span>", told, link(page.url_of("release", switch.pk), _("Release it")))
            found.append(told)
        if not found and is_frozen(site):
            found.append(_("Nothing is switched by this installation now; what you do here is kept until it is."))
        return found

    def frozen_text(self) -> str:
        """Said afterwards where nothing is switched; empty where it is."""
        if not is_frozen(self.objects[0]):
            return ""
        self.done_level = messages.WARNING
        if set_switches(self.objects[0]).exists():
            return _("Nothing is switched before the kill switch is released.")
        return _("Nothing is switched by this installation now.")

    def goes_to(self, worked: list[Any]) -> str:
        """To watch it."""
        return str(self.model_admin.url_of("curtailment", self.objects[0].pk))


class EmergencyPage(AlonePage):
    """One person switches a site off, now."""

    danger = True
    title = gettext_lazy("Emergency: switch machines off now")
    button = gettext_lazy("Switch off now")
    form_class: ClassVar[type[ConfirmForm]] = EmergencyForm
    clock_text = ""  # it shows no time

    plan: CurtailmentPlan
    acted_at: datetime

    def effect(self) -> Effect:
        """All that runs; nobody else is asked."""
        now = timezone.now()
        effect = emergency_effect(preview(emergency_wish(self.objects[0], at=now), at=now))
        effect.warnings = [
            *self.switch_warnings(), *effect.warnings,
            alone_text(_("No second person is asked and no ramp is kept."), alarms.EMERGENCY, at=now),
        ]  # fmt: skip
        return effect

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        data, self.acted_at = form.cleaned_data, timezone.now()
        self.plan = plans.emergency_curtail(
            obj, reason=data["reason"], goal_kw=data["kw"], by=self.request.user, at=self.acted_at
        )

    def done(self, count: int) -> str:
        """Said afterwards."""
        said = []
        if self.plan.created_at != self.acted_at:
            told = {"plan": self.plan, "who": self.plan.created_by, "reason": self.plan.reason}
            said.append(_("%(plan)s wants that already (%(who)s: %(reason)s); there is no second one.") % told)
        if frozen := self.frozen_text():
            return " ".join([*said, _("The plan is kept."), frozen])
        said.append(_("Machines are being switched off."))
        if not self.plan.goal_kw and (left := self._left_on()):
            said.append(_("Still on: %(machines)s.") % {"machines": "; ".join(left)})
        return " ".join(said)

    def _left_on(self) -> list[str]:
        try:
            return stay_on(preview(plans.wish_of(self.plan), at=self.acted_at))
        except PlanRefused:  # nothing draws any more
            return []


class RestorePage(AlonePage):
    """One person switches everything on again."""

    title = gettext_lazy("Switch everything on again")
    button = gettext_lazy("Switch on again")
    form_class = ReasonForm
    ended: list[CurtailmentPlan]

    def effect(self) -> Effect:
        """Which plans end, and which programmes get less than they called. Raises PlanRefused where nothing would."""
        site, now = self.objects[0], timezone.now()
        rows = CurtailmentPlan.objects.filter(site=site, status__in=plans.RESTORED).select_related("site")
        facts = [(str(plan), plan.reason) for plan in rows.order_by("starts_at", "pk")]
        if not facts:
            raise PlanRefused(_nothing_to_end(site))
        calls = [(str(one.programme), f"{one.reference}: {kw_text(one.kw)}, {span_text(one)}")
                 for one in calls_at(site, at=now)]  # fmt: skip
        warnings = [
            *self.switch_warnings(),
            alone_text(_("No second person is asked."), alarms.RESTORE, at=now),
        ]
        if calls:
            names = ", ".join(dict.fromkeys(name for name, _what in calls))
            warnings.insert(0, _("Called load is given back too early: %(names)s. Tell them.") % {"names": names})
        return Effect(facts=[(_("plans that end"), str(len(facts))), *facts, *calls], warnings=warnings)

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        self.ended = plans.restore_site(
            obj, reason=form.cleaned_data["reason"], by=self.request.user, at=timezone.now()
        )

    def done(self, count: int) -> str:
        """Said afterwards."""
        if not self.ended:
            return _("Nothing had to end: no plan was approved or ran any more.")
        if frozen := self.frozen_text():
            return " ".join([_("The plans have ended."), frozen])
        return _("Machines are being switched on again, by the ramp.")


def _nothing_to_end(site: Any) -> str:
    """Why the page has no button."""
    said = _("No plan is approved or runs here: there is nothing to end.")
    if not CurtailmentPlan.objects.filter(site=site, status=PlanStatus.RECOVERING).exists():
        return said
    return " ".join((said, _("Machines are coming back by the ramp.")))


class RestoreReviewPage(ReviewPage):
    """Somebody else has looked at why a site was switched on again."""

    title = gettext_lazy("Review the restore")

    def effect(self) -> Effect:
        """Who did what, and why."""
        row: SiteRestore = self.objects[0]
        return Effect(
            facts=[
                (_("by"), restored_by(row)), (_("reason"), row.reason), (_("at"), moment_text(row.restored_at)),
                (_("plans that ended"), "\n".join(f"{one}: {one.reason}" for one in plans_of(row))),
            ]
        )  # fmt: skip

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        plans.review_restore(obj, review=form.cleaned_data["review"], by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The restore is reviewed.")


def restored_by(row: SiteRestore) -> str:
    """A person, or the command line."""
    return str(row.restored_by or "manage.py restore_all")


def plans_of(row: SiteRestore) -> Any:
    """Those it ended."""
    return CurtailmentPlan.objects.filter(pk__in=row.plan_ids).select_related("site").order_by("number")


@admin.register(SiteRestore)
class SiteRestoreAdmin(SiteClockAdmin, ViewOnlyAdmin):
    """Each time everything at a site was switched on again at once."""

    empty_hint = gettext_lazy("When somebody switches everything at a site on again, it stands here to be reviewed.")
    list_display = ("restored_shown", "site", "by_shown", "count_shown", "reason", "state_shown")
    list_select_related = ("site", "restored_by")
    list_filter = (("site", AutocompleteSelectFilter),)
    search_fields = ("site__name", "reason")
    ordering = ("-restored_at", "-id")
    fields = (
        ("site", "by_shown", "restored_at"), "reason", "plans_shown", ("state_shown", "review_due_on"),
        ("reviewed_by", "reviewed_at"), "review",
    )  # fmt: skip
    readonly_fields = ("by_shown", "plans_shown", "state_shown")
    pages = {"review": RestoreReviewPage}
    has_emergency_curtailmentplan_permission = power(rules.may_emergency_curtailmentplan)

    @admin.display(description=gettext_lazy("at"), ordering="restored_at")
    def restored_shown(self, row: SiteRestore) -> str:
        return named_moment(row.restored_at, row.site)

    @admin.display(description=gettext_lazy("by"), ordering="restored_by")
    def by_shown(self, row: SiteRestore) -> str:
        return restored_by(row)

    @admin.display(description=gettext_lazy("plans"))
    def count_shown(self, row: SiteRestore) -> Decimal:
        return Decimal(len(row.plan_ids))

    @display(description=gettext_lazy("review"), label={"waits": "danger", "done": "success"})
    def state_shown(self, row: SiteRestore) -> Any:
        return Badge("waits", _("to be reviewed")) if row.waits_for_review else Badge("done", _("reviewed"))

    @admin.display(description=gettext_lazy("plans that ended"))
    def plans_shown(self, row: SiteRestore) -> Any:
        page: Any = self.admin_site._registry[CurtailmentPlan]
        rows = ((link(page.url_of("change", one.pk), one), one.reason) for one in plans_of(row))
        return format_html_join("", "<div>{}: {}</div>", rows) or DASH

    def offered(self, request: HttpRequest, obj: SiteRestore) -> set[str]:
        """Once, to somebody else."""
        mine = obj.restored_by_id is not None and obj.restored_by_id == request.user.pk
        return {"review"} if obj.waits_for_review and not mine else set()

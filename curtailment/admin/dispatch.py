"""Dispatches and each message about them; one typed by hand, one authorised, one cancelled."""

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    MultipleChoicesDropdownFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display

from curtailment import rules
from curtailment.admin import labels
from curtailment.admin.clock import SiteClockAdmin, SiteClockMixin
from curtailment.admin.effects import DASH, kw_text
from curtailment.domain.dispatch import dispatches
from curtailment.domain.dispatch.dispatch_plans import beside
from curtailment.engine.dispatching import Call
from curtailment.enums import WANTED_STATES, DispatchState
from curtailment.forms.clock import named_moment, site_by_key
from curtailment.forms.programmes import DispatchForm
from curtailment.models import CurtailmentPlan, Dispatch, DispatchMessage
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.display import Badge, link, moment_text
from hashinsight.common.admin.inlines import ViewOnlyInline


def span_text(row: Dispatch) -> str:
    """From when to when."""
    return f"{moment_text(row.starts_at)} – {moment_text(row.ends_at) or _('no end')}"


class TypePage(SiteClockMixin, ConfirmPage):
    """One that was heard of by telephone or mail; typed by the clock of the site that is chosen."""

    power = "add_dispatch"
    for_one = False
    for_none = True
    title = gettext_lazy("Type a dispatch")
    button = gettext_lazy("Take it in")
    form_class = DispatchForm
    made: Any = None

    def site(self) -> Any:
        """The one that is chosen."""
        return site_by_key(self.request.POST.get("site"))

    def effect(self) -> Effect:
        """What it is held against."""
        return Effect(
            warnings=[_("It is held against what was agreed like any other, and becomes a plan that may wait for you.")]
        )

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        said = form.cleaned_data
        call = Call(
            said["reference"].strip(), starts_at=said["starts_at"], ends_at=said["ends_at"],
            open_ended=said["open_ended"], goal=said["goal"], kw=said["kw"], is_test=said["is_test"],
            reason=said["reason"].strip(),
        )  # fmt: skip
        message = dispatches.type_dispatch(
            said["programme"], call, site=said["site"], by=self.request.user, at=timezone.now()
        )
        self.made = message.dispatch

    def goes_to(self, worked: list[Any]) -> str:
        """To the dispatch."""
        return str(self.model_admin.url_of("change", self.made.pk)) if self.made else self.back_url()

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The dispatch is taken in: %(state)s.") % {"state": self.made.get_state_display()}


class AuthorisePage(SiteClockMixin, ConfirmPage):
    """It is to be followed."""

    power = "authorise_dispatch"
    label = gettext_lazy("Authorise")
    icon = "verified_user"
    title = gettext_lazy("Authorise the dispatch")
    button = gettext_lazy("Follow it")

    def effect(self) -> Effect:
        """What would go off, and when."""
        row: Dispatch = self.objects[0]
        return Effect(
            facts=[
                (_("programme"), row.programme), (_("site"), row.site), (_("time"), span_text(row)),
                (_("goal"), f"{row.get_goal_display()} {kw_text(row.kw)}"),
            ],
            warnings=[_("It came saying that it is not authorised. Ask whoever called it.")],
        )  # fmt: skip

    def run(self, obj: Dispatch, form: Any) -> Any:
        """One domain call."""
        dispatches.authorise(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The dispatch is authorised.")


class CancelPage(SiteClockMixin, ConfirmPage):
    """We do not follow it, whoever called it."""

    power = "cancel_dispatch"
    label = gettext_lazy("Cancel")
    icon = "block"
    danger = True
    title = gettext_lazy("Cancel the dispatch")
    button = gettext_lazy("Cancel the dispatch")
    form_class = ReasonForm

    def effect(self) -> Effect:
        """What it means."""
        row: Dispatch = self.objects[0]
        return Effect(
            changes=[(_("state"), row.get_state_display(), DispatchState.CANCELLED.label)],
            warnings=[_("Its machines come back by the ramp, and no later message of the programme revives it.")],
        )

    def run(self, obj: Dispatch, form: Any) -> Any:
        """One domain call."""
        reason = form.cleaned_data["reason"]
        dispatches.cancel(obj, reason=reason, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The dispatch is cancelled.")


class MessageInline(ViewOnlyInline):
    """Each message, the newest first."""

    model = DispatchMessage
    fields = ("received_at", "outcome", "why_shown", "revision", "sequence", "sent_at", "by")
    readonly_fields = ("why_shown",)
    ordering = ("-id",)

    @admin.display(description=gettext_lazy("why"))
    def why_shown(self, row: DispatchMessage) -> str:
        return why_text(row)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields


def why_text(row: Dispatch | DispatchMessage) -> str:
    """Why it was refused, and what is unusual about it."""
    return " ".join(filter(None, [dispatches.code_text(one) for one in (row.code, *row.marks)])) or DASH


@admin.register(Dispatch)
class DispatchAdmin(SiteClockAdmin, ViewOnlyAdmin):
    """Dispatches."""

    empty_hint = gettext_lazy("What programmes call on your load, by webhook, by OpenADR or typed by hand.")
    list_display = (
        "reference", "programme", "site", "starts_shown", "ends_shown", "goal_shown", "state_shown", "test_shown",
        "source",
    )  # fmt: skip
    list_display_links = ("reference",)
    list_select_related = ("programme", "site")
    list_filter = (
        ("state", MultipleChoicesDropdownFilter),
        ("programme", AutocompleteSelectFilter),
        ("site", AutocompleteSelectFilter),
        ("starts_at", RangeDateTimeFilter),
    )
    search_fields = ("reference", "reason", "programme__name")
    ordering = ("-starts_at", "-id")
    fields = (
        ("programme", "site", "reference"), ("state_shown", "state_since"), "why_shown", ("starts_at", "ends_shown"),
        ("begins_at", "ended_at"), ("goal_shown", "test_shown"), "plans_shown", "beside_shown",
        ("source", "connection"), ("received_at", "revision"), "reason", ("authorised_by", "cancelled_by"),
        ("stale_since", "reported_to", "reported_from"),
    )  # fmt: skip
    readonly_fields = (
        "state_shown", "why_shown", "ends_shown", "goal_shown", "test_shown", "plans_shown", "beside_shown",
    )  # fmt: skip
    inlines = (MessageInline,)
    pages = {"new": TypePage, "authorise": AuthorisePage, "cancel": CancelPage}
    has_add_dispatch_permission = power(rules.may_add_dispatch)
    has_authorise_dispatch_permission = power(rules.may_authorise_dispatch)
    has_cancel_dispatch_permission = power(rules.may_cancel_dispatch)

    @display(description=gettext_lazy("state"), label=labels.DISPATCH, ordering="state")
    def state_shown(self, row: Dispatch) -> Any:
        return Badge(row.state, row.get_state_display())

    @display(description=gettext_lazy("test"), label={"test": "info", "real": "default"}, ordering="is_test")
    def test_shown(self, row: Dispatch) -> Any:
        return Badge("test", _("test")) if row.is_test else Badge("real", _("no"))

    @admin.display(description=gettext_lazy("from"), ordering="starts_at")
    def starts_shown(self, row: Dispatch) -> str:
        return named_moment(row.starts_at, row.site)

    @admin.display(description=gettext_lazy("to"), ordering="ends_at")
    def ends_shown(self, row: Dispatch) -> str:
        return named_moment(row.ends_at, row.site) or _("no end")

    @admin.display(description=gettext_lazy("goal"), ordering="kw")
    def goal_shown(self, row: Dispatch) -> str:
        return f"{row.get_goal_display()} {kw_text(row.kw)}"

    @admin.display(description=gettext_lazy("why"))
    def why_shown(self, row: Dispatch) -> str:
        return why_text(row)

    @admin.display(description=gettext_lazy("plans"))
    def plans_shown(self, row: Dispatch) -> Any:
        page: Any = self.admin_site._registry[CurtailmentPlan]
        rows = CurtailmentPlan.objects.filter(source_key__startswith=row.key).order_by("pk")
        links = [
            (link(page.url_of("change", plan.pk), f"P-{plan.number:04}"), plan.get_status_display()) for plan in rows
        ]
        return format_html_join("; ", "{} ({})", links) or DASH

    @admin.display(description=gettext_lazy("at the same time"))
    def beside_shown(self, row: Dispatch) -> Any:
        if row.state not in WANTED_STATES:
            return DASH
        links = [(link(self.url_of("change", one.pk), one),) for one in beside(row)]
        return format_html_join("; ", "{}", links) or DASH

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Through the page that holds it against what was agreed."""
        return bool(self.has_add_dispatch_permission(request))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Through the page that holds it against what was agreed."""
        return HttpResponseRedirect(self.url_of("new"))

    def offered(self, request: HttpRequest, obj: Dispatch) -> set[str]:
        """What its state allows."""
        found = {"authorise"} if obj.state == DispatchState.RECEIVED else set()
        open_states = (*WANTED_STATES, DispatchState.RECEIVED, DispatchState.LOGGED)
        return found | ({"cancel"} if obj.state in open_states else set())


@admin.register(DispatchMessage)
class DispatchMessageAdmin(ViewOnlyAdmin):
    """Messages as they came."""

    list_display = ("received_at", "programme", "reference_shown", "outcome_shown", "why_shown", "source", "sequence")
    list_select_related = ("programme", "dispatch")
    list_filter = (
        ("programme", AutocompleteSelectFilter),
        ("outcome", MultipleChoicesDropdownFilter),
        ("received_at", RangeDateTimeFilter),
    )
    search_fields = ("message_id", "dispatch__reference")
    ordering = ("-id",)
    show_full_result_count = False
    fields = (
        ("programme", "dispatch"), ("outcome_shown", "revision"), "why_shown", ("source", "by"),
        ("received_at", "sent_at"), ("message_id", "sequence"), "said_shown", "raw_shown", "digest",
    )  # fmt: skip
    readonly_fields = ("outcome_shown", "why_shown", "said_shown", "raw_shown")

    @admin.display(description=gettext_lazy("reference"))
    def reference_shown(self, row: DispatchMessage) -> str:
        return str(row.said.get("dispatch_id", DASH))

    @display(description=gettext_lazy("outcome"), label=labels.MESSAGE, ordering="outcome")
    def outcome_shown(self, row: DispatchMessage) -> Any:
        return Badge(row.outcome, row.get_outcome_display())

    @admin.display(description=gettext_lazy("why"))
    def why_shown(self, row: DispatchMessage) -> str:
        return why_text(row)

    @admin.display(description=gettext_lazy("what it says"))
    def said_shown(self, row: DispatchMessage) -> Any:
        return format_html('<pre class="hi-payload">{}</pre>', json.dumps(row.said, indent=2, ensure_ascii=False))

    @admin.display(description=gettext_lazy("as it came"))
    def raw_shown(self, row: DispatchMessage) -> Any:
        return format_html('<pre class="hi-payload">{}</pre>', row.raw)

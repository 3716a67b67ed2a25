"""Requests for approval: what waits for me, what I asked for, and the page on which one decides."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from hashinsight.approvals.domain import queries, requests
from hashinsight.approvals.enums import ApprovalState
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.approvals.registry import action_for
from hashinsight.common.admin.actions import may, power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmForm, ConfirmPage, Effect
from hashinsight.common.admin.display import Badge, moment_text, money_cell, money_text
from hashinsight.common.errors import DomainError

LABELS = {
    ApprovalState.PENDING: "warning",
    ApprovalState.APPROVED: "success",
    ApprovalState.REJECTED: "danger",
    ApprovalState.WITHDRAWN: "info",
    ApprovalState.EXPIRED: "info",
}


class WaitingFilter(admin.SimpleListFilter):
    """Whose turn it is."""

    title = gettext_lazy("whose turn")
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Mine to decide, or mine to wait for."""
        return [("me", _("Waiting for me")), ("own", _("Asked by me"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """The chosen ones."""
        if self.value() == "me":
            return queryset.filter(pk__in=queries.waiting_for(request.user).values("pk"))
        if self.value() == "own":
            return queryset.filter(requested_by=request.user.pk)
        return queryset


class NoteForm(ConfirmForm):
    """A word on the decision."""

    note = forms.CharField(
        label=gettext_lazy("Note"), max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )


class RejectForm(ConfirmForm):
    """Why not."""

    note = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Whoever asked reads it."),
    )


def facts_of(request: ApprovalRequest) -> list[tuple[Any, Any]]:
    """What was asked for, by whom and why."""
    money = money_text(request.amount, request.currency) if request.amount is not None else "–"
    return [
        (_("what is asked for"), queries.title_of(request.kind)),
        (_("object"), request.object_label),
        (_("amount"), money),
        (_("reason"), request.reason),
        (_("asked by"), request.requested_by or _("the system")),
        (_("asked at"), moment_text(request.requested_at)),
        (_("to be decided until"), moment_text(request.expires_at)),
    ]


class DecisionPage(ConfirmPage):
    """What both decisions share."""

    power = "decide_approvalrequest"

    def checked(self) -> ApprovalRequest:
        """The request, when this person may decide on it now."""
        request: ApprovalRequest = self.objects[0]
        if not request.is_pending:
            raise requests.ApprovalRefused(_("This request is %(state)s.") % {"state": request.get_state_display()})
        requests.check_decider(request, by=self.request.user)
        return request


class ApprovePage(DecisionPage):
    """Decide for it; the act is done at once."""

    label = gettext_lazy("Approve")
    icon = "check_circle"
    title = gettext_lazy("Approve request")
    button = gettext_lazy("Approve and do it")
    form_class = NoteForm

    def effect(self) -> Effect:
        """The wish, and what comes of it."""
        request = self.checked()
        action, obj = action_for(request.kind), requests.subject_of(request)
        effect = Effect() if action.effect is None else action.effect(obj, request, self.request)
        effect.facts = [*facts_of(request), *action.facts(obj, request), *effect.facts]
        if action.state_of(obj) != request.object_state:
            effect.warnings.append(
                _("%(object)s changed after this was asked for. Reject the request and ask anew.") % {"object": obj}
            )
        if request.last_refusal:
            effect.warnings.append(_("The last attempt failed: %(why)s") % {"why": request.last_refusal})
        return effect

    def act(self, obj: Any, form: Any) -> None:
        """A refusal takes everything back and is kept with the request, which waits on."""
        try:
            super().act(obj, form)
        except DomainError as refusal:
            requests.note_refusal(obj, message=str(refusal))
            obj.refresh_from_db()
            raise

    def run(self, obj: ApprovalRequest, form: Any) -> Any:
        """One domain call."""
        requests.approve(obj, by=self.request.user, at=timezone.now(), note=form.cleaned_data["note"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("Approved and done.")


class RejectPage(DecisionPage):
    """Decide against it."""

    label = gettext_lazy("Reject")
    icon = "cancel"
    danger = True
    title = gettext_lazy("Reject request")
    button = gettext_lazy("Reject")
    form_class = RejectForm

    def effect(self) -> Effect:
        """The wish."""
        return Effect(facts=facts_of(self.checked()))

    def run(self, obj: ApprovalRequest, form: Any) -> Any:
        """One domain call."""
        requests.reject(obj, by=self.request.user, at=timezone.now(), note=form.cleaned_data["note"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The request was rejected.")


class TakeBackPage(ConfirmPage):
    """Take one's own request back."""

    power = "withdraw_approvalrequest"
    label = gettext_lazy("Withdraw")
    icon = "undo"
    title = gettext_lazy("Withdraw request")
    button = gettext_lazy("Withdraw")

    def effect(self) -> Effect:
        """The wish."""
        request = self.objects[0]
        if not request.is_pending or request.requested_by_id != self.request.user.pk:
            raise requests.NotEntitled(_("Only whoever asked can take it back; others reject it."))
        return Effect(facts=facts_of(request))

    def run(self, obj: ApprovalRequest, form: Any) -> Any:
        """One domain call."""
        requests.withdraw(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The request was withdrawn.")


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(ViewOnlyAdmin):
    """Requests that a second person decides."""

    empty_hint = gettext_lazy("What a second person has to allow waits here.")
    list_display = ("kind_shown", "object_label", "amount_shown", "requested_by", "requested_at", "state_shown")
    list_select_related = ("requested_by",)
    list_filter = (
        WaitingFilter,
        ("state", ChoicesDropdownFilter),
        ("requested_at", RangeDateTimeFilter),
    )
    search_fields = ("object_label", "reason", "kind")
    ordering = ("-created_at", "-id")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("kind_shown", "object_label", "amount_display"),
                    "reason",
                    ("requested_by", "requested_at", "expires_at"),
                    "payload",
                )
            },
        ),
        (
            gettext_lazy("Decision"),
            {
                "fields": (
                    ("state", "decided_by", "decided_at"),
                    ("decision_note", "last_refusal"),
                    ("executed_at", "result"),
                )
            },
        ),
    )
    readonly_fields = ("kind_shown", "amount_display", "object_label", "payload")
    pages = {"approve": ApprovePage, "reject": RejectPage, "withdraw": TakeBackPage}
    has_decide_approvalrequest_permission = power(may("approvals.decide_approvalrequest"))
    has_withdraw_approvalrequest_permission = power(may("approvals.withdraw_approvalrequest"))

    @admin.display(description=gettext_lazy("what is asked for"), ordering="kind")
    def kind_shown(self, request: ApprovalRequest) -> str:
        return queries.title_of(request.kind)

    @display(description=gettext_lazy("state"), label=LABELS, ordering="state")
    def state_shown(self, request: ApprovalRequest) -> Any:
        return Badge(request.state, request.get_state_display())

    @display(description=gettext_lazy("amount"), ordering="amount")
    def amount_shown(self, request: ApprovalRequest) -> Any:
        return money_cell(request.amount, request.currency)

    @admin.display(description=gettext_lazy("amount"))
    def amount_display(self, request: ApprovalRequest) -> str:
        return money_text(request.amount, request.currency) or "–"

    def offered(self, request: HttpRequest, obj: ApprovalRequest) -> set[str]:
        """Deciding for others, taking back for whoever asked."""
        if not obj.is_pending:
            return set()
        return {"withdraw"} if obj.requested_by_id == request.user.pk else {"approve", "reject"}

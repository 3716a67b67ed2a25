"""Standing approvals: written by one, signed by two."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from curtailment import rules
from curtailment.admin.effects import kw_text
from curtailment.domain import plans
from curtailment.enums import RUNNING, PlanStatus
from curtailment.models import StandingApproval
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.display import Badge


class SignPage(ConfirmPage):
    """One of two people signs."""

    power = "sign_standingapproval"
    label = gettext_lazy("Sign")
    icon = "draw"
    title = gettext_lazy("Sign the standing approval")
    button = gettext_lazy("Sign")

    def effect(self) -> Effect:
        """What it allows without asking anybody again."""
        row: StandingApproval = self.objects[0]
        return Effect(
            facts=[
                (_("site"), str(row.site)), (_("cause"), row.get_cause_display()), (_("at most"), kw_text(row.most_kw)),
                (_("hours"), f"{row.time_from:%H:%M} – {row.time_to:%H:%M}"),
                (_("until"), str(row.valid_until)), (_("signed by"), str(row.first_by or "–")),
            ]
        )  # fmt: skip

    def run(self, obj: StandingApproval, form: Any) -> Any:
        """One domain call."""
        plans.sign_standing(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("You have signed the standing approval.")


class RevokePage(ConfirmPage):
    """It covers nothing any more."""

    power = "sign_standingapproval"
    label = gettext_lazy("Revoke")
    icon = "block"
    danger = True
    title = gettext_lazy("Revoke the standing approval")
    button = gettext_lazy("Revoke")
    form_class = ReasonForm

    def effect(self) -> Effect:
        """What ends with it."""
        row: StandingApproval = self.objects[0]
        running = row.plans.filter(status__in=(PlanStatus.APPROVED, *RUNNING))
        return Effect(facts=[(_("plans that end now"), str(running.count()))])

    def run(self, obj: StandingApproval, form: Any) -> Any:
        """One domain call."""
        plans.revoke_standing(obj, by=self.request.user, at=timezone.now(), reason=form.cleaned_data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The standing approval is revoked.")


@admin.register(StandingApproval)
class StandingApprovalAdmin(BaseAdmin):
    """Standing approvals: written by one, signed by two."""

    list_display = ("site", "cause", "most_kw", "time_from", "time_to", "valid_until", "state_shown")
    list_select_related = ("site",)
    list_filter = (("site", AutocompleteSelectFilter),)
    search_fields = ("site__name", "note")
    ordering = ("-created_at", "-id")
    fields = (
        ("site", "cause", "most_kw"), ("time_from", "time_to"), ("valid_from", "valid_until"), "note",
        ("first_by", "first_at"), ("second_by", "second_at"), "revoked_at",
    )  # fmt: skip
    readonly_fields = ("first_by", "first_at", "second_by", "second_at", "revoked_at")
    pages = {"sign": SignPage, "revoke": RevokePage}
    has_sign_standingapproval_permission = power(rules.may_sign_standingapproval)

    @display(
        description=gettext_lazy("state"),
        label={"signed": "success", "waits": "warning", "revoked": "default"},
    )
    def state_shown(self, row: StandingApproval) -> Any:
        if row.revoked_at is not None:
            return Badge("revoked", _("revoked"))
        return Badge("signed", _("signed by two")) if row.is_signed else Badge("waits", _("waits for signatures"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Until somebody has signed it."""
        signed = obj is not None and (obj.first_by_id is not None or obj.revoked_at is not None)
        return not signed and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Unsigned ones alone."""
        signed = obj is not None and obj.first_by_id is not None
        return not signed and super().has_delete_permission(request, obj)

    def offered(self, request: HttpRequest, obj: StandingApproval) -> set[str]:
        """What its state allows."""
        if obj.revoked_at is not None:
            return set()
        waits = obj.second_by_id is None and obj.first_by_id != request.user.pk
        return {"revoke"} | ({"sign"} if waits else set())

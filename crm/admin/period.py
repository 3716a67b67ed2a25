"""Months of the books: closing after a look at what is open, reopening by a second person."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from crm import rules
from crm.domain import periods
from crm.enums import PeriodState
from crm.models import AccountingPeriod, LegalEntity
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmForm, ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.display import Badge


class CloseForm(ConfirmForm):
    """Which month of whom."""

    legal_entity = forms.ModelChoiceField(
        LegalEntity.objects.filter(is_active=True), label=gettext_lazy("Legal entity")
    )
    month = forms.RegexField(
        r"^\d{4}-(0[1-9]|1[0-2])$", label=gettext_lazy("Month"), help_text=gettext_lazy("For example 2026-10.")
    )

    def clean_month(self) -> date:
        """Its first day."""
        return date.fromisoformat(f"{self.cleaned_data['month']}-01")


class ClosePage(ConfirmPage):
    """What is still open in the month first, then the button."""

    power = "close_accountingperiod"
    for_one = False
    for_none = True
    title = gettext_lazy("Close a month")
    button = gettext_lazy("Close the month")
    preview_button = gettext_lazy("Look at this month")
    form_class = CloseForm

    def initial(self) -> dict[str, Any]:
        """The month before this one."""
        before = periods.first_of(timezone.localdate()) - timedelta(days=1)
        return {"month": f"{before:%Y-%m}", "legal_entity": LegalEntity.objects.filter(is_active=True).first()}

    def effect(self) -> Effect:
        """What the checks bring up."""
        effect = Effect(warnings=[_("Nothing dated in a closed month is taken any more, by nobody.")])
        if self.form.is_bound and self.form.is_valid():
            entity, month = self.form.cleaned_data["legal_entity"], self.form.cleaned_data["month"]
            effect.facts = [(_("legal entity"), entity), (_("month"), f"{month:%Y-%m}")]
            effect.warnings += [finding.text for finding in periods.findings(entity, month)]
        return effect

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        data = form.cleaned_data
        periods.close_period(data["legal_entity"], month=data["month"], by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The month is closed.")


class ReopenPage(ConfirmPage):
    """Asks; a second person decides."""

    power = "close_accountingperiod"
    label = gettext_lazy("Reopen")
    icon = "lock_open"
    danger = True
    title = gettext_lazy("Ask to reopen a month")
    button = gettext_lazy("Ask for it")
    form_class = ReasonForm

    def effect(self) -> Effect:
        """Which month."""
        period = self.objects[0]
        if period.state != PeriodState.CLOSED:
            raise periods.PeriodRefused(_("%(period)s is open.") % {"period": period})
        return Effect(
            facts=[(_("legal entity"), period.legal_entity), (_("month"), f"{period.month:%Y-%m}")],
            warnings=[_("A second person has to approve it.")],
        )

    def run(self, obj: AccountingPeriod, form: Any) -> Any:
        """One domain call."""
        periods.ask_reopen(obj, reason=form.cleaned_data["reason"], by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The request waits for a second person's approval.")


@admin.register(AccountingPeriod)
class AccountingPeriodAdmin(ViewOnlyAdmin):
    """Months that were closed once."""

    list_display = ("month_shown", "legal_entity", "state_shown", "closed_by", "closed_at")
    list_select_related = ("legal_entity", "closed_by")
    list_filter = (("state", ChoicesDropdownFilter), "legal_entity")
    search_fields = ("legal_entity__name",)
    ordering = ("-month", "legal_entity_id")
    fields = (("legal_entity", "month_shown", "state"), ("closed_by", "closed_at"), "reopen_reason")
    readonly_fields = ("month_shown",)
    pages = {"close": ClosePage, "reopen": ReopenPage}
    has_close_accountingperiod_permission = power(rules.may_close_period)

    @admin.display(description=gettext_lazy("month"), ordering="month")
    def month_shown(self, period: AccountingPeriod) -> str:
        return f"{period.month:%Y-%m}"

    @display(
        description=gettext_lazy("state"),
        label={PeriodState.OPEN: "success", PeriodState.CLOSED: "info"},
        ordering="state",
    )
    def state_shown(self, period: AccountingPeriod) -> Any:
        return Badge(period.state, period.get_state_display())

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The button in the list leads to the page that closes a month."""
        return rules.may_close_period(request.user)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Closing is a page of its own."""
        return HttpResponseRedirect(self.url_of("close"))

    def offered(self, request: HttpRequest, obj: AccountingPeriod) -> set[str]:
        """A closed one only."""
        return {"reopen"} if obj.state == PeriodState.CLOSED else set()

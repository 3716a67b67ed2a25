"""Contracts: list, page, moves. Apps above add their terms as inlines."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    DropdownFilter,
    MultipleChoicesDropdownFilter,
    RangeDateFilter,
)
from unfold.decorators import display

from crm import rules
from crm.admin import labels
from crm.domain import contracts
from crm.domain.renewals import last_notice_on
from crm.enums import CONTRACT_MOVES, ContractStatus
from crm.models import Contract
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.display import Badge, day_text

SETTLED_FIELDS = ("customer", "currency", "number", "starts_on")


class ContractPage(ConfirmPage):
    """What the moves of a contract share."""

    target: ContractStatus | None = None

    def effect(self) -> Effect:
        """Parties, term, and the change of status."""
        contract = self.objects[0]
        effect = Effect(
            facts=[
                (_("customer"), contract.customer),
                (_("first day"), day_text(contract.starts_on)),
                (_("ends on"), day_text(contract.ends_on) or _("open-ended")),
                (_("notice in days"), contract.notice_days),
            ]
        )
        if self.target is not None:
            effect.changes = [(_("status"), contract.get_status_display(), self.target.label)]
        return effect


class ActivatePage(ContractPage):
    """Put it in force."""

    power = "activate_contract"
    label = gettext_lazy("Put in force")
    icon = "task_alt"
    title = gettext_lazy("Put the contract in force")
    button = gettext_lazy("Put in force")
    target = ContractStatus.ACTIVE

    def run(self, obj: Contract, form: Any) -> Any:
        """One domain call."""
        contracts.activate_contract(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The contract is in force.")


class NoticeForm(ReasonForm):
    """When notice was given, and when the contract ends."""

    on = forms.DateField(label=gettext_lazy("Notice given on"), widget=forms.DateInput)
    ends_on = forms.DateField(label=gettext_lazy("Ends on (exclusive)"), widget=forms.DateInput)
    field_order = ("on", "ends_on", "reason")

    def build(self) -> None:
        """Today, and a reason that may be left out."""
        self.fields["on"].initial = timezone.localdate
        self.fields["reason"].required = False


class NoticePage(ContractPage):
    """Notice was given."""

    power = "end_contract"
    label = gettext_lazy("Note a notice")
    icon = "event_upcoming"
    title = gettext_lazy("Note that notice was given")
    button = gettext_lazy("Note it")
    form_class = NoticeForm

    def run(self, obj: Contract, form: Any) -> Any:
        """One domain call."""
        data = form.cleaned_data
        contracts.give_notice(obj, on=data["on"], ends_on=data["ends_on"], by=self.request.user, reason=data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The notice is noted.")


class EndForm(ReasonForm):
    """The first day without it."""

    on = forms.DateField(label=gettext_lazy("Ends on (exclusive)"), widget=forms.DateInput)
    field_order = ("on", "reason")

    def build(self) -> None:
        """Today."""
        self.fields["on"].initial = timezone.localdate

    def clean(self) -> dict[str, Any]:
        """A day in the future is a notice, not an end."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("on") and data["on"] > timezone.localdate():
            self.add_error("on", _("This day lies in the future."))
        return data


class EndPage(ContractPage):
    """It is over."""

    power = "end_contract"
    label = gettext_lazy("End")
    icon = "event_busy"
    danger = True
    title = gettext_lazy("End the contract")
    button = gettext_lazy("End the contract")
    form_class = EndForm
    target = ContractStatus.ENDED

    def run(self, obj: Contract, form: Any) -> Any:
        """One domain call."""
        data = form.cleaned_data
        contracts.end_contract(obj, on=data["on"], by=self.request.user, reason=data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The contract is over.")


class CancelPage(ContractPage):
    """A draft comes to nothing."""

    power = "end_contract"
    label = gettext_lazy("Give up the draft")
    icon = "cancel"
    danger = True
    title = gettext_lazy("Give up the draft")
    button = gettext_lazy("Give up the draft")
    form_class = ReasonForm
    target = ContractStatus.CANCELLED

    def run(self, obj: Contract, form: Any) -> Any:
        """One domain call."""
        contracts.cancel_contract(obj, by=self.request.user, reason=form.cleaned_data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The draft was given up.")


class NoticeDayFilter(DropdownFilter):
    """Those that renew themselves, by the last day for notice (by the calendar of today, UTC)."""

    title = gettext_lazy("last day for notice")
    parameter_name = "notice"
    DAYS = {"7": 7, "30": 30, "90": 90}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """How far ahead."""
        return [
            ("7", gettext_lazy("within 7 days")), ("30", gettext_lazy("within 30 days")),
            ("90", gettext_lazy("within 90 days")), ("all", gettext_lazy("renew themselves")),
        ]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Days that have passed are those the next run of the job renews."""
        if self.value() == "all":
            return queryset.renewing()
        days = self.DAYS.get(str(self.value()))
        if days is None:
            return queryset
        return queryset.renewing().filter(last_notice_on__lte=timezone.localdate() + timedelta(days=days))


@admin.register(Contract)
class ContractAdmin(BaseAdmin):
    """Contracts."""

    list_display = (
        "number", "title", "customer", "status_shown", "starts_on", "ends_on", "last_notice_shown", "currency"
    )  # fmt: skip
    list_select_related = ("customer",)
    list_filter = (
        ("status", MultipleChoicesDropdownFilter),
        ("customer", AutocompleteSelectFilter),
        ("starts_on", RangeDateFilter),
        ("ends_on", RangeDateFilter),
        NoticeDayFilter,
    )
    search_fields = ("number", "title", "customer__company_name")
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": (("number", "title", "status"), ("customer", "deal"))}),
        (
            gettext_lazy("Term"),
            {
                "fields": (
                    ("starts_on", "ends_on", "activated_at"),
                    ("notice_days", "renewal_months", "last_notice_shown"),
                )
            },
        ),
        (
            gettext_lazy("Billing"),
            {"fields": (("legal_entity", "currency", "tax_code"), ("payment_terms_days", "billing_day"))},
        ),
        (gettext_lazy("Promise"), {"fields": ("sla_uptime_percent",)}),
        (
            gettext_lazy("More"),
            {"classes": ["collapse"], "fields": ("internal_note", ("notice_given_on", "end_reason"))},
        ),
    )
    readonly_fields = ("status", "activated_at", "last_notice_shown", "notice_given_on", "end_reason")
    inlines: Any = ()
    pages = {"activate": ActivatePage, "notice": NoticePage, "end": EndPage, "cancel": CancelPage}
    has_activate_contract_permission = power(rules.may_activate_contract)
    has_end_contract_permission = power(rules.may_end_contract)

    @display(description=gettext_lazy("status"), label=labels.CONTRACT, ordering="status")
    def status_shown(self, contract: Contract) -> Any:
        return Badge(contract.status, contract.get_status_display())

    @admin.display(description=gettext_lazy("last day for notice"))
    def last_notice_shown(self, contract: Contract) -> str:
        """Empty where it does not renew itself."""
        return day_text(last_notice_on(contract)) if contract.pk else ""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What is settled once the contract is in force."""
        settled = SETTLED_FIELDS if obj is not None and obj.status != ContractStatus.DRAFT else ()
        return (*super().get_readonly_fields(request, obj), *settled)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Until it is over."""
        over = obj is not None and obj.status in (ContractStatus.ENDED, ContractStatus.CANCELLED)
        return not over and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A draft."""
        return (obj is None or obj.status == ContractStatus.DRAFT) and super().has_delete_permission(request, obj)

    def offered(self, request: HttpRequest, obj: Contract) -> set[str]:
        """What its state allows."""
        moves = CONTRACT_MOVES[ContractStatus(obj.status)]
        found = {"notice"} if obj.status == ContractStatus.ACTIVE else set()
        by_target = {"activate": ContractStatus.ACTIVE, "end": ContractStatus.ENDED, "cancel": ContractStatus.CANCELLED}
        return found | {name for name, target in by_target.items() if target in moves}

    def save_model(self, request: HttpRequest, obj: Contract, form: Any, change: bool) -> None:
        """Through the domain."""
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            contracts.change_contract(obj, changes=changes, by=request.user)
            obj.refresh_from_db()
        else:
            self.adopt(obj, contracts.create_contract(by=request.user, at=timezone.now(), **form.cleaned_data))

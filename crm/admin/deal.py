"""Deals: list, page with lines, moves."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    MultipleChoicesDropdownFilter,
    RangeDateFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display

from crm import rules
from crm.admin import deal_pages as pages
from crm.admin import labels
from crm.admin.export_columns import DEAL_COLUMNS
from crm.admin.value import ValueAdmin
from crm.domain import deals
from crm.enums import DEAL_MOVES, DealStatus
from crm.forms.deals import MoveStageForm
from crm.forms.lines import DealLineForm
from crm.models import Deal, DealLine
from hashinsight.common.admin.actions import limited, power, run_for_each
from hashinsight.common.admin.display import Badge, link, money_cell, number_text
from hashinsight.common.admin.history import HistorySource
from hashinsight.common.admin.inlines import PagedInline

OPEN = (DealStatus.DRAFT, DealStatus.PENDING)
SETTLED_FIELDS = ("customer", "lead", "legal_entity", "title", "value", "currency", "probability", "expected_close_on")


class DealLineInline(PagedInline):
    """What is sold; settled once the deal is approved."""

    model = DealLine
    form = DealLineForm
    fields = ("position", "product", "description", "quantity", "unit_code", "unit_price")
    ordering = ("position", "id")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Numbers without needless zeros where nobody can type."""
        fields = super().get_fields(request, obj)
        if self.has_change_permission(request, obj):
            return fields
        plain = {"quantity": "quantity_shown", "unit_price": "unit_price_shown"}
        return [plain.get(name, name) for name in fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The same under names of their own."""
        return (*super().get_readonly_fields(request, obj), "quantity_shown", "unit_price_shown")

    @display(description=gettext_lazy("quantity"))
    def quantity_shown(self, line: Any) -> str:
        return number_text(line.quantity)

    @display(description=gettext_lazy("unit price"))
    def unit_price_shown(self, line: Any) -> str:
        return number_text(line.unit_price)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """While it is being written."""
        return (obj is None or obj.status in OPEN) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """While it is being written."""
        return (obj is None or obj.status in OPEN) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """While it is being written."""
        return (obj is None or obj.status in OPEN) and super().has_delete_permission(request, obj)


@admin.register(Deal)
class DealAdmin(ValueAdmin):
    """Deals."""

    list_display = (
        "title",
        "customer",
        "stage_shown",
        "status_shown",
        "value_shown",
        "owner",
        "expected_close_on",
    )
    list_select_related = ("customer", "owner")
    list_filter = (
        ("status", MultipleChoicesDropdownFilter),
        ("stage", MultipleChoicesDropdownFilter),
        ("currency", ChoicesDropdownFilter),
        ("customer", AutocompleteSelectFilter),
        ("owner", AutocompleteSelectFilter),
        ("expected_close_on", RangeDateFilter),
        ("created_at", RangeDateTimeFilter),
        ("is_sample", BooleanRadioFilter),
    )
    search_fields = ("title", "customer__company_name")
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": (("title", "customer"), ("stage", "status", "probability"), ("value", "currency"))}),
        (
            gettext_lazy("Contract"),
            {"fields": (("legal_entity", "owner", "lead"), ("expected_close_on", "actual_close_on", "invoice_shown"))},
        ),
        (
            gettext_lazy("More"),
            {"classes": ["collapse"], "fields": ("internal_note", ("closed_at", "completed_at"), "cancel_reason")},
        ),
    )
    readonly_fields = (
        "stage",
        "status",
        "actual_close_on",
        "closed_at",
        "completed_at",
        "cancel_reason",
        "invoice_shown",
    )
    inlines = (DealLineInline,)
    history_children = (HistorySource(DealLine, "deal_id"),)
    actions = ("submit_selected", "approve_selected", "complete_selected", "cancel_selected")
    pages = {
        "stage": pages.MoveStagePage,
        "submit": pages.SubmitDealPage,
        "approve": pages.ApproveDealPage,
        "return": pages.ReturnDealPage,
        "sign": pages.SignDealPage,
        "complete": pages.CompleteDealPage,
        "lose": pages.LoseDealPage,
        "cancel": pages.CancelDealPage,
    }
    export_columns = DEAL_COLUMNS
    has_move_deal_permission = power(rules.may_move_deal)
    has_approve_deal_permission = power(rules.may_approve_deal)
    has_sign_deal_permission = power(rules.may_sign_deal)
    has_complete_deal_permission = power(rules.may_complete_deal)
    has_cancel_deal_permission = power(rules.may_cancel_deal)

    @display(description=gettext_lazy("stage"), label=labels.STAGE, ordering="stage")
    def stage_shown(self, deal: Deal) -> Any:
        return Badge(deal.stage, deal.get_stage_display())

    @display(description=gettext_lazy("status"), label=labels.DEAL, ordering="status")
    def status_shown(self, deal: Deal) -> Any:
        return Badge(deal.status, deal.get_status_display())

    @display(description=gettext_lazy("value"), ordering="value")
    def value_shown(self, deal: Deal) -> Any:
        return money_cell(deal.value, deal.currency)

    @admin.display(description=gettext_lazy("invoice"))
    def invoice_shown(self, deal: Deal) -> Any:
        """The invoice that came of it."""
        invoice = deal.invoices.exclude(status="cancelled").filter(kind="deal").first() if deal.pk else None
        return link(reverse("admin:crm_invoice_change", args=[invoice.pk]), invoice) if invoice else "–"

    def offered(self, request: HttpRequest, obj: Deal) -> set[str]:
        """What the tables of moves allow from here."""
        names = {
            DealStatus.PENDING: "submit",
            DealStatus.APPROVED: "approve",
            DealStatus.DRAFT: "return",
            DealStatus.SIGNED: "sign",
            DealStatus.COMPLETED: "complete",
            DealStatus.CANCELLED: "cancel",
        }
        offered = {names[status] for status in DEAL_MOVES[DealStatus(obj.status)]}
        if MoveStageForm.targets(obj):
            offered.add("stage")
        if pages.may_lose(obj):
            offered.add("lose")
        return offered

    def value_is_fixed(self, request: HttpRequest, obj: Any) -> bool:
        """Once approved, for everybody."""
        return super().value_is_fixed(request, obj) or (obj is not None and obj.status not in OPEN)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What was agreed is settled once approved; owner and note stay open."""
        fixed: tuple[str, ...] = ()
        if obj is not None:
            fixed = SETTLED_FIELDS if obj.status not in OPEN else ("customer", "lead")
        return (*super().get_readonly_fields(request, obj), *fixed)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only drafts disappear; everything else is cancelled."""
        draft = obj is None or obj.status == DealStatus.DRAFT
        return draft and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Deal, form: Any, change: bool) -> None:
        """A new one through the domain."""
        if change:
            super().save_model(request, obj, form, change)
            return
        fields = {name: form.cleaned_data[name] for name in form.cleaned_data}
        self.adopt(obj, deals.create_deal(by=request.user, at=timezone.now(), **fields))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The value follows the lines, and an edit is told."""
        super().save_related(request, form, formsets, change)
        if change and (form.has_changed() or any(formset.has_changed() for formset in formsets)):
            deals.note_edit(form.instance, by=request.user)
        elif form.instance.status in OPEN:
            deals.refresh_value(form.instance)

    @admin.action(description=gettext_lazy("Submit for approval"), permissions=["move_deal"])
    def submit_selected(self, request: HttpRequest, queryset: QuerySet[Deal]) -> None:
        """Each by itself."""
        now = timezone.now()
        run_for_each(
            request,
            limited(queryset),
            lambda deal: deals.submit_deal(deal, by=request.user, at=now),
            done=lambda n: ngettext("%(n)s deal was submitted.", "%(n)s deals were submitted.", n) % {"n": n},
        )

    @admin.action(description=gettext_lazy("Approve"), permissions=["approve_deal"])
    def approve_selected(self, request: HttpRequest, queryset: QuerySet[Deal]) -> None:
        """Each by itself."""
        now = timezone.now()
        run_for_each(
            request,
            limited(queryset),
            lambda deal: deals.approve_deal(deal, by=request.user, at=now),
            done=lambda n: ngettext("%(n)s deal was approved.", "%(n)s deals were approved.", n) % {"n": n},
        )

    @admin.action(description=gettext_lazy("Complete and draft the invoices"), permissions=["complete_deal"])
    def complete_selected(self, request: HttpRequest, queryset: QuerySet[Deal]) -> None:
        """Each by itself."""
        now = timezone.now()
        run_for_each(
            request,
            limited(queryset),
            lambda deal: deals.complete_deal(deal, by=request.user, at=now),
            done=lambda n: ngettext("%(n)s deal was completed.", "%(n)s deals were completed.", n) % {"n": n},
        )

    @admin.action(description=gettext_lazy("Cancel …"), permissions=["cancel_deal"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Deal]) -> Any:
        """On to the page that asks for the reason."""
        return self.to_page("cancel", queryset)

"""Tickets and repair orders: lists with the clock, pages with the conversation, the promises."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    AutocompleteSelectMultipleFilter,
    MultipleChoicesDropdownFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display

from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.display import Badge, moment_text
from hashinsight.common.admin.forms import HouseForm
from hashinsight.common.admin.widgets import dress
from hashinsight.journal.domain import timeline_of
from hosting import rules
from hosting.admin import labels
from hosting.admin import ticket_pages as pages
from hosting.domain import tickets
from hosting.domain.finding import find_miners
from hosting.enums import REPAIR_MOVES, TICKET_MOVES, RepairStatus, TicketStatus
from hosting.models import Miner, RepairOrder, ServiceLevel, Ticket
from hosting.models.ticket import DONE

EDITED = ("kind", "priority", "subject", "description", "site")


class TicketForm(HouseForm):
    """A new ticket names its machines."""

    machines = forms.CharField(
        label=gettext_lazy("Machines"),
        required=False,
        max_length=40_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Serial numbers, addresses or MACs of machines it is about, if any."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self, only=("machines",))

    def clean_machines(self) -> list[Miner]:
        """The machines of the text; what nobody knows is said."""
        found = find_miners(self.cleaned_data["machines"], rows=Miner.objects.all())
        if found.unknown or found.several or found.too_many:
            words = ", ".join([*found.unknown, *found.several][:10])
            raise forms.ValidationError(_("These name no one machine: %(words)s.") % {"words": words})
        return found.miners


@admin.register(Ticket)
class TicketAdmin(BaseAdmin):
    """Tickets."""

    list_display = (
        "reference_shown", "subject", "customer", "site", "priority_shown", "status_shown", "clock_shown",
        "assigned_to", "created_at",
    )  # fmt: skip
    list_display_links = ("reference_shown", "subject")
    list_select_related = ("customer", "site", "assigned_to")
    list_filter = (
        ("status", MultipleChoicesDropdownFilter),
        ("priority", MultipleChoicesDropdownFilter),
        ("kind", MultipleChoicesDropdownFilter),
        ("customer", AutocompleteSelectFilter),
        ("site", AutocompleteSelectFilter),
        ("assigned_to", AutocompleteSelectFilter),
        ("miners", AutocompleteSelectMultipleFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("subject", "customer__company_name", "miners__serial")
    ordering = ("-created_at", "-id")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("customer", "client_visible"), ("site", "kind", "priority"), "subject", "description",
                    "machines_shown",
                )
            },
        ),
        (
            gettext_lazy("Progress"),
            {
                "fields": (
                    ("status", "assigned_to", "opened_by"), ("respond_due_at", "responded_at"),
                    ("resolve_due_at", "resolved_at", "closed_at"), ("waiting_since", "reopened"), "resolution",
                )
            },
        ),
        (gettext_lazy("Conversation"), {"fields": ("conversation",)}),
    )  # fmt: skip
    readonly_fields = (
        "status", "assigned_to", "opened_by", "respond_due_at", "responded_at", "resolve_due_at", "resolved_at",
        "closed_at", "waiting_since", "reopened", "resolution", "conversation", "machines_shown",
    )  # fmt: skip
    pages = {
        "assign": pages.AssignPage,
        "begin": pages.BeginPage,
        "note": pages.NotePage,
        "ask": pages.AskPage,
        "attach": pages.AttachPage,
        "resolve": pages.ResolvePage,
        "close": pages.ClosePage,
        "reopen": pages.ReopenPage,
        "file": pages.FilePage,
    }
    has_work_ticket_permission = power(rules.may_work_ticket)

    @admin.display(description=gettext_lazy("ticket"), ordering="created_at")
    def reference_shown(self, ticket: Ticket) -> str:
        return ticket.reference

    @display(description=gettext_lazy("priority"), label=labels.PRIORITY, ordering="priority")
    def priority_shown(self, ticket: Ticket) -> Any:
        return Badge(ticket.priority, ticket.get_priority_display())

    @display(description=gettext_lazy("status"), label=labels.TICKET, ordering="status")
    def status_shown(self, ticket: Ticket) -> Any:
        return Badge(ticket.status, ticket.get_status_display())

    @display(description=gettext_lazy("clock"), label=labels.CLOCK, ordering="resolve_due_at")
    def clock_shown(self, ticket: Ticket) -> Any:
        if ticket.status in DONE:
            return Badge("kept", "–")
        if ticket.waiting_since is not None:
            return Badge("waiting", _("waits for the client"))
        if ticket.overdue(timezone.now()) is not None:
            return Badge("late", _("late since %(moment)s") % {"moment": moment_text(self._next_due(ticket))})
        return Badge("kept", moment_text(self._next_due(ticket)) or "–")

    def _next_due(self, ticket: Ticket) -> Any:
        dues = (ticket.respond_due_at if ticket.responded_at is None else None, ticket.resolve_due_at)
        return min((due for due in dues if due is not None), default=None)

    @admin.display(description=gettext_lazy("notes and files"))
    def conversation(self, ticket: Ticket) -> str:
        if ticket.pk is None:
            return "–"
        context = {"entries": timeline_of(ticket), "files_url": self.url_of("file", ticket.pk)}
        return str(render_to_string("admin/journal/timeline.html", context))

    @admin.display(description=gettext_lazy("machines"))
    def machines_shown(self, ticket: Ticket) -> str:
        return ", ".join(str(link.miner) for link in ticket.machines.select_related("miner")[:50]) or "–"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new ticket asks for what its page shows afterwards."""
        if obj is not None:
            return super().get_fieldsets(request, obj)
        asked = (("customer", "client_visible"), ("site", "kind", "priority"), "subject", "description", "machines")
        return ((None, {"fields": asked}),)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """A new one names its machines."""
        if obj is None:
            kwargs.setdefault("form", TicketForm)
        return super().get_form(request, obj, change=change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whose it is and who may read it is settled when it is opened."""
        settled = ("customer", "client_visible") if obj is not None else ()
        return (*super().get_readonly_fields(request, obj), *settled)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Until it is closed."""
        closed = obj is not None and obj.status == TicketStatus.CLOSED
        return not closed and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: what was said stays."""
        return False

    def offered(self, request: HttpRequest, obj: Ticket) -> set[str]:
        """What its state allows."""
        moves = TICKET_MOVES[TicketStatus(obj.status)]
        found = {"note", "attach"}
        if obj.status in DONE:
            return found | {"reopen"} | ({"close"} if TicketStatus.CLOSED in moves else set())
        found |= {"assign", "resolve", "close"}
        if TicketStatus.IN_PROGRESS in moves:
            found.add("begin")
        return found | ({"ask"} if obj.client_visible and obj.waiting_since is None else set())

    def save_model(self, request: HttpRequest, obj: Ticket, form: Any, change: bool) -> None:
        """Through the domain."""
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data if name in EDITED}
            tickets.change_ticket(obj, changes=changes, by=request.user)
            obj.refresh_from_db()
        else:
            data = dict(form.cleaned_data)
            miners = data.pop("machines")
            self.adopt(obj, tickets.open_ticket(by=request.user, at=timezone.now(), miners=miners, **data))


@admin.register(ServiceLevel)
class ServiceLevelAdmin(BaseAdmin):
    """What we promise per priority."""

    list_display = ("priority", "respond_minutes", "resolve_minutes")
    fields = ("priority", ("respond_minutes", "resolve_minutes"))
    ordering = ("resolve_minutes",)


@admin.register(RepairOrder)
class RepairOrderAdmin(BaseAdmin):
    """Repair orders; they are made on the page of a machine."""

    list_display = (
        "number_shown", "miner", "customer", "reason", "kind", "status_shown", "paused_from", "paused_to", "vendor",
        "rma_number",
    )  # fmt: skip
    list_select_related = ("miner", "customer")
    list_filter = (
        ("status", MultipleChoicesDropdownFilter),
        ("kind", MultipleChoicesDropdownFilter),
        ("customer", AutocompleteSelectFilter),
        ("miner", AutocompleteSelectFilter),
    )
    search_fields = ("miner__serial", "reason", "vendor", "rma_number")
    ordering = ("-created_at", "-id")
    fields = (
        ("miner", "customer", "ticket"), ("kind", "status"), "reason", ("vendor", "rma_number"),
        ("pauses_billing", "paused_from", "paused_to"), ("finished_at", "outcome"),
    )  # fmt: skip
    readonly_fields = (
        "miner", "customer", "status", "pauses_billing", "paused_from", "paused_to", "finished_at", "outcome",
    )  # fmt: skip
    pages = {"send": pages.SendPage, "in-repair": pages.InRepairPage, "finish": pages.FinishPage}
    has_work_repairorder_permission = power(rules.may_work_repairorder)

    @admin.display(description=gettext_lazy("order"), ordering="number")
    def number_shown(self, order: RepairOrder) -> str:
        return f"R-{order.number:04}"

    @display(description=gettext_lazy("status"), label=labels.REPAIR, ordering="status")
    def status_shown(self, order: RepairOrder) -> Any:
        return Badge(order.status, order.get_status_display())

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """From the page of a machine."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: billing leans on it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Until it is over."""
        over = obj is not None and obj.finished_at is not None
        return not over and super().has_change_permission(request, obj)

    def offered(self, request: HttpRequest, obj: RepairOrder) -> set[str]:
        """What its state allows."""
        moves = REPAIR_MOVES[RepairStatus(obj.status)]
        found = {"finish"} if moves else set()
        by_target = {"send": RepairStatus.SENT, "in-repair": RepairStatus.IN_REPAIR}
        return found | {name for name, target in by_target.items() if target in moves}

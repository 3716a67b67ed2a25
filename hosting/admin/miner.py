"""Machines: the list, the page of one with its histories, and what can be done with many."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models.functions import Upper
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    CheckboxFilter,
    MultipleChoicesDropdownFilter,
    RangeDateFilter,
)
from unfold.decorators import display

from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin, ViewOnlyAdmin
from hashinsight.common.admin.display import Badge, moment_text, number_text
from hashinsight.common.admin.history import HistorySource
from hashinsight.common.admin.inlines import ViewOnlyInline
from hosting import rules
from hosting.admin import contact, labels
from hosting.admin import miner_pages as pages
from hosting.admin.chart_pages import ChartsPage
from hosting.admin.export_columns import MINER_COLUMNS
from hosting.admin.miner_import import ImportMinersPage
from hosting.admin.secret_pages import LoginPage, SecretInline
from hosting.admin.ticket_pages import OrderRepairPage
from hosting.domain import finding, fleet
from hosting.enums import INTENT_MOVES, MinerIntent, Operation
from hosting.models import Miner, MinerOperation, MinerOwnership, MinerPlacement

EDITED = (
    "serial", "manufacturer", "model", "model_text", "address", "port", "is_collected", "mac", "curtailment",
    "power_limit_w", "purchased_on", "warranty_until", "internal_note",
)  # fmt: skip


class PlacementInline(ViewOnlyInline):
    """Where it stood."""

    model = MinerPlacement
    fields = ("site", "zone", "rack", "slot", "valid_from", "valid_to")
    ordering = ("-valid_from",)
    show_change_link = False


class OwnershipInline(ViewOnlyInline):
    """Whose it was."""

    model = MinerOwnership
    fields = ("customer", "valid_from", "valid_to")
    ordering = ("-valid_from",)
    show_change_link = False


def details_in_words(row: MinerOperation) -> str:
    """The log keeps the new intent by its value; it is read in the reader's language."""
    first, _blank, rest = row.details.partition(" ")
    if row.operation != Operation.INTENT or first not in MinerIntent.values:
        return row.details
    return f"{MinerIntent(first).label} {rest}".strip()


class OperationInline(ViewOnlyInline):
    """What was done to it."""

    model = MinerOperation
    fields = ("operation", "details_shown", "performed_by", "performed_at")
    readonly_fields = ("details_shown",)

    @admin.display(description=gettext_lazy("details"))
    def details_shown(self, row: MinerOperation) -> str:
        return details_in_words(row)

    ordering = ("-performed_at", "-id")
    show_change_link = False


class MakerFilter(CheckboxFilter):
    """By maker; the choices are found without reading all machines."""

    title = gettext_lazy("maker")
    parameter_name = "manufacturer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Who made what is there."""
        return [(name, name) for name in finding.makers()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """By the index that begins with the maker."""
        chosen = [name.upper() for name in self.value() or []]
        return queryset.alias(maker=Upper("manufacturer")).filter(maker__in=chosen) if chosen else queryset


@admin.register(Miner)
class MinerAdmin(contact.ContactShown, BaseAdmin):
    """Machines."""

    list_display = (
        "serial", "model_shown", "place_shown", "customer", "intent_shown", "health_shown", "since_shown",
        "power_shown", "address",
    )  # fmt: skip
    list_select_related = ("model", "site", "zone__site", "rack", "customer")
    list_filter = (
        ("site", AutocompleteSelectFilter),
        ("zone", AutocompleteSelectFilter),
        ("customer", AutocompleteSelectFilter),
        ("model", AutocompleteSelectFilter),
        ("intent", MultipleChoicesDropdownFilter),
        ("health", MultipleChoicesDropdownFilter),
        MakerFilter,
        contact.DiffersFilter,
        ("warranty_until", RangeDateFilter),
    )
    search_fields = ("serial", "mac", "address", "model__name", "model_text", "rack__name")
    search_help_text = gettext_lazy("Serial number, MAC, address, model or rack")
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": (("manufacturer", "serial"), ("model", "model_text"), ("intent", "health", "last_seen_at"))}),
        (
            gettext_lazy("Place and owner"),
            {"fields": (("site", "zone"), ("rack", "slot"), ("customer", "deployed_at"))},
        ),
        (
            gettext_lazy("Power and control"),
            {"fields": (("power_limit_w", "nameplate_w", "curtailment"), ("address", "port", "mac", "is_collected"))},
        ),
        (
            gettext_lazy("As it answers"),
            {"fields": (("said_shown", "differs_shown"), ("firmware_shown", "trouble_shown"))},
        ),
        (
            gettext_lazy("More"),
            {"classes": ["collapse"], "fields": (("purchased_on", "warranty_until", "retired_at"), "internal_note")},
        ),
    )
    readonly_fields = (
        "intent", "health", "last_seen_at", "site", "zone", "rack", "slot", "customer", "deployed_at", "nameplate_w",
        "retired_at", *contact.SHOWN,
    )  # fmt: skip
    inlines = (PlacementInline, OwnershipInline, OperationInline, SecretInline)
    export_columns = MINER_COLUMNS
    history_children = (HistorySource(MinerPlacement, "miner_id"), HistorySource(MinerOwnership, "miner_id"))
    actions = (
        "place_selected", "assign_selected", "intent_selected", "protect_selected", "take_out_selected",
        "retire_selected", "login_selected",
    )  # fmt: skip
    pages = {
        "import": ImportMinersPage,
        "place": pages.PlaceMinersPage,
        "assign": pages.AssignMinersPage,
        "intent": pages.IntentPage,
        "protect": pages.CurtailmentPage,
        "take-out": pages.TakeOutPage,
        "retire": pages.RetirePage,
        "repair": OrderRepairPage,
        "charts": ChartsPage,
        "login": LoginPage,
    }
    has_import_miner_permission = power(rules.may_import_miner)
    has_place_miner_permission = power(rules.may_place_miner)
    has_assign_miner_permission = power(rules.may_assign_miner)
    has_switch_miner_permission = power(rules.may_switch_miner)
    has_retire_miner_permission = power(rules.may_retire_miner)
    has_work_repairorder_permission = power(rules.may_work_repairorder)
    has_change_minersecret_permission = power(rules.may_change_minersecret)

    @admin.display(description=gettext_lazy("model"), ordering="model__name")
    def model_shown(self, miner: Miner) -> Any:
        return miner.model or miner.model_text

    @admin.display(description=gettext_lazy("place"), ordering="site__name")
    def place_shown(self, miner: Miner) -> str:
        place = str(miner.zone or miner.site or "")
        spot = " ".join(str(part) for part in (miner.rack, f"#{miner.slot}" if miner.slot else "") if part)
        return f"{place} {spot}".strip()

    @display(description=gettext_lazy("intent"), label=labels.INTENT, ordering="intent")
    def intent_shown(self, miner: Miner) -> Any:
        return Badge(miner.intent, miner.get_intent_display())

    @display(description=gettext_lazy("health"), label=labels.HEALTH, ordering="health")
    def health_shown(self, miner: Miner) -> Any:
        return Badge(miner.health, miner.get_health_display())

    @admin.display(description=gettext_lazy("since"), ordering="health_since")
    def since_shown(self, miner: Miner) -> str:
        return moment_text(miner.health_since or miner.intent_since)

    @display(description=gettext_lazy("power (W)"), ordering="nameplate_w")
    def power_shown(self, miner: Miner) -> str:
        return number_text(Decimal(miner.nameplate_w)) if miner.nameplate_w is not None else "?"

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By an index of our own: columns of three tables at once have none."""
        return finding.search_miners(queryset, search_term), False

    def offered(self, request: HttpRequest, obj: Miner) -> set[str]:
        """What its state allows."""
        if obj.intent == MinerIntent.RETIRED:
            return {"intent", "assign", "charts"}
        found = {"charts", "login", "place", "assign", "intent", "repair"}
        if MinerIntent.RETIRED in INTENT_MOVES[MinerIntent(obj.intent)]:
            found.add("retire")
        return found | ({"take-out"} if obj.site_id else set())

    def save_model(self, request: HttpRequest, obj: Miner, form: Any, change: bool) -> None:
        """Through the domain: power that does not fit is refused."""
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data if name in EDITED}
            fleet.change_miner(obj, changes=changes, by=request.user, at=timezone.now())
            obj.refresh_from_db()
        else:
            self.adopt(obj, fleet.register_miners([obj], by=request.user, at=timezone.now())[0])

    @admin.action(description=gettext_lazy("Place or move"), permissions=["place_miner"])
    def place_selected(self, request: HttpRequest, queryset: Any) -> Any:
        return self.to_page("place", queryset)

    @admin.action(description=gettext_lazy("Assign to a customer"), permissions=["assign_miner"])
    def assign_selected(self, request: HttpRequest, queryset: Any) -> Any:
        return self.to_page("assign", queryset)

    @admin.action(description=gettext_lazy("Change intent"), permissions=["switch_miner"])
    def intent_selected(self, request: HttpRequest, queryset: Any) -> Any:
        return self.to_page("intent", queryset)

    @admin.action(description=gettext_lazy("Protect from curtailment"), permissions=["switch_miner"])
    def protect_selected(self, request: HttpRequest, queryset: Any) -> Any:
        return self.to_page("protect", queryset)

    @admin.action(description=gettext_lazy("Take out"), permissions=["place_miner"])
    def take_out_selected(self, request: HttpRequest, queryset: Any) -> Any:
        return self.to_page("take-out", queryset)

    @admin.action(description=gettext_lazy("Set login"), permissions=["change_minersecret"])
    def login_selected(self, request: HttpRequest, queryset: Any) -> Any:
        return self.to_page("login", queryset)

    @admin.action(description=gettext_lazy("Retire"), permissions=["retire_miner"])
    def retire_selected(self, request: HttpRequest, queryset: Any) -> Any:
        return self.to_page("retire", queryset)


@admin.register(MinerOperation)
class MinerOperationAdmin(ViewOnlyAdmin):
    """The log of all machines."""

    list_display = ("performed_at", "miner", "operation", "details_shown", "performed_by", "request_id")
    list_select_related = ("miner", "performed_by")
    list_filter = (
        ("operation", MultipleChoicesDropdownFilter),
        ("performed_by", AutocompleteSelectFilter),
        ("performed_at", RangeDateFilter),
    )
    search_fields = ("miner__serial", "request_id")
    ordering = ("-performed_at", "-id")
    fields = (("miner", "operation"), "details_shown", ("performed_by", "performed_at", "request_id"))
    readonly_fields = ("details_shown",)

    @admin.display(description=gettext_lazy("details"))
    def details_shown(self, row: MinerOperation) -> str:
        return details_in_words(row)

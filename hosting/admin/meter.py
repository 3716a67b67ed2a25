"""Meters of sites, their readings, and where their registers began anew."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin, ViewOnlyAdmin
from hashinsight.common.admin.display import Badge, moment_text, number_text
from hashinsight.common.admin.inlines import ViewOnlyInline
from hosting import rules
from hosting.admin.meter_pages import ImportReadingsPage, PowerPage, RecordChangePage
from hosting.domain.meters import keeping
from hosting.domain.meters.loads import patience
from hosting.domain.meters.showing import with_last
from hosting.meter_enums import MeterFeed
from hosting.models import Meter, MeterChange, MeterReading


class ChangeInline(ViewOnlyInline):
    """Where the register began anew."""

    model = MeterChange
    fields = ("changed_at", "kind", "before_kwh", "after_kwh", "serial", "reason")
    readonly_fields = fields
    ordering = ("-changed_at",)
    show_change_link = False


@admin.register(Meter)
class MeterAdmin(BaseAdmin):
    """Meters."""

    list_display = ("name", "site", "zone", "measures", "feed", "last_shown", "ratio_shown", "valid_from", "valid_to")
    list_select_related = ("site", "zone__site")
    list_filter = (
        ("site", AutocompleteSelectFilter),
        ("measures", ChoicesDropdownFilter),
        ("feed", ChoicesDropdownFilter),
    )
    search_fields = ("name", "serial", "site__name")
    ordering = ("site__name", "name")
    fieldsets = (
        (
            None,
            {"fields": (("site", "zone", "measures"), ("name", "serial"), ("valid_from", "valid_to"))},
        ),
        (
            gettext_lazy("How it is read"),
            {"fields": (("feed", "device", "interval_s"), ("ratio", "most_kw"))},
        ),
        (
            "Modbus TCP",
            {
                "classes": ["collapse"],
                "fields": (
                    ("modbus_address", "modbus_port", "modbus_unit"), ("modbus_function", "word_order"),
                    ("power_register", "power_type", "power_scale"),
                    ("energy_register", "energy_type", "energy_scale"),
                ),
            },
        ),
        (gettext_lazy("More"), {"classes": ["collapse"], "fields": ("note",)}),
    )  # fmt: skip
    inlines = (ChangeInline,)
    pages = {"power": PowerPage, "import": ImportReadingsPage, "changed": RecordChangePage}
    has_import_meterreading_permission = power(rules.may_import_meterreading)
    has_record_meterchange_permission = power(rules.may_record_meterchange)

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the moment of the last reading."""
        return with_last(super().get_queryset(request))

    @display(
        description=gettext_lazy("last reading"), label={"silent": "danger", "heard": "default"}, ordering="last_at"
    )
    def last_shown(self, meter: Meter) -> Any:
        last: Any = getattr(meter, "last_at", None)
        is_silent = meter.feed != MeterFeed.FILE and (last is None or timezone.now() - last > patience(meter))
        return Badge("silent" if is_silent else "heard", moment_text(last) or _("never"))

    @admin.display(description=gettext_lazy("ratio"), ordering="ratio")
    def ratio_shown(self, meter: Meter) -> str:
        return number_text(meter.ratio)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A meter stays where it is; at another place it is another one."""
        fixed = ("site", "zone", "measures") if obj is not None else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def save_model(self, request: HttpRequest, obj: Meter, form: Any, change: bool) -> None:
        """Through the domain."""
        if change:
            keeping.change_meter(obj)
        else:
            self.adopt(obj, keeping.create_meter(at=timezone.now(), **form.cleaned_data))


@admin.register(MeterReading)
class MeterReadingAdmin(ViewOnlyAdmin):
    """Readings."""

    list_display = ("recorded_at", "meter", "power_kw", "register_kwh", "source", "received_at")
    list_select_related = ("meter__site",)
    list_filter = (("meter", AutocompleteSelectFilter), ("recorded_at", RangeDateTimeFilter))
    search_fields = ("meter__name", "meter__site__name")
    ordering = ("-recorded_at", "-id")
    show_full_result_count = False
    fields = (("meter", "recorded_at"), ("power_kw", "register_kwh"), ("ratio", "source", "received_at"))

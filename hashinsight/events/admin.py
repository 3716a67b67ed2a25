"""The outbox, to look at."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, FieldTextFilter, RangeDateTimeFilter
from unfold.decorators import display

from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.events.enums import OutboxStatus
from hashinsight.events.models import OutboxEvent

LABELS = {OutboxStatus.PENDING: "info", OutboxStatus.PROCESSED: "success", OutboxStatus.FAILED: "danger"}


@admin.register(OutboxEvent)
class OutboxEventAdmin(ViewOnlyAdmin):
    """What happened, for whoever wants to know."""

    list_display = ("created_at", "kind", "aggregate_type", "aggregate_id", "status_shown", "attempts")
    list_filter = (
        ("kind", FieldTextFilter),
        ("status", ChoicesDropdownFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("aggregate_id", "kind", "request_id")
    ordering = ("-created_at", "-id")
    fields = (
        ("event_id", "kind", "schema_version"),
        ("aggregate_type", "aggregate_id"),
        ("customer_id", "user_id", "request_id"),
        "payload",
        ("status", "attempts"),
        ("created_at", "processed_at"),
    )

    @display(description=gettext_lazy("status"), label=LABELS, ordering="status")
    def status_shown(self, event: OutboxEvent) -> Any:
        return event.status, event.get_status_display()

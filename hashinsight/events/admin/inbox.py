"""Who had which event, and who is still to have it."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import FieldTextFilter, RangeDateTimeFilter

from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.display import moment_text
from hashinsight.events.models import HeldDelivery, InboxEntry


@admin.register(InboxEntry)
class InboxEntryAdmin(ViewOnlyAdmin):
    """What each consumer has had."""

    list_display = ("processed_at", "consumer_group", "event_id")
    list_filter = (("consumer_group", FieldTextFilter), ("processed_at", RangeDateTimeFilter))
    search_fields = ("event_id",)
    ordering = ("-id",)
    fields = ("event_id", "consumer_group", "processed_at")


@admin.register(HeldDelivery)
class HeldDeliveryAdmin(ViewOnlyAdmin):
    """What waits, and why."""

    empty_hint = gettext_lazy("Nothing waits: every consumer has had every event that is meant for it.")
    list_display = ("held_at", "kind_shown", "consumer_group", "aggregate_id", "attempts", "next_shown", "error_shown")
    list_select_related = ("event",)
    list_filter = (("consumer_group", FieldTextFilter), ("held_at", RangeDateTimeFilter))
    search_fields = ("aggregate_id", "event__event_id")
    ordering = ("event_id", "id")
    fields = (
        ("event", "consumer_group"),
        ("aggregate_type", "aggregate_id"),
        ("attempts", "next_attempt_at", "held_at"),
        "last_error",
    )

    @admin.display(description=gettext_lazy("kind"))
    def kind_shown(self, held: HeldDelivery) -> str:
        return held.event.kind

    @admin.display(description=gettext_lazy("next attempt"), ordering="next_attempt_at")
    def next_shown(self, held: HeldDelivery) -> SafeString | str:
        """Behind another one, or at a moment."""
        text = moment_text(held.next_attempt_at)
        return format_html('<span class="hi-late">{}</span>', text) if held.attempts else text

    @admin.display(description=gettext_lazy("last error"))
    def error_shown(self, held: HeldDelivery) -> str:
        return held.last_error[:100]

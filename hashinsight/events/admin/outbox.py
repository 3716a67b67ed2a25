"""The outbox, to look at and to hand on again from."""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, FieldTextFilter, RangeDateTimeFilter
from unfold.decorators import display

from hashinsight.common.admin.actions import may, power
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm, Table
from hashinsight.common.admin.display import Badge, moment_text
from hashinsight.events.admin.shown import PayloadAdmin
from hashinsight.events.consumers import all_consumers
from hashinsight.events.domain.replaying import Selection, replay_events
from hashinsight.events.enums import OutboxStatus, ReplayMode
from hashinsight.events.models import DeadLetter, InboxEntry, OutboxEvent

LABELS = {
    OutboxStatus.PENDING: "info",
    OutboxStatus.HELD: "warning",
    OutboxStatus.PROCESSED: "success",
    OutboxStatus.FAILED: "danger",
}


class HandOnForm(ReasonForm):
    """To whom, what of it, and why."""

    group = forms.ChoiceField(label=gettext_lazy("Consumer group"))
    mode = forms.ChoiceField(
        label=gettext_lazy("What"), choices=ReplayMode.choices, initial=ReplayMode.MISSED,
        help_text=gettext_lazy("Once more is possible for consumers that only keep a copy or a cache."),
    )  # fmt: skip
    field_order: Any = ("group", "mode", "reason")

    def build(self) -> None:
        """The consumers there are."""
        field: Any = self.fields["group"]
        field.choices = [(one.group, one.group) for one in all_consumers()]


class HandOnPage(ConfirmPage):
    """One event once more."""

    power = "add_replay"
    label = gettext_lazy("Hand on again")
    icon = "replay"
    title = gettext_lazy("Hand an event on again")
    button = gettext_lazy("Hand on again")
    form_class = HandOnForm

    def effect(self) -> Effect:
        """Who has had it."""
        event = self.objects[0]
        had = InboxEntry.objects.filter(event_id=event.event_id).order_by("consumer_group")
        rows = [[entry.consumer_group, moment_text(entry.processed_at)] for entry in had]
        table = Table(headers=[_("consumer group"), _("had it")], rows=rows, title=_("Who has had it"))
        facts = [(_("kind"), event.kind), (_("event id"), event.event_id), (_("status"), event.get_status_display())]
        return Effect(facts=facts, tables=[table] if rows else [])

    def run(self, obj: OutboxEvent, form: Any) -> Any:
        """One domain call."""
        cleaned = form.cleaned_data
        replay_events(
            cleaned["group"], selection=Selection(event_id=obj.event_id), mode=cleaned["mode"],
            reason=cleaned["reason"], by=self.request.user, at=timezone.now(),
        )  # fmt: skip

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The event is handed on again.")


@admin.register(OutboxEvent)
class OutboxEventAdmin(PayloadAdmin):
    """What happened, for whoever wants to know."""

    list_display = ("created_at", "kind", "aggregate_type", "aggregate_id", "status_shown", "attempts")
    list_filter = (
        ("kind", FieldTextFilter),
        ("status", ChoicesDropdownFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("aggregate_id", "kind", "request_id", "event_id")
    ordering = ("-created_at", "-id")
    fields = (
        ("event_id", "kind", "schema_version"),
        ("aggregate_type", "aggregate_id"),
        ("customer_id", "user_id", "request_id"),
        "payload_shown",
        ("status", "attempts"),
        ("created_at", "processed_at"),
        "consumers_shown",
    )
    readonly_fields = ("payload_shown", "consumers_shown")
    pages = {"replay": HandOnPage}
    has_add_replay_permission = power(may("events.add_replay"))

    @display(description=gettext_lazy("status"), label=LABELS, ordering="status")
    def status_shown(self, event: OutboxEvent) -> Any:
        return Badge(event.status, event.get_status_display())

    @admin.display(description=gettext_lazy("consumers"))
    def consumers_shown(self, event: OutboxEvent) -> str:
        """Who has had it, who waits, who gave it up."""
        had = InboxEntry.objects.filter(event_id=event.event_id).values_list("consumer_group", flat=True)
        held = event.held_deliveries.values_list("consumer_group", flat=True)
        dead = DeadLetter.objects.filter(event_id=event.event_id, replayed_at=None)
        words = [
            *(_("%(group)s: had it") % {"group": group} for group in sorted(had)),
            *(_("%(group)s: still to have it") % {"group": group} for group in sorted(held)),
            *(_("%(group)s: gave it up") % {"group": letter.consumer_group} for letter in dead),
        ]
        return ", ".join(words) or "–"

    def offered(self, request: Any, obj: OutboxEvent) -> set[str]:
        """What no relay has taken up yet comes by itself."""
        return set() if obj.status == OutboxStatus.PENDING else {"replay"}

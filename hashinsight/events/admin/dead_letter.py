"""Events that a consumer gave up, and sending them again."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import FieldTextFilter, RangeDateTimeFilter
from unfold.decorators import display

from hashinsight.common.admin.actions import may, power
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.display import Badge
from hashinsight.events.admin.shown import PayloadAdmin
from hashinsight.events.domain.replaying import ReplayRefused, redeliver
from hashinsight.events.models import DeadLetter

SHOWN = 20


class OpenFilter(admin.SimpleListFilter):
    """Still open, or sent again."""

    title = gettext_lazy("state")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Two."""
        return [("1", gettext_lazy("open")), ("0", gettext_lazy("sent again"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> QuerySet[DeadLetter]:
        """By whether somebody sent it again."""
        return queryset if self.value() not in ("0", "1") else queryset.filter(replayed_at__isnull=self.value() == "1")


class RedeliverPage(ConfirmPage):
    """Once more, with fresh attempts, under the original id."""

    power = "redeliver_deadletter"
    for_many = True
    label = gettext_lazy("Send again")
    icon = "forward_to_inbox"
    title = gettext_lazy("Send dead letters again")
    button = gettext_lazy("Send again")
    form_class = ReasonForm

    def effect(self) -> Effect:
        """What goes to whom, and what stopped it."""
        if self.is_single and self.objects[0].replayed_at is not None:
            raise ReplayRefused(_("%(letter)s was sent again already.") % {"letter": self.objects[0]})
        effect = Effect(warnings=[_("Later events of the same object were handed on meanwhile; this one comes late.")])
        for letter in self.objects[:SHOWN]:
            effect.facts.append((letter, letter.error_message[:200]))
        if len(self.objects) > SHOWN:
            effect.facts.append((_("and more"), len(self.objects) - SHOWN))
        return effect

    def run(self, obj: DeadLetter, form: Any) -> Any:
        """One domain call."""
        redeliver(obj, by=self.request.user, at=timezone.now(), reason=form.cleaned_data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return ngettext("%(n)s dead letter is sent again.", "%(n)s dead letters are sent again.", count) % {"n": count}


@admin.register(DeadLetter)
class DeadLetterAdmin(PayloadAdmin):
    """What a person should look at."""

    empty_hint = gettext_lazy("Events that a consumer gave up are kept here until somebody hands them on again.")
    list_display = ("failed_at", "kind", "consumer_group", "aggregate_id", "state_shown", "retry_count", "error_shown")
    list_filter = (
        OpenFilter,
        ("kind", FieldTextFilter),
        ("consumer_group", FieldTextFilter),
        ("failed_at", RangeDateTimeFilter),
    )
    search_fields = ("event_id", "aggregate_id", "error_message")
    ordering = ("-failed_at", "-id")
    fields = (
        ("kind", "consumer_group", "event_id"),
        ("aggregate_type", "aggregate_id"),
        ("customer_id", "user_id"),
        "error_message",
        "payload_shown",
        ("retry_count", "failed_at", "replayed_at"),
    )
    readonly_fields = ("payload_shown",)
    actions = ("redeliver_selected",)
    pages = {"redeliver": RedeliverPage}
    has_redeliver_deadletter_permission = power(may("events.redeliver_deadletter"))

    @display(description=gettext_lazy("state"), label={"open": "danger", "sent": "success"})
    def state_shown(self, letter: DeadLetter) -> Any:
        return Badge("open", _("open")) if letter.replayed_at is None else Badge("sent", _("sent again"))

    @admin.display(description=gettext_lazy("error"))
    def error_shown(self, letter: DeadLetter) -> str:
        return letter.error_message[:100]

    def offered(self, request: HttpRequest, obj: DeadLetter) -> set[str]:
        """Open ones only."""
        return {"redeliver"} if obj.replayed_at is None else set()

    @admin.action(description=gettext_lazy("Send again"), permissions=["redeliver_deadletter"])
    def redeliver_selected(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> HttpResponse:
        """Through the page that shows what goes where."""
        return self.to_page("redeliver", queryset)

"""Handing many events on again: since a moment, of a kind, of an aggregate."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, FieldTextFilter, RangeDateTimeFilter
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from hashinsight.common.admin.actions import may, power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect
from hashinsight.common.admin.display import moment_text
from hashinsight.events.admin.outbox import HandOnForm
from hashinsight.events.domain.replaying import MOST_REPLAYED, Selection, events_to_replay, replay_events
from hashinsight.events.enums import ReplayMode
from hashinsight.events.models import Replay
from hashinsight.events.registry import all_kinds


class ReplayForm(HandOnForm):
    """Which events; what is left empty does not matter."""

    since = forms.SplitDateTimeField(
        label=gettext_lazy("Events since"), required=False, widget=UnfoldAdminSplitDateTimeWidget()
    )
    until = forms.SplitDateTimeField(
        label=gettext_lazy("Events before"), required=False, widget=UnfoldAdminSplitDateTimeWidget()
    )
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), required=False)
    aggregate_type = forms.CharField(
        label=gettext_lazy("Aggregate type"), required=False, max_length=100,
        help_text=gettext_lazy("Such as invoice or customer."),
    )  # fmt: skip
    aggregate_id = forms.CharField(label=gettext_lazy("Aggregate id"), required=False, max_length=64)
    event_id = forms.UUIDField(label=gettext_lazy("Event id"), required=False)
    field_order = ("group", "mode", "since", "until", "kind", "aggregate_type", "aggregate_id", "event_id", "reason")

    def build(self) -> None:
        """The kinds there are."""
        super().build()
        field: Any = self.fields["kind"]
        field.choices = [("", _("all kinds")), *((one.kind, one.kind) for one in all_kinds())]

    def selection(self) -> Selection:
        """What was chosen."""
        names = ("since", "until", "kind", "aggregate_type", "aggregate_id", "event_id")
        return Selection(**{name: self.cleaned_data[name] for name in names})


class ReplayPage(ConfirmPage):
    """Choose, look how many, then do."""

    power = "add_replay"
    for_one = False
    for_none = True
    title = gettext_lazy("Hand events on again")
    button = gettext_lazy("Hand on again")
    preview_button = gettext_lazy("Show how many")
    form_class = ReplayForm

    def effect(self) -> Effect:
        """How many, from when to when."""
        if self.form is None or not self.form.is_bound or not self.form.is_valid():
            return Effect()
        cleaned = self.form.cleaned_data
        found = events_to_replay(cleaned["group"], self.form.selection(), cleaned["mode"])
        moments = list(found.values_list("created_at", flat=True)[: MOST_REPLAYED + 1])
        effect = Effect(facts=[(_("events"), number_format(len(moments)))])
        if moments:
            effect.facts.append((_("from"), moment_text(moments[0])))
            effect.facts.append((_("to"), moment_text(moments[-1])))
        if cleaned["mode"] == ReplayMode.AGAIN:
            effect.warnings.append(_("The consumer acts once more on events it has had."))
        return effect

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        cleaned = form.cleaned_data
        self.replay = replay_events(
            cleaned["group"], selection=form.selection(), mode=cleaned["mode"], reason=cleaned["reason"],
            by=self.request.user, at=timezone.now(),
        )  # fmt: skip

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("%(count)s events are handed on again.") % {"count": number_format(self.replay.count)}


@admin.register(Replay)
class ReplayAdmin(ViewOnlyAdmin):
    """Who had what handed on again, and why."""

    list_display = ("created_at", "consumer_group", "mode", "since", "kind", "aggregate_id", "count", "reason")
    list_filter = (
        ("consumer_group", FieldTextFilter),
        ("mode", ChoicesDropdownFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("reason", "aggregate_id", "event_id")
    ordering = ("-created_at", "-id")
    fields = (
        ("consumer_group", "mode", "count"),
        ("since", "until", "kind"),
        ("aggregate_type", "aggregate_id", "event_id"),
        ("reason", "requested_by_id"),
    )
    pages = {"new": ReplayPage}
    has_add_replay_permission = power(may("events.add_replay"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Through the page that says how many."""
        return bool(self.has_add_replay_permission(request))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Through the page that says how many."""
        return HttpResponseRedirect(self.url_of("new"))

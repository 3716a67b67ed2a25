"""OpenADR servers: set up, asked now, given another secret."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, BooleanRadioFilter
from unfold.decorators import display

from curtailment import rules
from curtailment.admin.effects import DASH
from curtailment.domain.dispatch import vtns
from curtailment.forms.programmes import ConnectionForm, SecretForm
from curtailment.models import VtnConnection, VtnResource
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect
from hashinsight.common.admin.display import Badge, moment_text
from hashinsight.common.admin.history import HistorySource
from hashinsight.common.admin.inlines import BaseInline

STATES = {"silent": "danger", "failing": "warning", "heard": "success", "new": "info", "off": "default"}


class PollPage(ConfirmPage):
    """Without waiting for its turn."""

    power = "poll_vtnconnection"
    label = gettext_lazy("Ask it now")
    icon = "sync"
    title = gettext_lazy("Ask the server now")
    button = gettext_lazy("Ask it")

    def effect(self) -> Effect:
        """When it was asked last, and what came of it."""
        row: VtnConnection = self.objects[0]
        return Effect(
            facts=[
                (_("asked at"), moment_text(row.polled_at) or _("never")),
                (_("heard at"), moment_text(row.heard_at) or _("never")), (_("error"), row.error or DASH),
            ]
        )  # fmt: skip

    def run(self, obj: VtnConnection, form: Any) -> Any:
        """One domain call."""
        vtns.ask_now(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("It is asked now; in a moment this page shows what came of it.")


class SecretPage(ConfirmPage):
    """Another client secret."""

    power = "secret_vtnconnection"
    label = gettext_lazy("New client secret")
    icon = "key"
    title = gettext_lazy("New client secret")
    button = gettext_lazy("Use it from now on")
    form_class = SecretForm

    def effect(self) -> Effect:
        """Of what."""
        row: VtnConnection = self.objects[0]
        return Effect(facts=[(_("OpenADR server"), row), (_("client id"), row.client_id)])

    def run(self, obj: VtnConnection, form: Any) -> Any:
        """One domain call."""
        vtns.change_secret(obj, client_secret=form.cleaned_data["client_secret"], by=self.request.user)

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The new secret is used from the next call on.")


class ResourceInline(BaseInline):
    """Sites under their names there."""

    model = VtnResource
    fields = ("site", "name", "targets", "resource_id")
    readonly_fields = ("resource_id",)
    ordering = ("name",)
    max_num = 100


@admin.register(VtnConnection)
class VtnConnectionAdmin(BaseAdmin):
    """OpenADR servers."""

    empty_hint = gettext_lazy("A server (VTN) that is asked again and again what it calls.")
    form = ConnectionForm
    list_display = ("name", "programme", "openadr_version", "state_shown", "heard_at", "events_seen", "error_shown")
    list_select_related = ("programme",)
    list_filter = (("programme", AutocompleteSelectFilter), ("is_active", BooleanRadioFilter))
    search_fields = ("name", "base_url")
    ordering = ("name",)
    readonly_fields = (
        "state_shown", "polled_at", "heard_at", "not_before", "failures", "error", "clock_offset_s", "events_seen",
        "ven_id",
    )  # fmt: skip
    inlines = (ResourceInline,)
    history_children = (HistorySource(VtnResource, look_up="connection_id"),)
    pages = {"poll": PollPage, "secret": SecretPage}
    has_poll_vtnconnection_permission = power(rules.may_poll_vtnconnection)
    has_secret_vtnconnection_permission = power(rules.may_secret_vtnconnection)

    @display(description=gettext_lazy("state"), label=STATES)
    def state_shown(self, row: VtnConnection) -> Any:
        if not row.is_active:
            return Badge("off", _("off"))
        if row.heard_at is None and not row.failures:
            return Badge("new", _("not asked yet"))
        if row.heard_at is None or timezone.now() - row.heard_at > row.silent_after:
            return Badge("silent", _("silent"))
        return Badge("failing", _("failing")) if row.failures else Badge("heard", _("heard"))

    @admin.display(description=gettext_lazy("error"))
    def error_shown(self, row: VtnConnection) -> str:
        return row.error[:80] or DASH

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The secret is typed once; later it has a page of its own."""
        opens: list[Any] = [("base_url", "openadr_version"), "token_url", ("client_id", "scope")]
        groups: list[Any] = [
            (None, {"fields": (("name", "is_active"), "programme")}),
            (gettext_lazy("What opens it"), {"fields": opens if obj else [*opens, "new_secret"]}),
            (
                gettext_lazy("What we ask and tell"),
                {"fields": ("ven_name", "programs", ("poll_seconds", "relative_reduces", "sends_reports"))},
            ),
        ]
        if obj is not None:
            state = (
                ("state_shown", "polled_at", "heard_at"), ("failures", "not_before"), "error",
                ("events_seen", "clock_offset_s", "ven_id"),
            )  # fmt: skip
            record = [("public_id", "version"), ("created_at", "updated_at")]
            groups += [
                (gettext_lazy("State"), {"fields": state}),
                (gettext_lazy("Record"), {"fields": record, "classes": ["hi-record", "collapse"]}),
            ]
        return groups

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: it is switched off."""
        return False

    def save_model(self, request: HttpRequest, obj: VtnConnection, form: Any, change: bool) -> None:
        """Through the domain: where a server moved, we register anew."""
        fields = {name: form.cleaned_data[name] for name in ConnectionForm.Meta.fields if name in form.cleaned_data}
        if change:
            changes = {name: fields[name] for name in form.changed_data if name in fields}
            vtns.change_connection(VtnConnection.objects.get(pk=obj.pk), changes=changes, by=request.user)
            obj.refresh_from_db()
        else:
            secret = form.cleaned_data["new_secret"]
            self.adopt(obj, vtns.create_connection(client_secret=secret, by=request.user, at=timezone.now(), **fields))

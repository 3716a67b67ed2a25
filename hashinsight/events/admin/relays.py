"""The relays and their heartbeats."""

from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.display import Badge, moment_text
from hashinsight.events.domain.queries import is_silent
from hashinsight.events.models import RelayProcess

LABELS = {"alive": "success", "stopped": "info", "silent": "danger"}


@admin.register(RelayProcess)
class RelayProcessAdmin(ViewOnlyAdmin):
    """Which processes hand events on; red where nothing was heard of one that did not say goodbye."""

    list_display = ("name", "lane", "state_shown", "heartbeat_shown", "handed_on", "error_shown")
    list_filter = (("heartbeat_at", RangeDateTimeFilter),)
    search_fields = ("name",)
    ordering = ("-heartbeat_at", "-id")
    fields = (("name", "lane"), ("started_at", "heartbeat_at", "stopped_at"), "handed_on", "last_error")

    @display(description=gettext_lazy("state"), label=LABELS)
    def state_shown(self, relay: RelayProcess) -> Any:
        if relay.stopped_at is not None:
            return Badge("stopped", _("stopped"))
        return Badge("silent", _("silent")) if is_silent(relay, at=timezone.now()) else Badge("alive", _("alive"))

    @admin.display(description=gettext_lazy("heartbeat"), ordering="heartbeat_at")
    def heartbeat_shown(self, relay: RelayProcess) -> Any:
        text = moment_text(relay.heartbeat_at)
        silent = is_silent(relay, at=timezone.now())
        return format_html('<span class="hi-late">{}</span>', text) if silent else text

    @admin.display(description=gettext_lazy("last error"))
    def error_shown(self, relay: RelayProcess) -> str:
        return relay.last_error[:100]

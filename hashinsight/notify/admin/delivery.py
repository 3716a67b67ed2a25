"""The log of messages."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    FieldTextFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display

from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect
from hashinsight.common.admin.display import Badge
from hashinsight.common.transitions import MoveRefused
from hashinsight.notify import rules
from hashinsight.notify.admin import parts
from hashinsight.notify.domain import sending
from hashinsight.notify.enums import DeliveryState
from hashinsight.notify.models import Delivery


class RedeliverPage(ConfirmPage):
    """The same message once more."""

    power = "redeliver_delivery"
    for_many = True
    label = gettext_lazy("Send again")
    icon = "replay"
    title = gettext_lazy("Send messages again")
    button = gettext_lazy("Send again")

    def effect(self) -> Effect:
        """What, and where to."""
        if self.is_single and self.objects[0].state == DeliveryState.PENDING:
            raise MoveRefused(_("This message is on its way already."))
        facts = [(str(one), one.recipient or str(one.channel)) for one in self.objects]
        return Effect(facts=facts, warnings=[_("Content and message id stay the same: a receiver can tell a repeat.")])

    def run(self, obj: Delivery, form: Any) -> Any:
        """One domain call."""
        sending.redeliver(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        text = ngettext("%(n)s message is on its way again.", "%(n)s messages are on their way again.", count)
        return text % {"n": count}


@admin.register(Delivery)
class DeliveryAdmin(ViewOnlyAdmin):
    """What was sent to whom, and what the other side said."""

    empty_hint = gettext_lazy("Messages that rules sent through channels stand here.")
    list_display = ("created_at", "subject", "channel_shown", "recipient", "state_shown", "attempts", "answer_shown")
    list_select_related = ("channel",)
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("channel", AutocompleteSelectFilter),
        ("kind", FieldTextFilter),
        ("occasion", ChoicesDropdownFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("subject", "kind", "recipient", "public_id")
    ordering = ("-created_at", "-id")
    fields = (
        "subject",
        ("channel_shown", "recipient", "rule"),
        ("occasion", "kind", "alert"),
        ("state", "attempts", "next_at"),
        ("created_at", "last_at", "delivered_at"),
        ("response_status", "error"),
        "response_excerpt",
        "body_shown",
        "payload",
        "public_id",
    )
    readonly_fields = ("body_shown", "channel_shown")
    actions = ("redeliver_selected",)
    pages = {"redeliver": RedeliverPage}
    has_redeliver_delivery_permission = power(rules.may_redeliver)

    @display(description=gettext_lazy("state"), label=parts.DELIVERY, ordering="state")
    def state_shown(self, delivery: Delivery) -> Any:
        return Badge(delivery.state, delivery.get_state_display())

    @admin.display(description=gettext_lazy("channel"), ordering="channel")
    def channel_shown(self, delivery: Delivery) -> str:
        return str(delivery.channel or _("directly"))

    @admin.display(description=gettext_lazy("text"))
    def body_shown(self, delivery: Delivery) -> Any:
        return format_html('<span class="hi-lines">{}</span>', delivery.body)

    @admin.display(description=gettext_lazy("answer"))
    def answer_shown(self, delivery: Delivery) -> str:
        return (delivery.error or str(delivery.response_status or "–"))[:60]

    def offered(self, request: HttpRequest, obj: Delivery) -> set[str]:
        """Whatever is not on its way."""
        return set() if obj.state == DeliveryState.PENDING else {"redeliver"}

    @admin.action(description=gettext_lazy("Send again …"), permissions=["redeliver_delivery"])
    def redeliver_selected(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> Any:
        """On to the page that shows what they are."""
        return self.to_page("redeliver", queryset.select_related("channel"))

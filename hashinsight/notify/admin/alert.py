"""Alerts: what is wrong, and who is at it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter, FieldTextFilter, RangeDateTimeFilter
from unfold.decorators import display

from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect
from hashinsight.common.admin.display import Badge, moment_text
from hashinsight.common.transitions import MoveRefused
from hashinsight.notify import rules
from hashinsight.notify.admin import parts
from hashinsight.notify.domain import alerts
from hashinsight.notify.enums import ALERT_MOVES, AlertState
from hashinsight.notify.models import Alert


class AlertMovePage(ConfirmPage):
    """What both moves show."""

    power = "acknowledge_alert"
    for_many = True
    to: AlertState

    def effect(self) -> Effect:
        """Which troubles, since when."""
        if self.is_single and self.to not in ALERT_MOVES[AlertState(self.objects[0].state)]:
            alert = self.objects[0]
            raise MoveRefused(_("%(alert)s is %(state)s.") % {"alert": alert, "state": alert.get_state_display()})
        return Effect(facts=[(alert.title, moment_text(alert.first_at)) for alert in self.objects])


class AcknowledgePage(AlertMovePage):
    """I am at it."""

    label = gettext_lazy("Acknowledge")
    icon = "front_hand"
    title = gettext_lazy("Acknowledge alert")
    button = gettext_lazy("I am at it")
    to = AlertState.ACKNOWLEDGED

    def run(self, obj: Alert, form: Any) -> Any:
        """One domain call."""
        alerts.acknowledge(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        text = ngettext(
            "%(n)s alert is acknowledged: no more reminders.",
            "%(n)s alerts are acknowledged: no more reminders.",
            count,
        )
        return text % {"n": count}


class EndPage(AlertMovePage):
    """It is over, though nothing has noticed."""

    label = gettext_lazy("It is over")
    icon = "check_circle"
    title = gettext_lazy("End alert")
    button = gettext_lazy("It is over")
    to = AlertState.ENDED

    def run(self, obj: Alert, form: Any) -> Any:
        """One domain call."""
        alerts.end_alert(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return ngettext("%(n)s alert is over.", "%(n)s alerts are over.", count) % {"n": count}


@admin.register(Alert)
class AlertAdmin(ViewOnlyAdmin):
    """What is and was wrong."""

    empty_hint = gettext_lazy("All is quiet. The job notify.watch looks once a minute.")
    list_display = ("title", "severity_shown", "state_shown", "first_at", "last_at", "count", "acknowledged_by")
    list_select_related = ("acknowledged_by",)
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("severity", ChoicesDropdownFilter),
        ("kind", FieldTextFilter),
        ("first_at", RangeDateTimeFilter),
    )
    search_fields = ("title", "kind", "key")
    ordering = ("-first_at", "-id")
    fields = (
        "title",
        "text",
        ("severity", "state", "count"),
        ("kind", "key"),
        ("first_at", "last_at", "ended_at"),
        ("acknowledged_at", "acknowledged_by", "escalated_at"),
    )
    actions = ("acknowledge_selected",)
    pages = {"acknowledge": AcknowledgePage, "end": EndPage}
    has_acknowledge_alert_permission = power(rules.may_acknowledge)

    @display(description=gettext_lazy("severity"), label=parts.SEVERITY, ordering="severity")
    def severity_shown(self, alert: Alert) -> Any:
        return Badge(alert.severity, alert.get_severity_display())

    @display(description=gettext_lazy("state"), label=parts.ALERT, ordering="state")
    def state_shown(self, alert: Alert) -> Any:
        return Badge(alert.state, alert.get_state_display())

    def offered(self, request: HttpRequest, obj: Alert) -> set[str]:
        """What the state allows."""
        moves = ALERT_MOVES[AlertState(obj.state)]
        return {name for name, page in (("acknowledge", AcknowledgePage), ("end", EndPage)) if page.to in moves}

    @admin.action(description=gettext_lazy("Acknowledge …"), permissions=["acknowledge_alert"])
    def acknowledge_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> Any:
        """On to the page that shows what they are."""
        return self.to_page("acknowledge", queryset)

"""Attempts to get in."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from accounts.engine.devices import device_name
from accounts.enums import LoginOutcome
from accounts.models import LoginRecord
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.display import Badge

LABELS = {
    LoginOutcome.SUCCESS: "success",
    LoginOutcome.FAILED: "warning",
    LoginOutcome.LOCKED_OUT: "danger",
    LoginOutcome.NO_ACCESS: "default",
}


@admin.register(LoginRecord)
class LoginRecordAdmin(ViewOnlyAdmin):
    """Every attempt, right or wrong."""

    list_display = ("attempted_at", "email", "outcome_shown", "method", "ip_address", "location", "device")
    list_display_links = ("attempted_at",)
    list_filter = (
        ("outcome", ChoicesDropdownFilter),
        ("method", ChoicesDropdownFilter),
        ("attempted_at", RangeDateTimeFilter),
    )
    search_fields = ("email", "ip_address", "request_id")
    ordering = ("-attempted_at", "-id")
    fields = (
        ("email", "user_id"),
        ("outcome", "method", "attempted_at"),
        ("ip_address", "location", "request_id"),
        ("device", "user_agent"),
    )
    readonly_fields = ("device",)

    @admin.display(description=gettext_lazy("device"))
    def device(self, record: LoginRecord) -> str:
        """What the browser says about itself."""
        return device_name(record.user_agent) or "–"

    @display(description=gettext_lazy("outcome"), label=LABELS, ordering="outcome")
    def outcome_shown(self, record: LoginRecord) -> Any:
        return Badge(record.outcome, record.get_outcome_display())

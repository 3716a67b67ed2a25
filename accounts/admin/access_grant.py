"""Time-limited access."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from accounts.domain import grants
from accounts.models import AccessGrant
from hashinsight.common.admin.base import BaseAdmin


@admin.register(AccessGrant)
class AccessGrantAdmin(BaseAdmin):
    """Periods in which people may come in; no row at all means no limit."""

    list_display = ("user", "valid_from", "valid_to", "reason", "granted_by")
    list_select_related = ("user", "granted_by")
    list_filter = (
        ("user", AutocompleteSelectFilter),
        ("valid_from", RangeDateTimeFilter),
        ("valid_to", RangeDateTimeFilter),
    )
    search_fields = ("user__email", "user__name", "reason")
    ordering = ("-valid_to", "-id")
    fields = ("user", ("valid_from", "valid_to"), "reason", "granted_by")
    readonly_fields = ("granted_by",)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Its name needs the user."""
        return super().get_queryset(request).select_related("user", "granted_by")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Another person or beginning is another grant."""
        fixed = ("user", "valid_from") if obj is not None else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def save_model(self, request: HttpRequest, obj: AccessGrant, form: Any, change: bool) -> None:
        """A new one through the domain."""
        if change:
            super().save_model(request, obj, form, change)
            return
        by: Any = request.user
        granted = grants.grant_access(
            obj.user,
            by=by,
            at=timezone.now(),
            starts_at=obj.valid_from,
            until=obj.valid_to,
            reason=obj.reason,
        )
        self.adopt(obj, granted)

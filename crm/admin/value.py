"""The value of a deal or lead on its page: typed as a number, or read as money."""

from typing import Any

from django.http import HttpRequest

from hashinsight.common.admin.base import BaseAdmin


class ValueAdmin(BaseAdmin):
    """Needs ``value_shown``. Whoever cannot type the value reads it with its currency, not with all its digits."""

    def value_is_fixed(self, request: HttpRequest, obj: Any) -> bool:
        """Whether this person can only read the value of this row."""
        return obj is not None and not self.has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """``value_shown`` is never typed."""
        return (*super().get_readonly_fields(request, obj), "value_shown")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """``value_shown`` in the place of ``value`` and ``currency``."""
        groups = super().get_fieldsets(request, obj)
        if not self.value_is_fixed(request, obj):
            return groups
        return [(title, {**options, "fields": [_shown(row) for row in options["fields"]]}) for title, options in groups]


def _shown(row: Any) -> Any:
    if isinstance(row, str) or "value" not in row:
        return row
    return tuple("value_shown" if name == "value" else name for name in row if name != "currency")

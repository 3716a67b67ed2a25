"""Filters of the invoice list."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from crm.enums import InvoiceKind


class DueFilter(DropdownFilter):
    """How late the money is, by the calendar of today (UTC)."""

    title = _("due")
    parameter_name = "due"
    RANGES = {"1-30": (1, 30), "31-60": (31, 60), "61-90": (61, 90), "90": (91, None)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The buckets of the start page."""
        return [
            ("late", _("late")),
            ("open", _("open, not due yet")),
            ("week", _("due within 7 days")),
            ("1-30", _("1 to 30 days late")),
            ("31-60", _("31 to 60 days late")),
            ("61-90", _("61 to 90 days late")),
            ("90", _("more than 90 days late")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Open invoices only."""
        value, today = self.value(), timezone.localdate()
        if value not in dict(self.lookups(request, None)):
            return queryset
        rows = queryset.filter(status__in=("sent", "overdue")).exclude(kind=InvoiceKind.CREDIT_NOTE)
        if value == "open":
            return rows.filter(due_on__gte=today)
        if value == "week":
            return rows.filter(due_on__gte=today, due_on__lte=today + timedelta(days=7))
        if value == "late":
            return rows.filter(due_on__lt=today)
        low, high = self.RANGES[str(value)]
        rows = rows.filter(due_on__lte=today - timedelta(days=low))
        return rows if high is None else rows.filter(due_on__gte=today - timedelta(days=high))

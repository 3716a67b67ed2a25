"""Activities: people write some kinds, the moves write the others."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    MultipleChoicesDropdownFilter,
    RangeDateTimeFilter,
)

from crm.domain import activities
from crm.enums import MANUAL_ACTIVITY_KINDS
from crm.models import Activity
from hashinsight.common.admin.base import BaseAdmin


@admin.register(Activity)
class ActivityAdmin(BaseAdmin):
    """The timeline of all customers."""

    list_display = ("occurred_at", "kind", "subject", "customer", "created_by", "client_visible")
    list_display_links = ("subject",)
    list_select_related = ("customer", "created_by")
    list_filter = (
        ("kind", MultipleChoicesDropdownFilter),
        ("customer", AutocompleteSelectFilter),
        ("client_visible", BooleanRadioFilter),
        ("occurred_at", RangeDateTimeFilter),
    )
    search_fields = ("subject", "customer__company_name")
    ordering = ("-occurred_at", "-id")
    fieldsets = (
        (None, {"fields": (("kind", "occurred_at", "client_visible"), "subject", "body")}),
        (gettext_lazy("About"), {"fields": (("customer", "lead"), ("deal", "invoice"), "created_by")}),
    )
    readonly_fields = ("created_by",)

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only kinds a person may enter."""
        if db_field.name == "kind":
            kwargs["choices"] = [(kind.value, kind.label) for kind in MANUAL_ACTIVITY_KINDS]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What an activity is about does not change afterwards."""
        fixed = ("customer", "lead", "deal", "invoice", "client_visible") if obj is not None else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What a move wrote stays as it is."""
        written = obj is not None and obj.kind not in MANUAL_ACTIVITY_KINDS
        return not written and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The same."""
        written = obj is not None and obj.kind not in MANUAL_ACTIVITY_KINDS
        return not written and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Activity, form: Any, change: bool) -> None:
        """A new one through the domain."""
        if change:
            super().save_model(request, obj, form, change)
        else:
            self.adopt(obj, activities.create_activity(by=request.user, at=timezone.now(), **form.cleaned_data))

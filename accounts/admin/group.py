"""Groups: the shipped roles are shown, other groups are made here."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from accounts.enums import StaffRole
from accounts.models import GroupPermission
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.history import HistorySource

# Tables people work with; what Django and the libraries keep for themselves is left out.
APPS = ("accounts", "auth", "crm", "events", "jobs", "django_celery_beat", "account", "axes", "mfa")

VERBS = {
    "view": pgettext_lazy("power", "see"),
    "add": pgettext_lazy("power", "add"),
    "change": pgettext_lazy("power", "change"),
    "delete": pgettext_lazy("power", "delete"),
}


class _PermissionsField(forms.ModelMultipleChoiceField):
    """Named by what they allow, not by where they are stored."""

    def label_from_instance(self, obj: Any) -> str:
        """``Sales | Can convert leads``."""
        return f"{obj.content_type.app_label} · {obj.name}"


def powers_in_words(group: Group) -> list[tuple[str, str]]:
    """``Customers: see, add, change, Can activate customers``, by the name of what it is about."""
    found: dict[str, list[str]] = {}
    for one in group.permissions.select_related("content_type").order_by("content_type", "pk"):
        model = one.content_type.model_class()
        if model is None:
            continue  # of a table that is gone
        own: dict[str, Any] = dict(model._meta.permissions)
        verb = VERBS.get(one.codename.removesuffix(f"_{model._meta.model_name}"))
        word = own.get(one.codename) or verb or one.name
        found.setdefault(capfirst(str(model._meta.verbose_name_plural)), []).append(str(word))
    return [(name, ", ".join(words)) for name, words in sorted(found.items())]


@admin.register(Group)
class GroupAdmin(BaseAdmin):
    """What a group of people may do."""

    list_display = ("name", "is_shipped")
    search_fields = ("name",)
    ordering = ("name",)
    readonly_fields = ("powers_shown",)
    history_children = (HistorySource(GroupPermission, "group_id"),)

    @admin.display(description=gettext_lazy("shipped role"), boolean=True)
    def is_shipped(self, group: Group) -> bool:
        return group.name in StaffRole.values

    @admin.display(description=gettext_lazy("permissions"))
    def powers_shown(self, group: Group) -> SafeString:
        """One line for each kind of things, in the reader's language."""
        return format_html_join("", '<p class="hi-power"><strong>{}</strong> {}</p>', powers_in_words(group))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """To choose from, or where nothing is to be chosen, to read."""
        fixed = obj is not None and not self.has_change_permission(request, obj)
        return ("name", "powers_shown" if fixed else "permissions")

    def get_autocomplete_fields(self, request: HttpRequest) -> Any:
        """Permissions have no page of their own."""
        return ()

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A searchable list of the permissions of our tables."""
        if db_field.name == "permissions":
            rows = Permission.objects.filter(content_type__app_label__in=APPS).select_related("content_type")
            return _PermissionsField(
                rows.order_by("content_type__app_label", "content_type__model", "codename"),
                label=gettext_lazy("Permissions"),
                required=False,
                widget=UnfoldAdminSelect2MultipleWidget(),
                help_text=gettext_lazy("Type to search."),
            )
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A shipped role follows its written table at every start; who wants another cut makes a group."""
        return not self._is_fixed(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The same."""
        return not self._is_fixed(obj) and super().has_delete_permission(request, obj)

    @staticmethod
    def _is_fixed(obj: Any) -> bool:
        return obj is not None and obj.name in StaffRole.values

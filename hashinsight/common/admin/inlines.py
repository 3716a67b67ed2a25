"""Rows of another model inside a page."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _
from unfold.admin import TabularInline
from unfold.forms import PaginationInlineFormSet

from hashinsight.common.admin.widgets import HouseAutocomplete, HouseAutocompleteMultiple


def autocomplete_names(model: type[models.Model], admin_site: Any) -> tuple[str, ...]:
    """Relations whose other side has a page one can search in."""
    names = []
    for column in (*model._meta.concrete_fields, *model._meta.many_to_many):
        page = admin_site._registry.get(column.related_model) if column.is_relation else None
        if page is not None and page.search_fields:
            names.append(column.name)
    return tuple(names)


class AutocompleteMixin:
    """Every foreign key is searched for; nobody scrolls through ten thousand customers."""

    model: Any
    admin_site: Any

    def get_autocomplete_fields(self, request: HttpRequest) -> Sequence[str]:
        """Those whose other side has a page one can search in."""
        return autocomplete_names(self.model, self.admin_site)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """With a widget that survives wrong keys."""
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", HouseAutocomplete(db_field, self.admin_site, using=kwargs.get("using")))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The same for many."""
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", HouseAutocompleteMultiple(db_field, self.admin_site, using=kwargs.get("using")))
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]


class PortionFormSet(PaginationInlineFormSet):
    """Rows in portions; a portion the address makes up is the first."""

    def get_page_num(self) -> int:
        """The number in the address, else the one the form brings along."""
        request: Any = self.request
        for source in (request.GET, request.POST):
            text = source.get(self.get_pagination_key(), "")
            if text.isascii() and text.isdecimal() and len(text) < 7 and int(text):
                return int(text)
        return 1

    def clean(self) -> None:
        """A row that is not in the portion is not changed, and nobody is left to believe that it was."""
        super().clean()
        if any(form.instance.pk is None for form in self.initial_forms):
            raise ValidationError(_("A row you changed does not stand on this page any more. Open the page again."))


class BaseInline(AutocompleteMixin, TabularInline):
    """Lines people edit inside their document."""

    formset = PortionFormSet
    extra = 0
    max_num = 500
    hide_title = True

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """No form is built for the thousands of lines a hostile request may claim to send.

        Django sets ``max_num`` of the instance to 0 where nothing may be added; the rows shown still come back.
        """
        return super().get_formset(request, obj, **{"absolute_max": type(self).max_num, **kwargs})

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """No links to add or open the other side: a line has no room for them."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field


class PagedInline(BaseInline):
    """Lines of a document that may have thousands of them: typed in portions, saved portion by portion.

    A request can bring no more forms than ``max_num``, and change no row that is not in the portion it was shown.
    """

    per_page = 100


class ViewOnlyInline(BaseInline):
    """Rows people look at inside a page, in portions."""

    tab = True
    per_page = 10
    show_change_link = True
    can_delete = False
    hide_title = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        """All of them."""
        return tuple(self.fields or ())

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

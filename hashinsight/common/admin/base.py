"""The one base class of the admin's pages, and its view-only sister."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextareaWidget

from hashinsight.common.admin.exporting import ExportMixin
from hashinsight.common.admin.forms import REFUSAL_ATTRIBUTE, HouseForm
from hashinsight.common.admin.history import HistorySource, history_page, is_tracked
from hashinsight.common.admin.inlines import AutocompleteMixin
from hashinsight.common.admin.pages import PagesMixin
from hashinsight.common.admin.paginator import EstimatingPaginator
from hashinsight.common.admin.refusals import REFUSALS, in_words

LOCKS = "_house_locks"
RECORD_FIELDS = ("public_id", "version", "created_at", "updated_at")
MOST_PROTECTED_SHOWN = 25


class HouseChangeList(ChangeList):
    """Without search and filter the rows found are all rows; nobody needs a second count to know."""

    def get_results(self, request: HttpRequest) -> None:
        """The page of rows."""
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count


class BaseAdmin(AutocompleteMixin, PagesMixin, ExportMixin, ModelAdmin):
    """A page of the back office: history, locking, careful counting, autocomplete, refusals in plain words.

    Subclasses use the stock hooks of ``ModelAdmin``. Five of their own: ``history_children`` (whose changes also
    belong to the history), ``history_words`` (names of the parts inside of JSON columns), ``offered`` (which buttons
    make sense in the state an object is in), ``empty_hint`` (what an empty list says) and ``pages`` (confirm pages,
    see ``pages.py``).
    """

    is_house_page = True
    form = HouseForm
    formfield_overrides: ClassVar[Any] = {
        models.TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})},
    }
    paginator = EstimatingPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # a count per choice of every filter: the very thing the paginator avoids
    list_per_page = 50
    list_max_show_all = 0
    list_filter_submit = True
    list_fullwidth = True
    list_horizontal_scrollbar_top = True  # where a list is wider than the window, one sees it without scrolling down
    compressed_fields = False
    warn_unsaved_form = True
    save_on_top = False
    change_list_template = "admin/house/change_list.html"
    change_form_template = "admin/house/change_form.html"
    change_form_before_template = "admin/house/version.html"
    delete_confirmation_template = "admin/house/delete.html"
    delete_selected_confirmation_template = "admin/house/delete_selected.html"
    object_history_template = "admin/house/history.html"
    empty_hint: Any = ""
    history_children: ClassVar[Sequence[HistorySource]] = ()
    history_words: ClassVar[Mapping[str, Any]] = {}

    # --- reading --------------------------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Rows this person may see at all; every page, list, export and autocomplete begins here."""
        rows: Any = super().get_queryset(request)
        return rows.visible_to(request.user) if hasattr(rows, "visible_to") else rows

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Under a lock when something is about to be saved, so that the version check holds until then."""
        if request.method == "POST" and vars(request).get(LOCKS):
            vars(request)[LOCKS] = False
            rows = self.get_queryset(request)
            try:
                pk = self.opts.pk.to_python(object_id)
                rows.model._base_manager.select_for_update(of=("self",)).filter(pk=pk).first()
            except (ValidationError, ValueError):
                return None
        return super().get_object(request, object_id, from_field)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[HouseChangeList]:
        """The list's own idea of how many rows there are in all."""
        return HouseChangeList

    # --- layout ---------------------------------------------------------------------------------------------
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        """What the database counts is never typed."""
        return (*super().get_readonly_fields(request, obj), *self._record_fields())

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The page's own groups, and at the end the facts of the record."""
        groups = list(super().get_fieldsets(request, obj))
        known = {name for _title, options in groups for name in _flat(options["fields"])}
        record = [name for name in self._record_fields() if name not in known]
        if obj is None or not record:
            return groups
        pairs = [tuple(record[place : place + 2]) for place in range(0, len(record), 2)]
        return [*groups, (gettext_lazy("Record"), {"fields": pairs, "classes": ["hi-record", "collapse"]})]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Record fields stand in a group of their own."""
        return [name for name in super().get_fields(request, obj) if name not in self._record_fields()]

    def _record_fields(self) -> tuple[str, ...]:
        if not hasattr(self.model, "version"):
            return ()
        names = {column.name for column in self.opts.concrete_fields}
        return tuple(name for name in RECORD_FIELDS if name in names)

    # --- writing --------------------------------------------------------------------------------------------
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form knows the request: whose it is, and what was refused a moment ago."""
        form = super().get_form(request, obj, change=change, **kwargs)
        form.request = request
        return form

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """An address typed without its scheme is meant to be a safe one."""
        if isinstance(db_field, models.URLField):
            kwargs.setdefault("assume_scheme", "https")
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A refusal while saving rolls everything back and comes out as an error on the same, still filled form."""
        vars(request)[LOCKS] = True
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except REFUSALS as refusal:
            if request.method != "POST":
                raise
            for _name, uploads in request.FILES.lists():
                for upload in uploads:
                    upload.seek(0)
            vars(request)[REFUSAL_ATTRIBUTE] = in_words(refusal)
            vars(request)[LOCKS] = True
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A changed line changes its document: the version counts up even if no column of the parent did."""
        super().save_related(request, form, formsets, change)
        if change and hasattr(form.instance, "version") and any(formset.has_changed() for formset in formsets):
            form.instance.updated_at = timezone.now()
            form.instance.save(update_fields=["updated_at"])

    def adopt(self, obj: Any, created: Any) -> None:
        """Let the form go on with the row a domain function made from it."""
        obj.pk = created.pk
        obj._state.adding = False
        obj.refresh_from_db()

    # --- deleting -------------------------------------------------------------------------------------------
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What stands in the way is named, but not all ten thousand of it."""
        to_delete, counts, lacking, protected = super().get_deleted_objects(objs, request)
        if protected:
            lacking = set()  # nobody may delete those; naming them helps more than speaking of permissions
        if len(protected) > MOST_PROTECTED_SHOWN:
            more = len(protected) - MOST_PROTECTED_SHOWN
            protected = [*protected[:MOST_PROTECTED_SHOWN], _("… and %(count)s more") % {"count": more}]
        return to_delete, counts, lacking, protected

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A refusal of the database or the domain comes out as a message."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except REFUSALS as refusal:
            self.message_user(request, str(in_words(refusal)), messages.ERROR)
            return HttpResponseRedirect(self.url_of("change", object_id))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The same for actions on many rows."""
        try:
            return super().changelist_view(request, extra_context)
        except REFUSALS as refusal:
            if request.method != "POST":
                raise
            self.message_user(request, str(in_words(refusal)), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    # --- history --------------------------------------------------------------------------------------------
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Before and after of each field, from the audit rows of the database."""
        if not is_tracked(self.model) and not self.history_children:
            return super().history_view(request, object_id, extra_context)
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        own = [HistorySource(self.model, words=self.history_words)] if is_tracked(self.model) else []
        page = history_page([*own, *self.history_children], obj.pk, before=_moment(request.GET.get("before")))
        context = {
            **self.admin_site.each_context(request),
            "title": _("History of %(object)s") % {"object": obj},
            "subtitle": None,
            "page": page,
            "object": obj,
            "opts": self.opts,
            "object_url": self.url_of("change", object_id),
            "paged": "before" in request.GET,
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, self.object_history_template, context)

    # --- helpers --------------------------------------------------------------------------------------------
    def url_of(self, view: str, *args: Any) -> str:
        """Address of a page of this model: ``changelist``, ``change`` with a key, or a page of our own."""
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{view}"
        try:
            return reverse(name, args=args)
        except NoReverseMatch:
            return reverse(f"{self.admin_site.name}:index")


class ViewOnlyAdmin(BaseAdmin):
    """Rows people look at and never write here."""

    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


def _flat(names: Any) -> list[str]:
    return [inner for name in names for inner in (name if isinstance(name, tuple | list) else [name])]


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parse_datetime(text) if text else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None

"""Export of exactly the filtered list: same search, filters and order as on the page."""

import logging
from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from hashinsight.common.context import current_request_id
from hashinsight.common.exports import XLSX_MOST_ROWS, Column, TooManyRows, csv_lines, write_xlsx

logger = logging.getLogger(__name__)
CHUNK = 2000
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ExportMixin(ModelAdmin):
    """``export_columns`` makes a list exportable, for people with the power ``export_<model>``."""

    export_columns: ClassVar[Sequence[Column]] = ()

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Seeing a page of rows is one thing, carrying all of them away another."""
        name = f"{self.opts.app_label}.export_{self.opts.model_name}"
        return self.has_view_or_change_permission(request) and request.user.has_perm(name)

    def get_urls(self) -> list[URLPattern]:
        """``export/csv/`` and ``export/xlsx/``."""
        urls = super().get_urls()
        if not self.export_columns:
            return urls
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/<str:kind>/", self.admin_site.admin_view(self.export_view), name=name), *urls]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Tell the list whether to offer the export."""
        offer = bool(self.export_columns) and self.has_export_permission(request)
        return super().changelist_view(request, {"house_export": offer, **(extra_context or {})})

    def export_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows with whatever the columns need beside what the list needs."""
        return queryset

    def export_view(self, request: HttpRequest, kind: str) -> Any:
        """Send the file; who exported what is kept in the admin's log."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        if kind not in ("csv", "xlsx"):
            raise Http404
        try:
            rows = self.export_queryset(self.get_changelist_instance(request).queryset)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{self.url_of('changelist')}?e=1")
        self._note_export(request, kind)
        noun = str(self.opts.verbose_name_plural)
        name = f"{slugify(noun) or self.opts.model_name}-{timezone.now():%Y-%m-%d}.{kind}"
        if kind == "csv":
            lines = csv_lines(self.export_columns, rows.iterator(chunk_size=CHUNK))
            response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
            response["Content-Disposition"] = f'attachment; filename="{name}"'
            return response
        try:
            book = write_xlsx(self.export_columns, rows.iterator(chunk_size=CHUNK), title=noun)
        except TooManyRows:
            self.message_user(
                request,
                _("An XLSX file holds at most %(most)s rows here; filter the list, or take CSV.")
                % {"most": XLSX_MOST_ROWS},
                messages.ERROR,
            )
            return HttpResponseRedirect(f"{self.url_of('changelist')}?{request.GET.urlencode()}")
        return FileResponse(book, as_attachment=True, filename=name, content_type=XLSX_TYPE)

    def _note_export(self, request: HttpRequest, kind: str) -> None:
        filters = request.GET.urlencode()
        LogEntry.objects.create(
            user_id=str(request.user.pk),
            content_type=ContentType.objects.get_for_model(self.model),
            object_id=None,
            object_repr=str(self.opts.verbose_name_plural)[:200],
            action_flag=CHANGE,
            change_message=f"export {kind} ?{filters} [{current_request_id()}]",
        )
        logger.info("export of %s as %s by %s: ?%s", self.opts.label, kind, request.user.pk, filters)

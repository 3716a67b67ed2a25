"""The sealed batches, to look at and to verify."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import FieldTextFilter, RangeDateTimeFilter

from hashinsight.audit.domain.verifying import verify_batch
from hashinsight.audit.models import AuditBatch
from hashinsight.common.admin.actions import limited, may, power
from hashinsight.common.admin.base import ViewOnlyAdmin

SHOWN_OF_HASH = 16


@admin.register(AuditBatch)
class AuditBatchAdmin(ViewOnlyAdmin):
    """Stretches of the history that can no longer be changed unnoticed."""

    list_display = ("number", "table", "row_count", "last_id", "sealed_at", "hash_shown")
    list_filter = (("table", FieldTextFilter), ("sealed_at", RangeDateTimeFilter))
    search_fields = ("table", "batch_hash")
    ordering = ("-number",)
    fields = (
        ("number", "table", "row_count"),
        ("first_id", "last_id", "sealed_at"),
        "batch_hash",
        "previous_hash",
        "rows_sha256",
        "signature",
        "columns",
    )
    actions = ("verify_selected",)
    has_verify_auditbatch_permission = power(may("audit.verify_auditbatch"))

    @admin.display(description=gettext_lazy("hash"), ordering="batch_hash")
    def hash_shown(self, batch: AuditBatch) -> str:
        """Its beginning; the whole stands on the page of the batch."""
        return f"{batch.batch_hash[:SHOWN_OF_HASH]}…"

    def get_queryset(self, request: HttpRequest) -> Any:
        """Without the contents, which nobody reads and which are large."""
        return super().get_queryset(request).defer("contents")

    @admin.action(description=gettext_lazy("Verify"), permissions=["verify_auditbatch"])
    def verify_selected(self, request: HttpRequest, queryset: QuerySet[AuditBatch]) -> None:
        """Each by itself; every break is named."""
        count = 0
        for batch in limited(queryset):
            broken = verify_batch(batch)
            if broken is not None:
                messages.error(request, str(broken))
            else:
                count += 1
        if count:
            said = ngettext("%(n)s batch is as it was sealed.", "%(n)s batches are as they were sealed.", count)
            messages.success(request, said % {"n": count})

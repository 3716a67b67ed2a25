"""E-mails with invoices."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from crm import rules
from crm.admin import labels
from crm.domain import deliveries
from crm.models import InvoiceDelivery
from hashinsight.common.admin.actions import limited, power, run_for_each
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.display import Badge


@admin.register(InvoiceDelivery)
class InvoiceDeliveryAdmin(ViewOnlyAdmin):
    """What was sent to whom, and what failed."""

    empty_hint = gettext_lazy("Every e-mail with a document stands here, and whether it went out.")
    list_display = ("invoice", "recipient", "status_shown", "attempts", "created_at", "sent_at", "error")
    list_select_related = ("invoice",)
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("invoice__customer", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("recipient", "invoice__number")
    ordering = ("-created_at", "-id")
    fields = (("invoice", "recipient", "status"), ("attempts", "sent_at"), "error", "message_id")
    actions = ("resend_selected",)
    has_send_invoice_permission = power(rules.may_send_invoice)

    @display(description=gettext_lazy("status"), label=labels.DELIVERY, ordering="status")
    def status_shown(self, delivery: InvoiceDelivery) -> Any:
        return Badge(delivery.status, delivery.get_status_display())

    @admin.action(description=gettext_lazy("Send failed ones again"), permissions=["send_invoice"])
    def resend_selected(self, request: HttpRequest, queryset: QuerySet[InvoiceDelivery]) -> None:
        """Each by itself."""
        now = timezone.now()
        run_for_each(
            request,
            limited(queryset.select_related("invoice__customer")),
            lambda delivery: deliveries.requeue(delivery, at=now),
            done=lambda n: ngettext("%(n)s e-mail was queued.", "%(n)s e-mails were queued.", n) % {"n": n},
        )

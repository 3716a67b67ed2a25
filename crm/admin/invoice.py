"""Invoices: drafts are edited, issued ones only looked at and corrected by counter-documents."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    MultipleChoicesDropdownFilter,
    RangeDateFilter,
)
from unfold.decorators import display

from crm import rules
from crm.admin import invoice_inlines as inlines
from crm.admin import invoice_pages as pages
from crm.admin import labels
from crm.admin.dispute_page import DisputePage
from crm.admin.document_pages import PdfPage, PreviewPage, XmlPage
from crm.admin.export_columns import INVOICE_COLUMNS
from crm.admin.invoice_filters import DueFilter
from crm.admin.money_back_pages import WriteOffPage
from crm.admin.money_pages import ApplyFromPage
from crm.admin.payment_page import PaymentPage
from crm.domain import deliveries, einvoices, invoicing
from crm.domain.queries import local_date
from crm.enums import OPEN_STATUSES, InvoiceStatus
from crm.models import Invoice, InvoiceLine
from hashinsight.common.admin.actions import limited, power, run_for_each
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.display import Badge, day_text, money_cell, money_text
from hashinsight.common.admin.history import HistorySource

EDITED = ("legal_entity", "language", "payment_terms_days", "service_from", "service_to", "buyer_reference", "note")


@admin.register(Invoice)
class InvoiceAdmin(BaseAdmin):
    """Invoices and credit notes."""

    list_display = (
        "name_shown",
        "customer",
        "status_shown",
        "issued_on",
        "due_shown",
        "total_shown",
        "outstanding_shown",
    )
    list_select_related = ("customer",)
    list_filter = (
        ("status", MultipleChoicesDropdownFilter),
        DueFilter,
        ("customer", AutocompleteSelectFilter),
        ("issued_on", RangeDateFilter),
        ("due_on", RangeDateFilter),
        ("currency", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("is_sample", BooleanRadioFilter),
    )
    search_fields = ("number", "reference", "customer__company_name", "buyer_reference")
    ordering = ("-created_at", "-id")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name_shown", "status_display", "kind"),
                    ("customer", "deal", "corrects"),
                    ("issued_on", "due_on", "paid_on"),
                    ("net_shown", "tax_shown", "total_display"),
                    ("paid_shown", "credited_shown", "applied_shown"),
                    ("written_off_shown", "surplus_shown", "outstanding_display"),
                )
            },
        ),
        (
            gettext_lazy("Paper"),
            {
                "fields": (
                    ("legal_entity", "language", "payment_terms_days"),
                    ("service_from", "service_to", "buyer_reference"),
                    "note",
                    "cancel_reason",
                )
            },
        ),
    )
    readonly_fields = (
        "name_shown",
        "status_display",
        "kind",
        "customer",
        "deal",
        "corrects",
        "issued_on",
        "due_on",
        "paid_on",
        "net_shown",
        "tax_shown",
        "total_display",
        "paid_shown",
        "credited_shown",
        "applied_shown",
        "written_off_shown",
        "surplus_shown",
        "outstanding_display",
        "cancel_reason",
        "origin_shown",
    )
    inlines = (
        inlines.InvoiceLineInline,
        inlines.PaymentInline,
        inlines.CreditNoteInline,
        inlines.DeliveryInline,
    )
    history_words = labels.PARTY_WORDS
    history_children = (HistorySource(InvoiceLine, "invoice_id"),)
    actions = ("issue_selected", "withdraw_selected", "send_selected")
    pages = {
        "issue": pages.IssuePage,
        "preview": PreviewPage,
        "pdf": PdfPage,
        "xml": XmlPage,
        "pay": PaymentPage,
        "credit": pages.CreditPage,
        "send": pages.SendPage,
        "apply": ApplyFromPage,
        "writeoff": WriteOffPage,
        "dispute": DisputePage,
        "withdraw": pages.WithdrawPage,
        "new": pages.NewInvoicePage,
    }
    export_columns = INVOICE_COLUMNS
    has_issue_invoice_permission = power(rules.may_issue_invoice)
    has_credit_invoice_permission = power(rules.may_credit_invoice)
    has_cancel_invoice_permission = power(rules.may_cancel_invoice)
    has_apply_customercredit_permission = power(rules.may_apply_credit)
    has_add_writeoff_permission = power(rules.may_write_off)
    has_add_dispute_permission = power(rules.may_open_dispute)
    has_send_invoice_permission = power(rules.may_send_invoice)
    has_record_payment_permission = power(rules.may_record_payment)

    # --- columns --------------------------------------------------------------------------------------------
    @display(description=gettext_lazy("number"), ordering="number")
    def name_shown(self, invoice: Invoice) -> Any:
        """A credit note says so."""
        if not invoice.is_credit_note:
            return format_html('<span class="hi-nowrap">{}</span>', invoice)
        return format_html(
            '<span class="hi-nowrap">{}</span> <span class="hi-muted">{}</span>', invoice, _("credit note")
        )

    @display(description=gettext_lazy("status"), label=labels.INVOICE, ordering="status")
    def status_shown(self, invoice: Invoice) -> Any:
        return Badge(invoice.status, invoice.get_status_display())

    @admin.display(description=gettext_lazy("due on"), ordering="due_on", empty_value="–")
    def due_shown(self, invoice: Invoice) -> Any:
        """The day, and below it how long ago that is, while money is still owed."""
        day, days = day_text(invoice.due_on), invoice.days_overdue(timezone.localdate())
        if not days:
            return day or None
        late = ngettext("%(n)s day late", "%(n)s days late", days) % {"n": days}
        return format_html('<span class="hi-nowrap">{}</span><br><span class="hi-late hi-nowrap">{}</span>', day, late)

    @display(description=gettext_lazy("total"), ordering="gross_total")
    def total_shown(self, invoice: Invoice) -> Any:
        return money_cell(invoice.gross_total, invoice.currency)

    @display(description=gettext_lazy("outstanding"))
    def outstanding_shown(self, invoice: Any) -> Any:
        return money_cell(self._owed(invoice), invoice.currency)

    # --- figures on the page --------------------------------------------------------------------------------
    @admin.display(description=gettext_lazy("status"))
    def status_display(self, invoice: Invoice) -> str:
        return invoice.get_status_display()

    @admin.display(description=gettext_lazy("net"))
    def net_shown(self, invoice: Invoice) -> str:
        return money_text(invoice.net_total, invoice.currency)

    @admin.display(description=gettext_lazy("tax"))
    def tax_shown(self, invoice: Invoice) -> str:
        return money_text(invoice.tax_total, invoice.currency)

    @admin.display(description=gettext_lazy("total"))
    def total_display(self, invoice: Invoice) -> str:
        return money_text(invoice.gross_total, invoice.currency)

    @admin.display(description=gettext_lazy("paid"))
    def paid_shown(self, invoice: Any) -> str:
        return money_text(invoice.paid_total, invoice.currency)

    @admin.display(description=gettext_lazy("credited"))
    def credited_shown(self, invoice: Any) -> str:
        return money_text(invoice.credited_total, invoice.currency)

    @admin.display(description=gettext_lazy("credit applied"))
    def applied_shown(self, invoice: Any) -> str:
        return money_text(invoice.applied_total, invoice.currency)

    @admin.display(description=gettext_lazy("written off"))
    def written_off_shown(self, invoice: Any) -> str:
        return money_text(invoice.written_off_total, invoice.currency)

    @admin.display(description=gettext_lazy("turned into credit"))
    def surplus_shown(self, invoice: Any) -> str:
        """What came beyond the invoice, and is the customer's credit now."""
        return money_text(invoice.surplus_total, invoice.currency)

    @admin.display(description=gettext_lazy("outstanding"))
    def outstanding_display(self, invoice: Any) -> str:
        return money_text(self._owed(invoice), invoice.currency) or "–"

    @staticmethod
    def _owed(invoice: Any) -> Any:
        """A draft, a withdrawn one and a credit note owe nothing."""
        return invoice.outstanding if invoice.is_issued and not invoice.is_credit_note else None

    @admin.display(description=gettext_lazy("brought along"))
    def origin_shown(self, invoice: Any) -> str:
        """Where it comes from, and why there is no paper."""
        text = _("Issued in another system over %(total)s; its total here is what was open. There is no PDF of ours.")
        return text % {"total": money_text(invoice.former_total, invoice.currency)}

    # --- rows and powers ------------------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> QuerySet[Invoice]:
        """With the balance."""
        rows: Any = super().get_queryset(request)
        return rows.with_balance().select_related("customer", "legal_entity", "deal", "corrects")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """A draft has neither payments nor e-mails yet."""
        if obj is not None and not obj.is_issued:
            return (inlines.InvoiceLineInline,)
        if obj is not None and obj.is_brought_along:
            return (inlines.PaymentInline,)
        return super().get_inlines(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What was brought along says so first."""
        groups = super().get_fieldsets(request, obj)
        if obj is None or not obj.is_brought_along:
            return groups
        return [(None, {"fields": ("origin_shown",)}), *groups]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Drafts only: an issued document is never edited."""
        return (obj is None or obj.is_draft) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Drafts only."""
        return (obj is None or obj.is_draft) and super().has_delete_permission(request, obj)

    def offered(self, request: HttpRequest, obj: Invoice) -> set[str]:
        """What makes sense for this document now."""
        if obj.is_draft:
            return {"issue", "preview", "withdraw"}
        if not obj.is_issued:
            return set()
        shown = {"pdf", "xml", "send"} if einvoices.is_wanted(obj) else {"pdf", "send"}
        if obj.is_credit_note or obj.status == InvoiceStatus.CANCELLED:
            return shown
        waiting = {"dispute", "apply", "writeoff"} if obj.status in OPEN_STATUSES else set()
        if obj.is_brought_along:
            return {"pay"} | waiting
        return shown | {"pay", "credit"} | waiting

    # --- writing --------------------------------------------------------------------------------------------
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A draft is made from a deal."""
        query = f"?{request.GET.urlencode()}" if request.GET else ""
        return HttpResponseRedirect(f"{self.url_of('new')}{query}")

    def save_model(self, request: HttpRequest, obj: Invoice, form: Any, change: bool) -> None:
        """Only the edited columns; totals follow in ``save_related``."""
        invoicing.lock_draft(obj)
        obj.save(update_fields=[name for name in EDITED if name in form.cleaned_data])

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Totals and tax follow the lines."""
        super().save_related(request, form, formsets, change)
        invoice = form.instance
        invoicing.recalculate(invoice, on=local_date(timezone.now(), invoice.legal_entity.time_zone))

    # --- actions --------------------------------------------------------------------------------------------
    @admin.action(description=gettext_lazy("Issue …"), permissions=["issue_invoice"])
    def issue_selected(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> Any:
        """On to the page that shows all of them and the sums."""
        return self.to_page("issue", queryset)

    @admin.action(description=gettext_lazy("Withdraw drafts …"), permissions=["cancel_invoice"])
    def withdraw_selected(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> Any:
        """On to the page that asks for the reason."""
        return self.to_page("withdraw", queryset)

    @admin.action(description=gettext_lazy("Send again by e-mail"), permissions=["send_invoice"])
    def send_selected(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        """The same documents, each to its billing contact."""
        now = timezone.now()
        run_for_each(
            request,
            limited(queryset),
            lambda invoice: deliveries.queue_delivery(invoice, recipient=invoice.customer.invoice_email, at=now),
            done=lambda n: ngettext("%(n)s e-mail was queued.", "%(n)s e-mails were queued.", n) % {"n": n},
        )

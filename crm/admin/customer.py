"""Customers: list, page with everything that hangs on one, activating and deactivating."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesRadioFilter,
    FieldTextFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display

from crm import rules
from crm.admin import labels
from crm.admin.customer_inlines import CUSTOMER_INLINES
from crm.admin.export_columns import CUSTOMER_COLUMNS
from crm.admin.imports import CustomerResource
from crm.admin.money_pages import DepositPage
from crm.admin.statement_pages import StatementCsvPage, StatementPage, StatementPdfPage
from crm.domain import customers, master_data, receivables
from crm.enums import CUSTOMER_MOVES, CustomerStatus
from crm.models import Customer
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.display import Badge, day_text, money_text
from hashinsight.common.admin.importing import ImportPage
from hashinsight.common.transitions import MoveRefused


class _StatusPage(ConfirmPage):
    """Whether we do business with a customer."""

    power = "change_customer_status"
    form_class = ReasonForm
    to: CustomerStatus

    def effect(self) -> Effect:
        """What is open, and what stops."""
        customer = self.objects[0]
        if self.to not in CUSTOMER_MOVES[CustomerStatus(customer.status)]:
            raise MoveRefused(
                _("%(customer)s is %(state)s already.") % {"customer": customer, "state": customer.get_status_display()}
            )
        members = customer.memberships.count()
        effect = Effect(
            changes=[(_("status"), customer.get_status_display(), self.to.label)],
            facts=[(_("open"), _open_text(customer)), (_("members"), members)],
        )
        if self.to == CustomerStatus.INACTIVE:
            effect.warnings.append(_("No new deals, drafts or invoices can be made until it is activated again."))
            drafts = customer.invoices.filter(status="draft").count()
            if drafts:
                effect.warnings.append(_("%(count)s drafts stay behind and cannot be issued.") % {"count": drafts})
        return effect

    def run(self, obj: Customer, form: Any) -> Any:
        """One domain call."""
        customers.change_status(obj, to=self.to, by=self.request.user, reason=form.cleaned_data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The customer is %(state)s now.") % {"state": self.to.label}


class DeactivatePage(_StatusPage):
    """No more business."""

    label = gettext_lazy("Deactivate")
    icon = "block"
    danger = True
    title = gettext_lazy("Deactivate customer")
    button = gettext_lazy("Deactivate")
    to = CustomerStatus.INACTIVE


class ActivatePage(_StatusPage):
    """Business again."""

    label = gettext_lazy("Activate")
    icon = "check_circle"
    title = gettext_lazy("Activate customer")
    button = gettext_lazy("Activate")
    to = CustomerStatus.ACTIVE


class ImportCustomersPage(ImportPage):
    """Customers from a file."""

    power = "import_customer"
    title = gettext_lazy("Import customers")
    resource_class = CustomerResource


def _open_text(customer: Customer) -> str:
    rows = receivables.of_customer(customer, on=timezone.localdate())
    return ", ".join(money_text(row.outstanding, row.currency) for row in rows) or _("nothing")


@admin.register(Customer)
class CustomerAdmin(BaseAdmin):
    """Customers."""

    list_display = ("company_name", "code", "status_shown", "place_shown", "email", "currency", "created_shown")
    list_filter = (
        ("status", ChoicesRadioFilter),
        ("country", FieldTextFilter),
        ("legal_entity", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
        ("is_sample", BooleanRadioFilter),
    )
    search_fields = ("company_name", "code", "email", "contact_name", "vat_id")
    ordering = ("-created_at", "-id")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("company_name", "code", "status"),
                    ("contact_name", "email", "phone"),
                    ("street", "postal_code", "city"),
                    ("region", "country", "sector"),
                    "receivables_shown",
                )
            },
        ),
        (
            gettext_lazy("Invoicing"),
            {
                "classes": ["tab"],
                "fields": (
                    ("billing_email", "buyer_reference"),
                    ("legal_entity", "tax_code", "payment_terms_days"),
                    ("tax_id", "vat_id"),
                    ("invoice_format", "leitweg_id"),
                    ("electronic_address_scheme", "electronic_address"),
                    ("currency", "language", "time_zone"),
                ),
            },
        ),
        (
            gettext_lazy("More"),
            {"classes": ["tab"], "fields": (("parent", "mining_capacity_mw", "source_ref"), "internal_note")},
        ),
    )
    readonly_fields = ("status", "source_ref", "receivables_shown", "code_kept")
    inlines = CUSTOMER_INLINES
    pages = {
        "statement": StatementPage,
        "statement-pdf": StatementPdfPage,
        "statement-csv": StatementCsvPage,
        "deposit": DepositPage,
        "deactivate": DeactivatePage,
        "activate": ActivatePage,
        "import": ImportCustomersPage,
    }
    export_columns = CUSTOMER_COLUMNS
    has_change_customer_status_permission = power(rules.may_change_customer_status)
    has_view_journalentry_permission = power(rules.may_read_journal)
    has_add_customercredit_permission = power(rules.may_record_deposit)
    has_import_customer_permission = power(rules.may_import_customer)

    @display(description=gettext_lazy("status"), label=labels.CUSTOMER, ordering="status")
    def status_shown(self, customer: Customer) -> Any:
        return Badge(customer.status, customer.get_status_display())

    @display(description=gettext_lazy("place"), ordering="city")
    def place_shown(self, customer: Customer) -> str:
        """Town and country in one column."""
        return ", ".join(part for part in (customer.city, customer.country) if part)

    @display(description=gettext_lazy("created"), ordering="created_at")
    def created_shown(self, customer: Customer) -> str:
        return day_text(customer.created_at)

    @admin.display(description=gettext_lazy("receivables"))
    def receivables_shown(self, customer: Customer) -> Any:
        """What is open and what of it is late, per currency."""
        rows = receivables.of_customer(customer, on=timezone.localdate())
        lines = [
            (
                money_text(row.outstanding, row.currency),
                _("%(amount)s of it late (%(count)s)")
                % {"amount": money_text(row.late, row.currency), "count": row.late_count}
                if row.late_count
                else "",
            )
            for row in rows
        ]
        return format_html_join("", '<div>{} <span class="hi-late">{}</span></div>', lines) or _("nothing open")

    def offered(self, request: HttpRequest, obj: Customer) -> set[str]:
        """Its account, and only the other state."""
        status = "deactivate" if obj.status == CustomerStatus.ACTIVE else "activate"
        return {"statement", "deposit", status}

    @admin.display(description=gettext_lazy("customer number"))
    def code_kept(self, customer: Customer) -> Any:
        """Why it cannot be typed over."""
        return format_html(
            '{}<br><span class="hi-muted">{}</span>',
            customer.code,
            _("Stays as it is: invoices are numbered with it."),
        )

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """A customer that does not exist yet has nothing hanging on it."""
        return super().get_inlines(request, obj) if obj is not None else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The derived figures need a customer; a number that documents bear is only shown."""
        groups = super().get_fieldsets(request, obj)
        title, options = groups[0]
        fields = options["fields"]
        if obj is None:
            fields = tuple(name for name in fields if name != "receivables_shown")
        elif master_data.code_is_fixed(obj):
            fields = (("company_name", "code_kept", "status"), *fields[1:])
        return [(title, {**options, "fields": fields}), *groups[1:]]

    def save_model(self, request: HttpRequest, obj: Customer, form: Any, change: bool) -> None:
        """Through the domain: others are told of new and changed customers."""
        if change:
            master_data.save_customer(obj, by=request.user)
            return
        fields = dict(form.cleaned_data)
        name = fields.pop("company_name")
        self.adopt(obj, customers.create_customer(company_name=name, by=request.user, at=timezone.now(), **fields))

"""Files for accounting: what programs call our accounts, customers and taxes; making files and fetching them again."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.contrib.admin import EmptyFieldListFilter
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from crm import rules
from crm.domain import exports
from crm.domain.exports.debtors import assign_debtor_numbers, without_number
from crm.domain.periods import first_of
from crm.enums import ExportKind
from crm.forms.exports import SpanFields
from crm.models import AccountingExport, AccountingSettings, DebtorNumber, LedgerAccount, LegalEntity, TaxKey
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin, ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmForm, ConfirmPage, Effect, Table
from hashinsight.common.admin.display import Badge, money_text
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.common.context import current_request_id

MOST_SHOWN = 200
SIDES = {
    "debit": gettext_lazy("debit"),
    "credit": gettext_lazy("credit"),
    "net": gettext_lazy("net"),
    "tax": gettext_lazy("tax"),
    "gross": gettext_lazy("total"),
}


class AssignPage(ConfirmPage):
    """Numbers for all customers in the books that have none."""

    power = "change"
    label = gettext_lazy("Give out debtor numbers")
    icon = "tag"
    title = gettext_lazy("Give out debtor numbers")
    button = gettext_lazy("Give out the numbers")
    count = 0

    def effect(self) -> Effect:
        """Who has none."""
        waiting = without_number(self.objects[0].legal_entity)
        effect = Effect(facts=[(_("customers in the books without a debtor number"), waiting.count())])
        rows = [(customer.code, customer.company_name) for customer in waiting[:MOST_SHOWN]]
        if rows:
            effect.tables = [Table((_("customer number"), _("customer")), rows)]
        return effect

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        self.count = assign_debtor_numbers(obj.legal_entity)

    def done(self, count: int) -> str:
        """Said afterwards."""
        return ngettext("%(n)s number was given out.", "%(n)s numbers were given out.", self.count) % {"n": self.count}


@admin.register(AccountingSettings)
class AccountingSettingsAdmin(BaseAdmin):
    """How a legal entity is known in its accounting programs."""

    list_display = ("legal_entity", "consultant_number", "client_number", "account_length", "year_start_month")
    list_select_related = ("legal_entity",)
    search_fields = ("legal_entity__name",)
    autocomplete_fields = ("legal_entity",)
    ordering = ("legal_entity__name",)
    fields = (
        "legal_entity",
        ("consultant_number", "client_number", "datev_no_tax_key"),
        ("account_length", "first_debtor_number", "year_start_month"),
        "date_order",
    )
    pages = {"assign": AssignPage}


@admin.register(LedgerAccount)
class LedgerAccountAdmin(BaseAdmin):
    """Our accounts; they come with the first booking, and only their number in the accounting program is entered."""

    list_display = ("code", "kind", "tax_category", "rate_shown", "external_number", "legal_entity")
    list_select_related = ("legal_entity",)
    list_filter = ("legal_entity", ("kind", ChoicesDropdownFilter), ("external_number", EmptyFieldListFilter))
    search_fields = ("code", "external_number", "legal_entity__name")
    ordering = ("legal_entity__name", "code")
    fields = (("legal_entity", "code", "kind"), ("tax_category", "rate_shown"), "external_number")
    readonly_fields = ("legal_entity", "code", "kind", "tax_category", "rate_shown")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Booking makes them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Books keep their accounts."""
        return False

    @admin.display(description=gettext_lazy("tax rate (%)"), ordering="tax_rate")
    def rate_shown(self, account: LedgerAccount) -> str:
        return f"{account.tax_rate.normalize():f}" if account.tax_category else ""


@admin.register(TaxKey)
class TaxKeyAdmin(BaseAdmin):
    """What a tax is called there."""

    list_display = ("tax_category", "rate_shown", "legal_entity", "datev_key", "xero_tax_type", "quickbooks_tax_code")
    list_select_related = ("legal_entity",)
    list_filter = (("tax_category", ChoicesDropdownFilter), "legal_entity")
    search_fields = ("legal_entity__name", "xero_tax_type", "quickbooks_tax_code")
    autocomplete_fields = ("legal_entity",)
    ordering = ("legal_entity__name", "tax_category", "tax_rate")
    fields = ("legal_entity", ("tax_category", "tax_rate"), ("datev_key", "xero_tax_type", "quickbooks_tax_code"))

    @admin.display(description=gettext_lazy("tax rate (%)"), ordering="tax_rate")
    def rate_shown(self, key: TaxKey) -> str:
        return f"{key.tax_rate.normalize():f}"


@admin.register(DebtorNumber)
class DebtorNumberAdmin(BaseAdmin):
    """The numbers of customers in the books; a page of the accounting settings gives them out."""

    list_display = ("number", "customer", "legal_entity")
    list_select_related = ("customer", "legal_entity")
    list_filter = ("legal_entity",)
    search_fields = ("number", "customer__company_name", "customer__code")
    autocomplete_fields = ("legal_entity", "customer")
    ordering = ("legal_entity__name", "number")
    fields = ("legal_entity", ("customer", "number"))


class MakeForm(SpanFields, ConfirmForm):
    """What is made."""


class MakePage(ConfirmPage):
    """What the file would hold first, with everything that is missing for it; then the button."""

    power = "make_accountingexport"
    for_one = False
    for_none = True
    title = gettext_lazy("Make a file for accounting")
    button = gettext_lazy("Make the file")
    preview_button = gettext_lazy("Look at what it will hold")
    form_class = MakeForm
    made: AccountingExport | None = None

    def initial(self) -> dict[str, Any]:
        """The month before this one."""
        before = first_of(timezone.localdate()) - timedelta(days=1)
        entity = LegalEntity.objects.filter(is_active=True).order_by("pk").first()
        return {"first": f"{before:%Y-%m}", "legal_entity": entity, "kind": ExportKind.DOCUMENTS}

    def effect(self) -> Effect:
        """The plan."""
        effect = Effect()
        if not self.form.is_bound or not self.form.is_valid():
            return effect
        plan = exports.plan_export(**self._wish(self.form), at=timezone.now())
        effect.facts = [(_("file"), plan.file_name), (_("rows"), plan.row_count)]
        effect.tables = [_sums(plan.sums)] if plan.sums else []
        if not plan.span.is_closed:
            effect.warnings.append(_("A month in it is still open: the file is provisional, and its name says so."))
        effect.warnings += plan.notes
        if plan.gaps:
            effect.warnings.append(_("The file cannot be made before this is put right:"))
            effect.tables.append(Table((_("missing"),), [(gap,) for gap in plan.gaps[:MOST_SHOWN]]))
        return effect

    def _wish(self, form: Any) -> dict[str, Any]:
        data = form.cleaned_data
        kind = ExportKind(data["kind"])
        return {"entity": data["legal_entity"], "kind": kind, "first": data["first"], "last": data["last"]}

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        self.made = exports.make_export(**self._wish(form), by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("%(file)s is ready.") % {"file": self.made}

    def goes_to(self, worked: list[Any]) -> str:
        """To the file."""
        return str(self.model_admin.url_of("change", self.made.pk)) if self.made else self.back_url()


def _sums(sums: dict[str, dict[str, str]]) -> Table:
    names = list(next(iter(sums.values())))
    rows = [(currency, *(money_text(Decimal(row[name]), currency) for name in names)) for currency, row in sums.items()]
    return Table((_("currency"), *(SIDES[name] for name in names)), rows, right=range(1, len(names) + 1))


class FetchPage(ObjectPage):
    """The file itself; who fetched it is kept in the admin's log."""

    power = "make_accountingexport"
    label = gettext_lazy("Fetch the file")
    icon = "download"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Sent piece by piece."""
        export: AccountingExport = self.objects[0]
        LogEntry.objects.create(
            user_id=str(request.user.pk),
            content_type=ContentType.objects.get_for_model(AccountingExport),
            object_id=str(export.pk),
            object_repr=str(export)[:200],
            action_flag=CHANGE,
            change_message=f"fetched [{current_request_id()}]",
        )
        response = StreamingHttpResponse(exports.chunks_of(export), content_type="application/octet-stream")
        response["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
        response["Content-Length"] = str(export.size)
        response["Cache-Control"] = "private, no-store"
        response["X-Content-Type-Options"] = "nosniff"
        return response


@admin.register(AccountingExport)
class AccountingExportAdmin(ViewOnlyAdmin):
    """Files that were made, with their hashes."""

    empty_hint = gettext_lazy("Files of whole months for the tax adviser or the accounting program.")
    list_display = ("file_name", "state_shown", "kind", "row_count", "size_shown", "made_by", "made_at")
    list_select_related = ("made_by",)
    list_filter = (("kind", ChoicesDropdownFilter), "is_provisional", "legal_entity")
    search_fields = ("file_name", "sha256")
    ordering = ("-created_at", "-id")
    fields = (
        ("legal_entity", "kind"),
        ("first_month", "last_month", "is_provisional"),
        "file_name",
        ("row_count", "size_shown"),
        "sha256",
        "sums_shown",
        "notes_shown",
        ("state_of", "made_by", "made_at"),
    )
    readonly_fields = ("size_shown", "sums_shown", "notes_shown")
    pages = {"make": MakePage, "fetch": FetchPage}
    has_make_accountingexport_permission = power(rules.may_make_export)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Without the bytes."""
        return super().get_queryset(request).defer("content", "frozen")

    @display(
        description=gettext_lazy("state"),
        label={"provisional": "warning", "final": "success"},
        ordering="is_provisional",
    )
    def state_shown(self, export: AccountingExport) -> Any:
        return Badge("provisional", _("provisional")) if export.is_provisional else Badge("final", _("final"))

    @admin.display(description=gettext_lazy("size"), ordering="size")
    def size_shown(self, export: AccountingExport) -> str:
        return filesizeformat(export.size)

    @admin.display(description=gettext_lazy("sums"))
    def sums_shown(self, export: AccountingExport) -> str:
        """Per currency, as on the page that made it."""
        lines = [
            " · ".join(f"{SIDES[name]} {money_text(Decimal(amount), currency)}" for name, amount in row.items())
            for currency, row in export.sums.items()
        ]
        return "\n".join(lines) or "–"

    @admin.display(description=gettext_lazy("notes"))
    def notes_shown(self, export: AccountingExport) -> str:
        return "\n".join(export.notes) or "–"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The button in the list leads to the page that makes a file."""
        return rules.may_make_export(request.user)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Making is a page of its own."""
        return HttpResponseRedirect(self.url_of("make"))

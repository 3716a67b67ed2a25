"""Reminders: the ladder, what stops it, the letters, and the page that shows today's before they go out."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import AutocompleteSelectFilter, BooleanRadioFilter, RangeDateFilter
from unfold.decorators import display

from crm import rules
from crm.admin.dispute_page import SettlePage
from crm.admin.document_pages import pdf_response
from crm.domain import dunning
from crm.forms.common import RecipientForm
from crm.models import Customer, Dispute, DunningHold, DunningItem, DunningLetter, DunningLevel
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin, ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, Table
from hashinsight.common.admin.display import money_cell, money_text
from hashinsight.common.admin.inlines import ViewOnlyInline
from hashinsight.common.admin.object_page import ObjectPage

MOST_CUSTOMERS = 200


@admin.register(DunningLevel)
class DunningLevelAdmin(BaseAdmin):
    """The ladder."""

    empty_hint = gettext_lazy("Without levels nobody is reminded of anything.")
    list_display = ("legal_entity", "level", "days_after_due", "fee_shown", "interest_percent", "is_active")
    list_select_related = ("legal_entity",)
    list_filter = (("is_active", BooleanRadioFilter), "legal_entity")
    search_fields = ("legal_entity__name",)
    autocomplete_fields = ("legal_entity",)
    ordering = ("legal_entity__name", "level")
    fields = (
        ("legal_entity", "level", "is_active"),
        ("days_after_due", "fee", "interest_percent"),
        "text_en",
        "text_de",
    )

    @display(description=gettext_lazy("fee"), ordering="fee")
    def fee_shown(self, level: DunningLevel) -> Any:
        return money_cell(level.fee, level.legal_entity.currency)


@admin.register(DunningHold)
class DunningHoldAdmin(BaseAdmin):
    """Who is not reminded for a while."""

    empty_hint = gettext_lazy("A hold keeps reminders from a customer, or about one invoice, until a day.")
    list_display = ("customer", "invoice", "until", "reason")
    list_select_related = ("customer", "invoice")
    list_filter = (("customer", AutocompleteSelectFilter), ("until", RangeDateFilter))
    search_fields = ("customer__company_name", "invoice__number", "reason")
    autocomplete_fields = ("customer", "invoice")
    ordering = ("-until", "-id")
    fields = (("customer", "invoice"), ("until", "reason"))


@admin.register(Dispute)
class DisputeAdmin(ViewOnlyAdmin):
    """Amounts customers deny owing; noted on the page of the invoice."""

    empty_hint = gettext_lazy("A dispute is noted on the page of its invoice.")
    list_display = ("invoice", "amount_shown", "reason", "opened_at", "closed_at", "outcome")
    list_select_related = ("invoice",)
    list_filter = (("closed_at", admin.EmptyFieldListFilter),)
    search_fields = ("invoice__number", "reason")
    ordering = ("-opened_at", "-id")
    fields = (
        ("invoice", "amount_shown"), "reason", ("opened_by", "opened_at"), ("closed_by", "closed_at"), "outcome",
    )  # fmt: skip
    readonly_fields = ("amount_shown",)
    pages = {"settle": SettlePage}
    has_change_dispute_permission = power(rules.may_close_dispute)

    @display(description=gettext_lazy("amount"), ordering="amount")
    def amount_shown(self, dispute: Dispute) -> Any:
        return money_cell(dispute.amount, dispute.invoice.currency)

    def offered(self, request: HttpRequest, obj: Dispute) -> set[str]:
        """An open one."""
        return {"settle"} if obj.closed_at is None else set()


class RunPage(ConfirmPage):
    """Today's reminders as they would go out, before they do."""

    power = "send_dunningletter"
    for_one = False
    for_none = True
    title = gettext_lazy("Today's reminders")
    button = gettext_lazy("Send these reminders")
    count = 0

    def due(self) -> list[tuple[int, Any]]:
        """Customers with something late, each with their day."""
        return dunning.customers_due(timezone.now())[:MOST_CUSTOMERS]

    def effect(self) -> Effect:
        """Letter by letter."""
        due = dict(self.due())
        customers = Customer.objects.in_bulk(list(due))
        letters = [letter for pk, day in due.items() for letter in dunning.plan(customers[pk], on=day)]
        if not letters:
            raise dunning.DunningRefused(_("Nobody is to be reminded today."))
        rows = [
            (
                letter.customer,
                letter.level.level,
                ", ".join(str(item.invoice) for item in letter.items),
                money_text(letter.open_total, letter.currency),
                money_text(letter.interest_total, letter.currency),
                money_text(letter.fee, letter.currency),
                self.address_of(letter),
            )
            for letter in letters
        ]
        heads = (
            _("customer"), _("level"), _("invoices"), _("open"), _("interest"), _("fee"), _("e-mail goes to"),
        )  # fmt: skip
        return Effect(tables=[Table(heads, rows, right=(1, 3, 4, 5))])

    @staticmethod
    def address_of(letter: dunning.PlannedLetter) -> str:
        """Sample data never leaves the house."""
        if any(item.invoice.is_sample for item in letter.items):
            return _("nobody: sample data")
        return letter.customer.invoice_email or _("nobody")

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call per customer."""
        now = timezone.now()
        self.count = sum(len(dunning.dun_customer(pk, on=day, at=now)) for pk, day in self.due())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return ngettext("%(n)s reminder was written.", "%(n)s reminders were written.", self.count) % {"n": self.count}


class LetterPdfPage(ObjectPage):
    """The stored letter."""

    power = "view"
    label = gettext_lazy("PDF")
    icon = "picture_as_pdf"
    new_tab = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Its bytes, never anything made anew."""
        letter = self.objects[0]
        if letter.content is None:
            return HttpResponse(_("The document is being made. Please ask again in a moment."), status=409)
        return pdf_response(bytes(letter.content), f"reminder-{letter.dated_on}")


class ResendPage(ConfirmPage):
    """The same letter once more."""

    power = "send_dunningletter"
    label = gettext_lazy("Send again")
    icon = "forward_to_inbox"
    title = gettext_lazy("Send document by e-mail")
    button = gettext_lazy("Send")
    form_class = RecipientForm

    def initial(self) -> dict[str, Any]:
        """The billing contact."""
        return {"recipient": self.objects[0].customer.invoice_email}

    def effect(self) -> Effect:
        """Which letter."""
        letter = self.objects[0]
        return Effect(facts=[(_("document"), letter), (_("customer"), letter.customer)])

    def run(self, obj: DunningLetter, form: Any) -> Any:
        """One domain call."""
        dunning.resend(obj, recipient=form.cleaned_data["recipient"], at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The e-mail was queued.")


class ItemInline(ViewOnlyInline):
    """What stands on the letter."""

    model = DunningItem
    fields = ("invoice", "level", "days_late", "open_amount", "interest")
    ordering = ("id",)


@admin.register(DunningLetter)
class DunningLetterAdmin(ViewOnlyAdmin):
    """Reminders that were written."""

    empty_hint = gettext_lazy("The job crm.dun writes reminders by the dunning levels of the legal entity.")
    list_display = ("customer", "dated_on", "level", "open_shown", "recipient", "sent_at")
    list_select_related = ("customer",)
    list_filter = (("customer", AutocompleteSelectFilter), ("dated_on", RangeDateFilter), "level")
    search_fields = ("customer__company_name", "items__invoice__number")
    ordering = ("-dated_on", "-id")
    fields = (
        ("customer", "legal_entity", "dated_on"),
        ("level", "open_shown", "interest_shown", "fee_shown"),
        "text",
        ("recipient", "sent_at", "fee_invoice"),
        ("sha256", "is_sample"),
    )
    readonly_fields = ("open_shown", "interest_shown", "fee_shown")
    inlines = (ItemInline,)
    pages = {"run": RunPage, "pdf": LetterPdfPage, "resend": ResendPage}
    has_send_dunningletter_permission = power(rules.may_send_reminder)

    def get_queryset(self, request: HttpRequest) -> Any:
        """The bytes stay where they are in lists."""
        rows = super().get_queryset(request)
        return rows if request.path.endswith("/pdf/") else rows.defer("content")

    @display(description=gettext_lazy("open"), ordering="open_total")
    def open_shown(self, letter: DunningLetter) -> Any:
        return money_cell(letter.open_total, letter.currency)

    @display(description=gettext_lazy("interest"))
    def interest_shown(self, letter: DunningLetter) -> Any:
        return money_cell(letter.interest_total, letter.currency)

    @display(description=gettext_lazy("fee"))
    def fee_shown(self, letter: DunningLetter) -> Any:
        return money_cell(letter.fee, letter.currency)

    def offered(self, request: HttpRequest, obj: DunningLetter) -> set[str]:
        """A stored letter can be looked at and sent again."""
        return {"pdf", "resend"} if obj.sha256 else set()

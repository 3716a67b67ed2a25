"""The statement of account of a customer: as a page, as PDF, as CSV; always what the ledger says."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.admin.document_pages import pdf_response
from crm.documents.render import RenderError
from crm.documents.statement import buckets, file_name, render_statement, statement_csv
from crm.domain.ledger.queries import accounts_of
from crm.domain.ledger.statement import Statement, StatementRefused, statement_of
from crm.forms.statement import StatementForm
from crm.models import LegalEntity
from hashinsight.common.admin.display import day_text, money_text
from hashinsight.common.admin.object_page import ObjectPage


def csv_response(content: bytes, name: str) -> HttpResponse:
    """A file to save."""
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


class StatementPage(ObjectPage):
    """Opening balance, every movement, running and closing balance, and how old what is open is."""

    power = "view_journalentry"
    label: ClassVar[Any] = gettext_lazy("Statement of account")
    icon = "receipt"

    def form(self) -> StatementForm:
        """What was asked for."""
        return StatementForm(self.request.GET, self.objects[0])

    def statement(self, form: StatementForm) -> Statement:
        """Raises StatementRefused."""
        cleaned = form.cleaned_data
        return statement_of(
            self.objects[0], currency=cleaned["currency"], first=cleaned["first"], last=cleaned["last"],
            legal_entity_id=cleaned["legal_entity"].pk,
        )  # fmt: skip

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page."""
        form, found, error = self.form(), None, ""
        if form.is_valid():
            try:
                found = self.statement(form)
            except StatementRefused as refusal:
                error = str(refusal)
        page = self.model_admin
        query = urlencode({name: form[name].value() for name in form.fields if form[name].value()})
        context = {
            **page.admin_site.each_context(request),
            "title": _("Statement of account"),
            "subtitle": None,
            "opts": page.opts,
            "object": self.objects[0],
            "back_url": self.back_url(),
            "form": form,
            "error": error,
            "shown": shown_statement(found) if found else None,
            "accounts": self.accounts(form),
            "pdf_url": f"{page.url_of('statement-pdf', self.objects[0].pk)}?{query}",
            "csv_url": f"{page.url_of('statement-csv', self.objects[0].pk)}?{query}",
        }
        request.current_app = page.admin_site.name
        status = 200 if found else 400
        return TemplateResponse(request, "crm/admin/statement.html", context, status=status)

    def accounts(self, form: StatementForm) -> list[dict[str, Any]]:
        """All accounts of the customer, each with the way to its statement."""
        known = accounts_of(self.objects[0])
        names = dict(LegalEntity.objects.values_list("pk", "name"))
        dates = {"first": form["first"].value(), "last": form["last"].value()}
        return [
            {
                "name": names[account.legal_entity_id],
                "balance": money_text(account.balance, account.currency),
                "url": "?" + urlencode({
                    "legal_entity": account.legal_entity_id, "currency": account.currency, **dates,
                }),
            }
            for account in known
        ]  # fmt: skip


def shown_statement(found: Statement) -> dict[str, Any]:
    """A statement in the words and figures of the page."""

    def money(amount: Any) -> str:
        return money_text(amount, found.currency)

    return {
        "opening": money(found.opening),
        "first": day_text(found.first),
        "last": day_text(found.last),
        "rows": [
            {
                "day": day_text(line.posted_on),
                "label": line.label,
                "invoice": line.invoice,
                "text": line.text if line.text != line.invoice else "",
                "moved": money(line.moved) if line.moved else "",
                "debit": money(line.debit) if line.debit else "",
                "credit": money(line.credit) if line.credit else "",
                "balance": money(line.balance),
            }
            for line in found.lines
        ],
        "debits": money(found.debits),
        "credits": money(found.credits),
        "closing": money(found.closing),
        "held": money(found.held) if found.held else "",
        "buckets": buckets(found.ageing, money),
        "items": [
            {
                "number": item.number,
                "url": reverse("admin:crm_invoice_change", args=[item.invoice_id]),
                "issued_on": day_text(item.issued_on),
                "due_on": day_text(item.due_on),
                "amount": money(item.amount),
            }
            for item in found.items
        ],
    }


class _FilePage(StatementPage):
    label = ""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The file; what cannot be made leads back to the page that says why."""
        form = self.form()
        if form.is_valid():
            try:
                return self.file(self.statement(form), form.cleaned_data["legal_entity"])
            except (StatementRefused, RenderError) as refusal:
                messages.error(request, str(refusal))
        page = f"{self.model_admin.url_of('statement', self.objects[0].pk)}?{request.GET.urlencode()}"
        return HttpResponseRedirect(page)

    def file(self, statement: Statement, seller: LegalEntity) -> HttpResponse:
        """The answer."""
        raise NotImplementedError


class StatementPdfPage(_FilePage):
    """For the customer's file, or to send."""

    def file(self, statement: Statement, seller: LegalEntity) -> HttpResponse:
        """Drawn now."""
        return pdf_response(render_statement(statement, seller), file_name(statement))


class StatementCsvPage(_FilePage):
    """For a spreadsheet."""

    def file(self, statement: Statement, seller: LegalEntity) -> HttpResponse:
        """A few thousand lines at most."""
        return csv_response(statement_csv(statement), file_name(statement))

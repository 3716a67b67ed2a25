"""Receivables by age at the end of a day: as a page, as PDF, as CSV; their sum is that of the ledger."""

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.admin.document_pages import pdf_response
from crm.admin.statement_pages import csv_response
from crm.documents.ageing import ageing_csv, figures_of, render_ageing, titles
from crm.domain.ledger import ageing
from crm.domain.queries import default_legal_entity
from crm.forms.statement import AgeingForm
from crm.models import LegalEntity
from hashinsight.common.admin.display import figure_text
from hashinsight.common.admin.object_page import ObjectPage


class AgeingPage(ObjectPage):
    """Per currency and customer: what is owed by age, what of it is disputed, what we hold."""

    power = "view"
    for_one = False
    for_none = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page."""
        form, page = AgeingForm(request.GET), self.model_admin
        rows = self.rows(form) if form.is_valid() else []
        query = urlencode({name: form[name].value() for name in form.fields if form[name].value()})
        may_export = page.has_export_journalentry_permission(request)
        context = {
            **page.admin_site.each_context(request),
            "title": _("Receivables by age"),
            "subtitle": None,
            "opts": page.opts,
            "form": form,
            "heads": titles(disputes=True),
            "tables": [self.table(rows, total) for total in ageing.totals(rows)],
            "pdf_url": f"{page.url_of('ageing-pdf')}?{query}" if may_export else "",
            "csv_url": f"{page.url_of('ageing-csv')}?{query}" if may_export else "",
        }
        request.current_app = page.admin_site.name
        status = 200 if form.is_valid() else 400
        return TemplateResponse(request, "crm/admin/ageing.html", context, status=status)

    @staticmethod
    def rows(form: AgeingForm) -> list[ageing.Receivable]:
        """With disputes."""
        on, entity = form.cleaned_data["on"], form.cleaned_data["legal_entity"]
        key = entity.pk if entity else None
        return ageing.with_disputes(ageing.receivables(on=on, legal_entity_id=key), on=on, legal_entity_id=key)

    @staticmethod
    def table(rows: list[ageing.Receivable], total: ageing.CurrencyTotal) -> dict[str, Any]:
        """One currency."""

        def shown(row: Any) -> list[str]:
            return [figure_text(value, total.currency) if value else "–" for value in figures_of(row, disputes=True)]

        mine = [row for row in rows if row.currency == total.currency]
        return {
            "currency": total.currency,
            "rows": [
                {
                    "customer": row.customer,
                    "url": reverse("admin:crm_customer_statement", args=[row.customer.pk])
                    + f"?currency={row.currency}",
                    "amounts": shown(row),
                }
                for row in mine
            ],
            "total": shown(total),
        }


class _FilePage(AgeingPage):
    power = "export_journalentry"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The file; a day that is none leads back to the page."""
        form = AgeingForm(request.GET)
        if not form.is_valid():
            return HttpResponseRedirect(f"{self.model_admin.url_of('ageing')}?{request.GET.urlencode()}")
        return self.file(self.rows(form), form.cleaned_data["on"], form.cleaned_data["legal_entity"])

    def file(self, rows: list[ageing.Receivable], on: date, entity: LegalEntity | None) -> HttpResponse:
        """The answer."""
        raise NotImplementedError


class AgeingPdfPage(_FilePage):
    """For a meeting."""

    def file(self, rows: list[ageing.Receivable], on: date, entity: LegalEntity | None) -> HttpResponse:
        """Under the letterhead of the company it is about, else of the first."""
        seller = entity or default_legal_entity()
        if seller is None:
            return HttpResponseRedirect(self.model_admin.url_of("ageing"))
        language = get_language() or "en"
        content = render_ageing(
            rows,
            on=on,
            seller=seller,
            companies=[entity] if entity else [],
            language=language.split("-")[0],
            disputes=True,
        )
        return pdf_response(content, f"ageing-{on}")


class AgeingCsvPage(_FilePage):
    """For a spreadsheet."""

    def file(self, rows: list[ageing.Receivable], on: date, entity: LegalEntity | None) -> HttpResponse:
        """A row per customer and currency."""
        language = get_language() or "en"
        return csv_response(ageing_csv(rows, language=language, disputes=True), f"ageing-{on}")

"""The paper: the stored PDF and e-invoice of an issued document, and a preview of a draft's."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.documents.build import document_data
from crm.documents.data import InconsistentDocument
from crm.documents.render import RenderError, render_pdf
from crm.domain.documents import hurry_document
from crm.domain.issuing import PDF_WORK
from crm.domain.queries import local_date
from crm.enums import DocumentFormat
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.jobs.enums import WorkState
from hashinsight.jobs.models import DueWork

REFRESH_SECONDS = 2


def pdf_response(content: bytes, name: str) -> HttpResponse:
    """A PDF the browser shows."""
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


class PdfPage(ObjectPage):
    """The stored bytes; until they exist a page that waits for them."""

    power = "view"
    label = gettext_lazy("PDF")
    icon = "picture_as_pdf"
    new_tab = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The document, exactly as it was stored."""
        invoice = self.objects[0]
        if not invoice.is_issued:
            messages.error(request, _("%(invoice)s is not issued; there is a preview only.") % {"invoice": invoice})
            return HttpResponseRedirect(self.back_url())
        if invoice.is_brought_along:
            text = _("%(invoice)s was issued in another system; there is no PDF of ours.")
            messages.error(request, text % {"invoice": invoice})
            return HttpResponseRedirect(self.back_url())
        stored = invoice.documents.filter(format=DocumentFormat.PDF).first()
        if stored is not None:
            return pdf_response(bytes(stored.content), invoice.number)
        hurry_document(invoice, work_kind=PDF_WORK, at=timezone.now())
        return self.waiting(request, invoice)

    def waiting(self, request: HttpRequest, invoice: Any) -> HttpResponse:
        """It is being made; the page looks again by itself, unless it was given up."""
        work = DueWork.objects.filter(kind=PDF_WORK, key=str(invoice.pk)).first()
        failed = work is not None and work.state == WorkState.FAILED
        page = self.model_admin
        context = {
            **page.admin_site.each_context(request),
            "title": _("PDF of %(invoice)s") % {"invoice": invoice},
            "subtitle": None,
            "opts": page.opts,
            "object": invoice,
            "failed": failed,
            "back_url": self.back_url(),
        }
        response = TemplateResponse(request, "crm/admin/document_pending.html", context, status=200 if failed else 202)
        if not failed:
            response["Refresh"] = str(REFRESH_SECONDS)
        return response


class XmlPage(ObjectPage):
    """The stored e-invoice, as a file to save."""

    power = "view"
    label = gettext_lazy("E-invoice")
    icon = "data_object"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Exactly as it was issued."""
        invoice = self.objects[0]
        stored = invoice.documents.filter(format=DocumentFormat.XML).first()
        if stored is None:
            messages.error(request, _("%(invoice)s has no e-invoice.") % {"invoice": invoice})
            return HttpResponseRedirect(self.back_url())
        response = HttpResponse(bytes(stored.content), content_type="application/xml")
        response["Content-Disposition"] = f'attachment; filename="{invoice.number}.xml"'
        response["Cache-Control"] = "private, no-store"
        response["X-Content-Type-Options"] = "nosniff"
        return response


class PreviewPage(ObjectPage):
    """How a draft would look; nothing is stored."""

    power = "view"
    label = gettext_lazy("Preview PDF")
    icon = "preview"
    new_tab = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Drawn now, marked as a draft."""
        invoice = self.objects[0]
        if not invoice.is_draft:
            return HttpResponseRedirect(str(self.model_admin.url_of("pdf", invoice.pk)))
        on = local_date(timezone.now(), invoice.legal_entity.time_zone)
        try:
            content = render_pdf(document_data(invoice, on=on))
        except (InconsistentDocument, RenderError, ValueError) as error:
            text = _("This draft cannot be drawn yet: %(error)s") % {"error": error}
            messages.error(request, text)
            return HttpResponseRedirect(self.back_url())
        return pdf_response(content, invoice.reference)

"""Invoices and credit notes: clients see issued ones and their PDFs; staff draft, issue, correct and send them."""

import hashlib
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse
from rest_framework.decorators import action
from rest_framework.request import Request

from crm.api.filters import InvoiceFilter
from crm.api.inputs import CreditInput, InvoiceInput, IssueInput, ReasonInput, SendInput
from crm.api.money import WriteOffInput, WriteOffSerializer
from crm.api.serializers import DeliverySerializer, InvoiceSerializer, InvoiceSummarySerializer
from crm.api.views.money import write_off_effect
from crm.domain import credit_requests, deliveries, documents, invoicing, issuing
from crm.domain.queries import local_date
from crm.enums import DocumentFormat
from crm.models import Invoice, InvoiceDocument, InvoiceLine
from hashinsight.approvals.api.views import ApprovalSerializer, ApprovalViewSet
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.common.api import etags
from hashinsight.common.api.problems import Problem
from hashinsight.common.api.responses import file_response
from hashinsight.common.api.schema import described
from hashinsight.common.api.scope import is_client
from hashinsight.common.api.views import Answer, Effect, ResourceViewSet, verb, verb_at

PENDING_SECONDS = 2


class InvoiceViewSet(ResourceViewSet):
    """Invoices and credit notes. Clients see their own from the moment they are issued; drafts are ours alone."""

    resource = route = "invoices"
    serializer_class = InvoiceSerializer
    list_serializer_class = InvoiceSummarySerializer
    filterset_class = InvoiceFilter
    client_actions = frozenset({"list", "retrieve", "pdf", "xml"})
    staff_permissions = {
        "list": "crm.view_invoice",
        "retrieve": "crm.view_invoice",
        "pdf": "crm.view_invoice",
        "xml": "crm.view_invoice",
        "create": "crm.add_invoice",
        "issue": "crm.issue_invoice",
        "credit": "crm.credit_invoice",
        "cancel": "crm.cancel_invoice",
        "send": "crm.send_invoice",
        "write_off": "crm.add_writeoff",
    }
    queryset = Invoice.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Invoice]:
        """Own issued documents; for staff all, drafts too."""
        rows: QuerySet[Invoice] = Invoice.objects.visible_to(user).with_balance()
        return rows.select_related("customer", "deal", "corrects")

    @classmethod
    def detail_rows_for(cls, user: Any) -> QuerySet[Invoice]:
        """With lines and what is known of PDF and e-invoice (not their bytes)."""
        lines = InvoiceLine.objects.visible_to(user)
        if not is_client(user):
            lines = lines.select_related("product")
        stored = InvoiceDocument.objects.visible_to(user).defer("content")
        return cls.rows_for(user).prefetch_related(Prefetch("lines", lines), Prefetch("documents", stored))

    def state_of(self, instance: Any) -> str:
        """A draft's lines are part of its state; an issued invoice is frozen with them."""
        if not instance.is_draft:
            return etags.state_of(instance)
        lines = ",".join(f"{line.pk}.{line.version}" for line in instance.lines.all())
        return etags.state_of(instance, hashlib.sha256(lines.encode()).hexdigest())

    @described(
        responses={
            (200, "application/pdf"): OpenApiResponse(bytes, description="The stored PDF/A-3b, always the same bytes.")
        }
    )
    @action(detail=True, methods=["get"])
    def pdf(self, request: Request, id: Any) -> HttpResponse:
        """The PDF of an issued document. Right after issue it may still be in the making: 409 `document_pending`.

        An invoice brought along from another system (`kind` = `opening`) has none: 409 `no_document`.
        """
        invoice = self.get_row()
        stored = _stored(request.user, invoice, DocumentFormat.PDF)
        if stored is None:
            raise _not_there(invoice)
        return file_response(
            bytes(stored.content), media_type="application/pdf", name=f"{invoice.number}.pdf", sha256=stored.sha256
        )

    @described(
        responses={
            (200, "application/xml"): OpenApiResponse(
                bytes, description="The stored e-invoice (EN 16931, UN/CEFACT CII), always the same bytes."
            )
        }
    )
    @action(detail=True, methods=["get"])
    def xml(self, request: Request, id: Any) -> HttpResponse:
        """The e-invoice of an issued document; 409 `no_e_invoice` where its customer or its currency has none."""
        invoice = self.get_row()
        stored = _stored(request.user, invoice, DocumentFormat.XML)
        if stored is None:
            raise _no_einvoice(invoice)
        return file_response(
            bytes(stored.content), media_type="application/xml", name=f"{invoice.number}.xml", sha256=stored.sha256
        )

    @described(request=InvoiceInput, responses={201: InvoiceSerializer})
    def create(self, request: Request) -> Effect:
        """Make the invoice draft of a deal (staff)."""
        data = self.read_input(InvoiceInput)
        return Effect(
            call=lambda: invoicing.draft_from_deal(data["deal"], by=request.user, at=timezone.now()),
            answer=lambda made: self.shown_again(made, status=201),
        )

    @described(request=IssueInput, responses={200: InvoiceSerializer})
    @verb
    def issue(self, request: Request, id: Any) -> Effect:
        """Number, date and freeze a draft (staff); its PDF is made right after."""
        invoice = self.get_row()
        data = self.read_input(IssueInput)
        now = timezone.now()
        return Effect(
            call=lambda: issuing.issue_invoice(invoice, by=request.user, on=_today(invoice, now), at=now, **data),
            answer=self.shown_again,
            target=invoice,
        )

    @described(request=CreditInput, responses={201: InvoiceSerializer, 202: ApprovalSerializer})
    @verb
    def credit(self, request: Request, id: Any) -> Effect:
        """Correct an issued invoice by a credit note, in full or by line (staff); answers the credit note.

        Above the limit of our legal entity a second person has to approve it: 202 with the request for approval.
        """
        invoice = self.get_row()
        data = self.read_input(CreditInput)
        lines = data.pop("lines", None)
        quantities = None if lines is None else {line["position"]: line["quantity"] for line in lines}
        now = timezone.now()
        return Effect(
            call=lambda: credit_requests.credit_or_ask(
                invoice, by=request.user, on=_today(invoice, now), at=now, quantities=quantities, **data
            ),
            answer=self.done_or_asked,
            target=invoice,
        )

    def done_or_asked(self, made: Any) -> Answer:
        """The new document, or the request that a second person decides."""
        if isinstance(made, ApprovalRequest):
            return self.shown_by(ApprovalViewSet, made, status=202)
        return self.shown_again(made, status=201)

    @described(request=ReasonInput, responses={200: InvoiceSerializer})
    @verb
    def cancel(self, request: Request, id: Any) -> Effect:
        """Withdraw a draft (staff). What is issued is corrected by a credit note instead."""
        invoice = self.get_row()
        data = self.read_input(ReasonInput)
        return Effect(
            call=lambda: invoicing.cancel_draft(invoice, by=request.user, **data),
            answer=self.shown_again,
            target=invoice,
        )

    @described(request=WriteOffInput, responses={201: WriteOffSerializer, 202: ApprovalSerializer})
    @verb_at("write-off")
    def write_off(self, request: Request, id: Any) -> Effect:
        """Give up what is owed on an invoice, in part or in full (staff).

        A small difference settles the invoice, a bad debt leaves it unpaid. 202 where a second person has to approve.
        """
        return write_off_effect(self, self.get_row())

    @described(request=SendInput, responses={202: DeliverySerializer})
    @verb
    def send(self, request: Request, id: Any) -> Effect:
        """E-mail the issued document (staff): the same document, a new delivery."""
        invoice = self.get_row()
        recipient = self.read_input(SendInput).get("recipient") or invoice.customer.invoice_email
        return Effect(
            call=lambda: deliveries.queue_delivery(invoice, recipient=recipient, at=timezone.now()),
            answer=lambda made: Answer(dict(DeliverySerializer(made).data), status=202),
            target=invoice,
        )


def _today(invoice: Invoice, now: Any) -> Any:
    """Documents are dated by the calendar of who issues them."""
    return local_date(now, invoice.legal_entity.time_zone)


def _stored(user: Any, invoice: Invoice, form: str) -> InvoiceDocument | None:
    document: InvoiceDocument | None = (
        InvoiceDocument.objects.visible_to(user).filter(invoice_id=invoice.pk, format=form).first()
    )
    return document


def _no_einvoice(invoice: Invoice) -> Problem:
    if not invoice.is_issued:
        return Problem(409, "not_issued", _("A draft has no document yet."))
    return Problem(409, "no_e_invoice", _("This document was issued without an e-invoice."))


def _not_there(invoice: Invoice) -> Problem:
    if not invoice.is_issued:
        return Problem(409, "not_issued", _("A draft has no document yet."))
    if invoice.is_brought_along:
        return Problem(409, "no_document", _("This invoice was issued in another system; there is no PDF of ours."))
    return Problem(
        409,
        "document_pending",
        _("The document is being made. Please ask again in a moment."),
        headers={"Retry-After": str(PENDING_SECONDS)},
        afterwards=lambda: documents.hurry_document(invoice, work_kind=issuing.PDF_WORK, at=timezone.now()),
    )

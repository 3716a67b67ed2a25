"""The stored document of an issued invoice."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.enums import DocumentFormat
from crm.models.invoice import InvoiceQuerySet
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.scoping import ScopedQuerySet


class InvoiceDocumentQuerySet(ScopedQuerySet):
    """Documents of invoices."""

    scope_path = "invoice__customer_id"
    scope_filter = {"invoice__" + key: value for key, value in InvoiceQuerySet.scope_filter.items()}


@tracked(exclude=["content"])
class InvoiceDocument(BaseModel):
    """The bytes of an issued document with their SHA-256: inserted once, never changed, in the same backup."""

    invoice = models.ForeignKey(
        "crm.Invoice", verbose_name=_("invoice"), on_delete=models.PROTECT, related_name="documents"
    )
    format = models.CharField(_("format"), max_length=8, choices=DocumentFormat.choices, default=DocumentFormat.PDF)
    content = models.BinaryField(_("content"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    size = models.PositiveIntegerField(_("size in bytes"))
    template_version = models.CharField(_("template version"), max_length=20)
    rendered_at = models.DateTimeField(_("rendered at"), default=timezone.now)

    objects = InvoiceDocumentQuerySet.as_manager()

    class Meta:
        verbose_name = _("invoice document")
        verbose_name_plural = _("invoice documents")
        constraints = [
            models.UniqueConstraint(fields=["invoice", "format"], name="crm_document_invoice_format"),
            models.CheckConstraint(
                condition=models.Q(format__in=DocumentFormat.values), name="crm_document_format_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} {self.get_format_display()}"

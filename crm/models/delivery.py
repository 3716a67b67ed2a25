"""E-mailing of invoices."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import DeliveryStatus
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel


@tracked()
class InvoiceDelivery(BaseModel):
    """One e-mailing of an issued document to the billing contact.

    queued  will be sent as soon as the PDF exists
    sent    handed to the mail server
    failed  given up; may be queued again
    """

    invoice = models.ForeignKey(
        "crm.Invoice", verbose_name=_("invoice"), on_delete=models.PROTECT, related_name="deliveries"
    )
    recipient = models.EmailField(_("recipient"), max_length=254)
    status = models.CharField(
        _("status"), max_length=16, choices=DeliveryStatus.choices, default=DeliveryStatus.QUEUED, editable=False
    )
    message_id = models.CharField(_("message id"), max_length=200, unique=True, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, editable=False)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True, editable=False)
    error = models.TextField(_("error"), blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=DeliveryStatus.values), name="crm_delivery_status_known"
            )
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="crm_delivery_created")]

    def __str__(self) -> str:
        return f"{self.invoice} → {self.recipient}"

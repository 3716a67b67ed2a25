"""Money that reached us."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import PaymentMethod
from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField, MoneyField
from hashinsight.common.scoping import ScopedQuerySet


class PaymentQuerySet(ScopedQuerySet):
    """Payments."""

    scope_path = "customer_id"


@tracked()
class Payment(BaseModel):
    """Money received for one invoice; may be a part of it or more than it. Never changed once recorded."""

    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="payments"
    )
    invoice = models.ForeignKey(
        "crm.Invoice", verbose_name=_("invoice"), on_delete=models.PROTECT, related_name="payments"
    )
    amount = MoneyField(_("amount"), decimal_places=8, max_digits=24)
    currency = CurrencyField(_("currency"))
    received_on = models.DateField(_("received on"))
    method = models.CharField(
        _("method"), max_length=16, choices=PaymentMethod.choices, default=PaymentMethod.BANK_TRANSFER
    )
    reference = NameField(
        _("reference"), max_length=140, blank=True, default="", help_text=_("Bank reference or transaction id.")
    )
    note = NameField(_("internal note"), max_length=300, blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("recorded by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    is_sample = models.BooleanField(_("sample data"), default=False, editable=False)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="crm_payment_positive"),
        ]
        indexes = [
            models.Index(fields=["-received_on", "-id"], name="crm_payment_received"),
            models.Index(fields=["-created_at", "-id"], name="crm_payment_created"),
        ]
        permissions = [("export_payment", _("Can export payments"))]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} {self.received_on}"

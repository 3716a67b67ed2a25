"""Money that reached us."""

from decimal import Decimal
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import PaymentMethod
from crm.models.fields import NameField
from crm.models.money_row import MoneyRow
from hashinsight.common.audit import tracked
from hashinsight.common.money import MoneyField
from hashinsight.common.scoping import ScopedQuerySet


class PaymentQuerySet(ScopedQuerySet):
    """Payments."""

    scope_path = "customer_id"

    def standing(self) -> Self:
        """Without those that were reversed."""
        return self.filter(reversal__isnull=True)


@tracked()
class Payment(MoneyRow):
    """Money received for one invoice; may be a part of it or more than it. Never changed once recorded.

    Money in another currency than the invoice carries the ``rate`` entered with it and what it settles. A mistyped
    payment is taken back by a ``Reversal``; both stay.
    """

    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="payments"
    )
    invoice = models.ForeignKey(
        "crm.Invoice", verbose_name=_("invoice"), on_delete=models.PROTECT, related_name="payments"
    )
    rate = models.DecimalField(
        _("rate"),
        max_digits=24,
        decimal_places=12,
        null=True,
        blank=True,
        help_text=_("Units of the invoice's currency for one unit of the money received."),
    )
    settled_amount = MoneyField(
        _("settled amount"),
        decimal_places=8,
        max_digits=24,
        null=True,
        blank=True,
        help_text=_("In the invoice's currency, where the money came in another one."),
    )
    received_on = models.DateField(_("received on"), help_text=_("Value date."))
    booked_on = models.DateField(
        _("booked on"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Later than the value date where that month was closed. Empty: the value date."),
    )
    method = models.CharField(
        _("method"), max_length=16, choices=PaymentMethod.choices, default=PaymentMethod.BANK_TRANSFER
    )
    reference = NameField(
        _("reference"), max_length=140, blank=True, default="", help_text=_("Bank reference or transaction id.")
    )
    note = NameField(_("internal note"), max_length=300, blank=True, default="")

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="crm_payment_positive"),
            models.CheckConstraint(
                condition=models.Q(rate__isnull=True, settled_amount__isnull=True)
                | models.Q(rate__isnull=False, rate__gt=0, settled_amount__isnull=False, settled_amount__gt=0),
                name="crm_payment_rate_and_settled",
            ),
        ]
        indexes = [
            models.Index(fields=["-received_on", "-id"], name="crm_payment_received"),
            models.Index(fields=["-created_at", "-id"], name="crm_payment_created"),
        ]
        permissions = [
            ("export_payment", _("Can export payments")),
            ("reverse_payment", _("Can reverse mistyped payments")),
            ("refund_payment", _("Can refund payments")),
        ]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.currency} {self.received_on}"

    @property
    def settles(self) -> Decimal:
        """What it is worth on the invoice, in the invoice's currency."""
        return self.amount if self.settled_amount is None else self.settled_amount

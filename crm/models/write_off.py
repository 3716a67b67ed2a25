"""Claims given up, and mistakes taken back."""

import operator
from functools import reduce

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import WriteOffKind
from crm.models.customer_credit import ByCustomerQuerySet
from crm.models.fields import NameField
from crm.models.money_row import MoneyRow, RecordedRow
from hashinsight.common.audit import tracked


@tracked()
class WriteOff(MoneyRow):
    """A claim on an invoice that we give up, in part or in full.

    bad_debt          nobody believes in the money any more; the invoice stays unpaid
    small_difference  a few cents nobody chases; the invoice counts as paid
    """

    customer = models.ForeignKey("crm.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(
        "crm.Invoice", verbose_name=_("invoice"), on_delete=models.PROTECT, related_name="write_offs"
    )
    kind = models.CharField(_("kind"), max_length=16, choices=WriteOffKind.choices)
    written_off_on = models.DateField(_("written off on"))
    reason = NameField(_("reason"), max_length=300)

    objects = ByCustomerQuerySet.as_manager()

    class Meta:
        verbose_name = _("write-off")
        verbose_name_plural = _("write-offs")
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="crm_writeoff_positive"),
            models.CheckConstraint(condition=models.Q(kind__in=WriteOffKind.values), name="crm_writeoff_kind"),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="crm_writeoff_created")]
        permissions = [("reverse_writeoff", _("Can take write-offs back"))]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.currency} {self.written_off_on}"


def _exactly_one(*names: str) -> models.Q:
    """Of these columns one is filled and all others are empty."""
    cases = [models.Q(**{f"{name}__isnull": name != filled for name in names}) for filled in names]
    return reduce(operator.or_, cases)


@tracked()
class Reversal(RecordedRow):
    """A mistake taken back: the row it names stays, and counts for nothing any more. Each can be taken back once."""

    customer = models.ForeignKey("crm.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="+")
    payment = models.OneToOneField(
        "crm.Payment",
        verbose_name=_("payment"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reversal",
    )
    credit = models.OneToOneField(
        "crm.CustomerCredit",
        verbose_name=_("deposit"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reversal",
    )
    application = models.OneToOneField(
        "crm.CreditApplication",
        verbose_name=_("credit application"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reversal",
    )
    refund = models.OneToOneField(
        "crm.Refund",
        verbose_name=_("refund"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reversal",
    )
    write_off = models.OneToOneField(
        WriteOff,
        verbose_name=_("write-off"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reversal",
    )
    reversed_on = models.DateField(_("reversed on"))
    reason = NameField(_("reason"), max_length=300)

    objects = ByCustomerQuerySet.as_manager()

    class Meta:
        verbose_name = _("reversal")
        verbose_name_plural = _("reversals")
        constraints = [
            models.CheckConstraint(
                condition=_exactly_one("payment", "credit", "application", "refund", "write_off"),
                name="crm_reversal_of_one",
            )
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="crm_reversal_created")]

    def __str__(self) -> str:
        return f"{self.reversed_on} {self.reason}"

"""Money of customers that we hold without an invoice, and what becomes of it."""

from decimal import Decimal
from typing import Self

from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from crm.enums import CreditKind, PaymentMethod
from crm.models.fields import NameField
from crm.models.money_row import MoneyRow
from hashinsight.common.audit import tracked
from hashinsight.common.scoping import ScopedQuerySet

_FROM_NOTHING = ["deposit", "opening", "opening_deposit"]
_ZERO = models.Value(Decimal(0), output_field=models.DecimalField(max_digits=24, decimal_places=8))


class CustomerCreditQuerySet(ScopedQuerySet):
    """Customer credits."""

    scope_path = "customer_id"

    def standing(self) -> Self:
        """Without deposits that were reversed and surpluses of payments that were."""
        return self.filter(reversal__isnull=True, payment__reversal__isnull=True)

    def with_balance(self) -> Self:
        """Annotate ``applied_total``, ``refunded_total`` and what is left as ``balance``; 0 once reversed."""
        applied = _sum_of(CreditApplication.objects.filter(credit=models.OuterRef("pk"), reversal__isnull=True))
        refunded = _sum_of(Refund.objects.filter(credit=models.OuterRef("pk"), reversal__isnull=True))
        gone = models.Q(reversal__isnull=False) | models.Q(payment__reversal__isnull=False)
        return self.annotate(applied_total=Coalesce(applied, _ZERO), refunded_total=Coalesce(refunded, _ZERO)).annotate(
            balance=models.Case(
                models.When(gone, then=_ZERO),
                default=models.F("amount") - models.F("applied_total") - models.F("refunded_total"),
            )
        )


def _sum_of(rows: models.QuerySet["CreditApplication"] | models.QuerySet["Refund"]) -> models.Subquery:
    return models.Subquery(rows.order_by().values("credit").annotate(s=models.Sum("amount")).values("s"))


@tracked()
class CustomerCredit(MoneyRow):
    """Money of a customer that belongs to no invoice: applied to invoices later, or refunded.

    deposit       received without an invoice
    overpayment   what a payment brought beyond its invoice
    credit_note   credited after the invoice had been paid
    opening       brought along from another system
    opening_deposit  the same, of a deposit

    Written once; what is left is what was not applied, refunded or reversed.
    """

    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="credits"
    )
    legal_entity = models.ForeignKey(
        "crm.LegalEntity", verbose_name=_("our legal entity"), on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(_("kind"), max_length=16, choices=CreditKind.choices)
    invoice = models.ForeignKey(
        "crm.Invoice",
        verbose_name=_("from invoice"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="surpluses",
    )
    payment = models.OneToOneField(
        "crm.Payment",
        verbose_name=_("from payment"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="surplus",
    )
    credit_note = models.OneToOneField(
        "crm.Invoice",
        verbose_name=_("from credit note"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="surplus",
    )
    received_on = models.DateField(_("received on"))
    method = models.CharField(_("method"), max_length=16, choices=PaymentMethod.choices, blank=True, default="")
    reference = NameField(
        _("reference"), max_length=140, blank=True, default="", help_text=_("Bank reference or transaction id.")
    )
    note = NameField(_("internal note"), max_length=300, blank=True, default="")

    objects = CustomerCreditQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer credit")
        verbose_name_plural = _("customer credits")
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="crm_customercredit_positive"),
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=["deposit", "opening", "opening_deposit"], invoice=None, payment=None, credit_note=None
                )
                | models.Q(kind="overpayment", invoice__isnull=False, payment__isnull=False, credit_note=None)
                | models.Q(kind="credit_note", invoice__isnull=False, payment=None, credit_note__isnull=False),
                name="crm_customercredit_origin",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="crm_customercredit_created"),
            models.Index(fields=["customer", "currency"], name="crm_customercredit_customer"),
        ]
        permissions = [
            ("apply_customercredit", _("Can apply customer credits to invoices")),
            ("refund_customercredit", _("Can refund customer credits")),
            ("reverse_customercredit", _("Can reverse mistyped deposits")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount.normalize():f} {self.currency} {self.received_on}"


class ByCustomerQuerySet(ScopedQuerySet):
    """Rows of a customer."""

    scope_path = "customer_id"


@tracked()
class CreditApplication(MoneyRow):
    """A part of a customer's credit used to settle an invoice. Written once; taken back by a ``Reversal``."""

    customer = models.ForeignKey("crm.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="+")
    credit = models.ForeignKey(
        CustomerCredit, verbose_name=_("customer credit"), on_delete=models.PROTECT, related_name="applications"
    )
    invoice = models.ForeignKey(
        "crm.Invoice", verbose_name=_("invoice"), on_delete=models.PROTECT, related_name="applications"
    )
    applied_on = models.DateField(_("applied on"))

    objects = ByCustomerQuerySet.as_manager()

    class Meta:
        verbose_name = _("credit application")
        verbose_name_plural = _("credit applications")
        constraints = [models.CheckConstraint(condition=models.Q(amount__gt=0), name="crm_application_positive")]
        indexes = [models.Index(fields=["-created_at", "-id"], name="crm_application_created")]
        permissions = [("reverse_creditapplication", _("Can take credit applications back"))]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.currency} {self.applied_on}"


@tracked()
class Refund(MoneyRow):
    """Money paid back to a customer: out of a credit we hold, or of a payment (whose invoice is open again then)."""

    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="refunds"
    )
    credit = models.ForeignKey(
        CustomerCredit,
        verbose_name=_("customer credit"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="refunds",
    )
    payment = models.ForeignKey(
        "crm.Payment",
        verbose_name=_("payment"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="refunds",
    )
    refunded_on = models.DateField(_("refunded on"))
    method = models.CharField(
        _("method"), max_length=16, choices=PaymentMethod.choices, default=PaymentMethod.BANK_TRANSFER
    )
    reference = NameField(
        _("reference"), max_length=140, blank=True, default="", help_text=_("Bank reference or transaction id.")
    )
    reason = NameField(_("reason"), max_length=300)

    objects = ByCustomerQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="crm_refund_positive"),
            models.CheckConstraint(
                condition=models.Q(credit__isnull=False, payment__isnull=True)
                | models.Q(credit__isnull=True, payment__isnull=False),
                name="crm_refund_of_one",
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="crm_refund_created")]
        permissions = [("reverse_refund", _("Can reverse mistyped refunds"))]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.currency} {self.refunded_on}"

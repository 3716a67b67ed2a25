"""What was agreed with a customer for a term."""

from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import ExpressionWrapper, Q
from django.utils.translation import gettext_lazy as _

from crm.enums import ContractStatus
from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField
from hashinsight.common.scoping import ScopedQuerySet


class ContractQuerySet(ScopedQuerySet):
    """Contracts; a draft, and one that came to nothing, is ours alone."""

    scope_path = "customer_id"
    scope_filter = {"status__in": [ContractStatus.ACTIVE.value, ContractStatus.ENDED.value]}

    def renewing(self) -> Self:
        """In force, and renewing themselves unless notice is given by ``last_notice_on``."""
        last = ExpressionWrapper(models.F("ends_on") - models.F("notice_days"), output_field=models.DateField())
        return self.filter(
            status=ContractStatus.ACTIVE, ends_on__isnull=False, renewal_months__gt=0, notice_given_on__isnull=True
        ).annotate(last_notice_on=last)


@tracked()
class Contract(BaseModel):
    """The commercial frame of a business with a customer: term, notice, currency, taxes, day of billing.

    What is delivered under it (power and room for machines, for instance) stands in terms of other apps that name it.

    draft      being written; the client does not see it
    active     in force from its first day to its last
    ended      over: its last day has come, or it was ended early
    cancelled  a draft that came to nothing
    """

    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="contracts"
    )
    deal = models.ForeignKey(
        "crm.Deal", verbose_name=_("deal"), null=True, blank=True, on_delete=models.PROTECT, related_name="contracts"
    )
    legal_entity = models.ForeignKey(
        "crm.LegalEntity",
        verbose_name=_("our legal entity"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="contracts",
        help_text=_("Who bills; empty: as the customer says."),
    )
    number = models.CharField(
        _("contract number"), max_length=40, unique=True, help_text=_("Printed on invoices; of your own making.")
    )
    title = NameField(_("title"))
    status = models.CharField(
        _("status"), max_length=16, choices=ContractStatus.choices, default=ContractStatus.DRAFT, editable=False
    )
    currency = CurrencyField(_("currency"))
    tax_code = models.ForeignKey(
        "crm.TaxCode",
        verbose_name=_("tax code"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="contracts",
        help_text=_("Empty: as the customer says."),
    )
    payment_terms_days = models.PositiveSmallIntegerField(
        _("payment terms in days"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(365)],
        help_text=_("Empty: as the customer says."),
    )
    billing_day = models.PositiveSmallIntegerField(
        _("day of billing"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(28)],
        help_text=_("Day of the month on which the month before is billed."),
    )
    sla_uptime_percent = models.DecimalField(
        _("promised uptime (%)"),
        max_digits=6,
        decimal_places=3,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Of a calendar month, excused hours left out. Empty: nothing is promised."),
    )
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(
        _("ends on"), null=True, blank=True, help_text=_("Exclusive: the first day without it. Empty: open-ended.")
    )
    notice_days = models.PositiveSmallIntegerField(
        _("notice in days"), default=30, validators=[MaxValueValidator(1095)]
    )
    renewal_months = models.PositiveSmallIntegerField(
        _("renews itself by months"),
        default=0,
        validators=[MaxValueValidator(120)],
        help_text=_("At the end of its term, unless notice was given; 0: it just ends."),
    )
    notice_given_on = models.DateField(_("notice given on"), null=True, blank=True, editable=False)
    end_reason = NameField(_("reason of ending"), max_length=300, blank=True, default="", editable=False)
    activated_at = models.DateTimeField(_("active since"), null=True, blank=True, editable=False)
    internal_note = models.TextField(_("internal note"), blank=True, default="")

    objects = ContractQuerySet.as_manager()

    class Meta:
        verbose_name = _("contract")
        verbose_name_plural = _("contracts")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=ContractStatus.values), name="crm_contract_status_known"),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gt=models.F("starts_on")),
                name="crm_contract_term",
                violation_error_message=_("A contract must end after it begins."),
            ),
            models.CheckConstraint(condition=Q(billing_day__range=(1, 28)), name="crm_contract_billing_day"),
            models.CheckConstraint(
                condition=Q(sla_uptime_percent__isnull=True) | Q(sla_uptime_percent__range=(0, 100)),
                name="crm_contract_uptime_range",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "cancelled"]) | Q(activated_at__isnull=False),
                name="crm_contract_active_has_moment",
            ),
            models.CheckConstraint(
                condition=~Q(status="ended") | Q(ends_on__isnull=False), name="crm_contract_ended_has_day"
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="crm_contract_created")]
        permissions = [
            ("activate_contract", _("Can put contracts in force")),
            ("end_contract", _("Can end and cancel contracts")),
            ("export_contract", _("Can export contracts")),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

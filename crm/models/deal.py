"""A sale in the making."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.enums import DealStage, DealStatus, UnitCode
from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField, MoneyField, check_digits
from hashinsight.common.scoping import ScopedQuerySet


class DealQuerySet(ScopedQuerySet):
    """Deals; a draft is ours alone."""

    scope_path = "customer_id"
    scope_filter = {"status__in": [s.value for s in DealStatus if s != DealStatus.DRAFT]}


@tracked()
class Deal(BaseModel):
    """A sale in the making: ``stage`` says how likely it is, ``status`` how far the contract has come.

    draft      being written; the client does not see it
    pending    waits for approval inside the house
    approved   may be signed
    signed     both have signed (needs the stage closed won)
    completed  delivered; the invoice draft was made
    cancelled  came to nothing
    """

    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="deals"
    )
    lead = models.ForeignKey(
        "crm.Lead", verbose_name=_("lead"), null=True, blank=True, on_delete=models.PROTECT, related_name="deals"
    )
    legal_entity = models.ForeignKey(
        "crm.LegalEntity",
        verbose_name=_("our legal entity"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="deals",
    )
    title = NameField(_("title"))
    stage = models.CharField(
        _("stage"), max_length=16, choices=DealStage.choices, default=DealStage.DISCOVERY, editable=False
    )
    status = models.CharField(
        _("status"), max_length=16, choices=DealStatus.choices, default=DealStatus.DRAFT, editable=False
    )
    value = MoneyField(_("value"), decimal_places=8, max_digits=24, validators=[MinValueValidator(0)])
    currency = CurrencyField(_("currency"))
    probability = models.PositiveSmallIntegerField(
        _("probability (%)"), null=True, blank=True, validators=[MaxValueValidator(100)]
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=pgettext_lazy("salesperson", "owner"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="deals",
    )
    expected_close_on = models.DateField(_("expected close"), null=True, blank=True)
    actual_close_on = models.DateField(_("signed on"), null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True, editable=False)
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True, editable=False)
    from_conversion = models.BooleanField(_("made by the conversion of its lead"), default=False, editable=False)
    cancel_reason = NameField(_("reason of cancelling"), blank=True, default="", editable=False)
    source_ref = models.CharField(_("source row"), max_length=200, null=True, blank=True, unique=True, editable=False)
    is_sample = models.BooleanField(_("sample data"), default=False, editable=False)
    internal_note = models.TextField(_("internal note"), blank=True, default="")

    objects = DealQuerySet.as_manager()

    class Meta:
        verbose_name = _("deal")
        verbose_name_plural = _("deals")
        constraints = [
            models.CheckConstraint(condition=models.Q(value__gte=0), name="crm_deal_value_not_negative"),
            models.CheckConstraint(
                condition=models.Q(probability__isnull=True) | models.Q(probability__range=(0, 100)),
                name="crm_deal_probability_range",
            ),
            models.CheckConstraint(condition=models.Q(stage__in=DealStage.values), name="crm_deal_stage_known"),
            models.CheckConstraint(condition=models.Q(status__in=DealStatus.values), name="crm_deal_status_known"),
            models.CheckConstraint(
                condition=~models.Q(status__in=["signed", "completed"])
                | models.Q(stage="closed_won", actual_close_on__isnull=False),
                name="crm_deal_signed_is_won",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="completed") | models.Q(completed_at__isnull=False),
                name="crm_deal_completed_has_time",
            ),
            # A lead may have many deals, but its conversion made exactly one.
            models.UniqueConstraint(
                fields=["lead"], condition=models.Q(from_conversion=True), name="crm_deal_one_conversion"
            ),
        ]
        indexes = [
            models.Index(fields=["status", "-id"], name="crm_deal_status"),
            models.Index(fields=["stage", "-id"], name="crm_deal_stage"),
            models.Index(fields=["-created_at", "-id"], name="crm_deal_created"),
        ]
        permissions = [
            ("move_deal", _("Can change the stage of deals")),
            ("approve_deal", _("Can approve deals")),
            ("sign_deal", _("Can sign deals")),
            ("complete_deal", _("Can complete deals")),
            ("cancel_deal", _("Can cancel deals")),
            ("export_deal", _("Can export deals")),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        """The value has the digits of its currency."""
        check_digits(self.value, self.currency, field="value")


class DealLineQuerySet(ScopedQuerySet):
    """Lines of deals."""

    scope_path = "deal__customer_id"
    scope_filter = {"deal__" + key: value for key, value in DealQuerySet.scope_filter.items()}


@tracked()
class DealLine(BaseModel):
    """What a deal sells: becomes a line of the invoice draft when the deal is completed."""

    deal = models.ForeignKey(Deal, verbose_name=_("deal"), on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    product = models.ForeignKey(
        "crm.Product", verbose_name=_("product"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    description = NameField(_("description"), max_length=500)
    quantity = models.DecimalField(_("quantity"), max_digits=16, decimal_places=3, default=1)
    unit_code = models.CharField(_("unit"), max_length=3, choices=UnitCode.choices, default=UnitCode.UNIT)
    unit_price = models.DecimalField(_("unit price"), max_digits=20, decimal_places=8)

    objects = DealLineQuerySet.as_manager()

    class Meta:
        verbose_name = _("deal line")
        verbose_name_plural = _("deal lines")
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="crm_dealline_quantity_positive"),
            models.CheckConstraint(condition=models.Q(unit_price__gte=0), name="crm_dealline_price_not_negative"),
        ]

    def __str__(self) -> str:
        return self.description

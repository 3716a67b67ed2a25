"""Somebody who may become a customer."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.enums import LeadSource, LeadStatus
from crm.models.fields import NameField, TimeZoneField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField, MoneyField, check_digits


@tracked()
class Lead(BaseModel):
    """Somebody who may become a customer, or a customer who may buy more.

    new          nobody has spoken to them yet
    contacted    somebody has
    qualified    need, power and money are there
    negotiation  terms are being discussed
    won          converted: a deal exists (the only way in is the conversion)
    lost         came to nothing; may be taken up again
    """

    title = NameField(_("title"))
    name = NameField(_("contact person"), max_length=100, blank=True, default="")
    company = NameField(_("company"), blank=True, default="")
    email = models.EmailField(_("e-mail address"), blank=True, default="")
    phone = NameField(_("phone"), max_length=50, blank=True, default="")
    customer = models.ForeignKey(
        "crm.Customer",
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="leads",
    )
    status = models.CharField(
        _("status"), max_length=16, choices=LeadStatus.choices, default=LeadStatus.NEW, editable=False
    )
    source = models.CharField(_("source"), max_length=100, choices=LeadSource.choices, default=LeadSource.OTHER)
    score = models.PositiveSmallIntegerField(_("score"), null=True, blank=True, validators=[MaxValueValidator(100)])
    value = MoneyField(
        _("expected value"),
        decimal_places=8,
        max_digits=24,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    currency = CurrencyField(_("currency"))
    time_zone = TimeZoneField(_("time zone"))
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=pgettext_lazy("salesperson", "owner"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="leads",
    )
    lost_reason = NameField(_("reason it was lost"), blank=True, default="", editable=False)
    converted_at = models.DateTimeField(_("converted at"), null=True, blank=True, editable=False)
    source_ref = models.CharField(_("source row"), max_length=200, null=True, blank=True, unique=True, editable=False)
    is_sample = models.BooleanField(_("sample data"), default=False, editable=False)
    internal_note = models.TextField(_("internal note"), blank=True, default="")

    class Meta:
        verbose_name = _("lead")
        verbose_name_plural = _("leads")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(score__isnull=True) | models.Q(score__range=(0, 100)), name="crm_lead_score_range"
            ),
            models.CheckConstraint(
                condition=models.Q(value__isnull=True) | models.Q(value__gte=0), name="crm_lead_value_not_negative"
            ),
            models.CheckConstraint(condition=models.Q(status__in=LeadStatus.values), name="crm_lead_status_known"),
            models.CheckConstraint(
                condition=~models.Q(status="won") | models.Q(customer__isnull=False, converted_at__isnull=False),
                name="crm_lead_won_has_customer",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "-id"], name="crm_lead_status"),
            models.Index(fields=["-created_at", "-id"], name="crm_lead_created"),
        ]
        permissions = [
            ("convert_lead", _("Can convert leads")),
            ("move_lead", _("Can change the status of leads")),
            ("export_lead", _("Can export leads")),
            ("import_lead", _("Can import leads")),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        """The value has the digits of its currency."""
        check_digits(self.value, self.currency, field="value")

"""Rates between currencies, as typed in or loaded, by day."""

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField


@tracked()
class ExchangeRate(BaseModel):
    """What one unit of a currency is worth in another one on a day; used to value foreign documents in the books."""

    currency = CurrencyField(_("currency"))
    in_currency = CurrencyField(_("in currency"))
    valid_on = models.DateField(_("valid on"))
    rate = models.DecimalField(
        _("rate"),
        max_digits=24,
        decimal_places=12,
        validators=[MinValueValidator(0)],
        help_text=_("Units of the second currency for one unit of the first."),
    )
    source = NameField(_("source"), max_length=100, blank=True, default="")

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        constraints = [
            models.UniqueConstraint(
                fields=["currency", "in_currency", "valid_on"],
                name="crm_exchangerate_once",
                violation_error_message=_("There is a rate of this pair for that day already."),
            ),
            models.CheckConstraint(
                condition=models.Q(rate__gt=0) & ~models.Q(currency=models.F("in_currency")),
                name="crm_exchangerate_sense",
                violation_error_message=_("A rate is greater than zero and between two different currencies."),
            ),
        ]
        indexes = [models.Index(fields=["-valid_on", "-id"], name="crm_exchangerate_newest")]

    def __str__(self) -> str:
        return f"{self.currency}/{self.in_currency} {self.valid_on}"

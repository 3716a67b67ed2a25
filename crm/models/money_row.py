"""What rows of customers' money have in common."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField, MoneyField


class RecordedRow(BaseModel):
    """Something a person recorded, once and for all; None where the product did it by itself."""

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("recorded by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )

    class Meta:
        abstract = True


class MoneyRow(RecordedRow):
    """Money of a customer that moved: how much, in which currency, and who recorded it."""

    amount = MoneyField(_("amount"), decimal_places=8, max_digits=24)
    currency = CurrencyField(_("currency"))
    is_sample = models.BooleanField(_("sample data"), default=False, editable=False)

    class Meta:
        abstract = True

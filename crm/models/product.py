"""What we sell."""

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import UnitCode
from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField


@tracked()
class Product(BaseModel):
    """An offer with a list price: rack space, power, set-up, a machine."""

    code = models.CharField(
        _("code"),
        max_length=40,
        unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9._-]+$", _("Use letters, digits, dots, dashes and underscores."))],
    )
    name = NameField(_("name"))
    description = models.TextField(_("description"), blank=True, default="")
    unit_code = models.CharField(_("unit"), max_length=3, choices=UnitCode.choices, default=UnitCode.UNIT)
    unit_price = models.DecimalField(
        _("list price"), max_digits=20, decimal_places=8, validators=[MinValueValidator(0)]
    )
    currency = CurrencyField(_("currency"))
    tax_code = models.ForeignKey(
        "crm.TaxCode",
        verbose_name=_("tax code"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="products",
    )
    is_active = models.BooleanField(_("active"), default=True)
    source_ref = models.CharField(_("source"), max_length=200, null=True, blank=True, unique=True, editable=False)

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [
            models.CheckConstraint(condition=models.Q(unit_price__gte=0), name="crm_product_price_not_negative")
        ]
        permissions = [("import_product", _("Can import products"))]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

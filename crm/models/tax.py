"""Taxes as simple dated rates."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import TaxCategory
from crm.models.fields import NameField, validate_exemption_code
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.ranges import ends_after_it_begins, no_overlap


@tracked()
class TaxCode(BaseModel):
    """A way of taxing a sale, for example the German standard rate or reverse charge; its rates are dated."""

    code = models.CharField(
        _("code"),
        max_length=30,
        unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9._-]+$", _("Use letters, digits, dots, dashes and underscores."))],
    )
    name = NameField(_("name"), max_length=100)
    category = models.CharField(_("category"), max_length=2, choices=TaxCategory.choices, default=TaxCategory.STANDARD)
    exemption_reason = NameField(_("reason printed when no tax is charged"), max_length=300, blank=True, default="")
    exemption_code = models.CharField(
        _("VATEX code"),
        max_length=30,
        blank=True,
        default="",
        db_default="",
        validators=[validate_exemption_code],
        help_text=_("Why no tax is charged, as a code for e-invoices. Only exempt sales need to choose one."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("tax code")
        verbose_name_plural = _("tax codes")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(category__in=["S", "Z"]) | ~models.Q(exemption_reason=""),
                name="crm_taxcode_reason_when_untaxed",
                violation_error_message=_("State the reason that is printed when no tax is charged."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} – {self.name}"


@tracked()
class TaxRate(BaseModel):
    """The rate of a tax code from one day to another (exclusive); periods of one code cannot overlap."""

    tax_code = models.ForeignKey(TaxCode, verbose_name=_("tax code"), on_delete=models.PROTECT, related_name="rates")
    rate = models.DecimalField(
        _("rate (%)"),
        max_digits=6,
        decimal_places=3,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(
        _("valid to"), null=True, blank=True, help_text=_("Exclusive; empty: until further notice.")
    )

    class Meta:
        verbose_name = _("tax rate")
        verbose_name_plural = _("tax rates")
        constraints = [
            ends_after_it_begins("crm_taxrate_period"),
            models.CheckConstraint(condition=models.Q(rate__range=(0, 100)), name="crm_taxrate_range"),
            no_overlap(
                "crm_taxrate_no_overlap",
                "tax_code",
                message=_("Another rate of this tax code is valid in that period."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tax_code.code} {self.rate} %"

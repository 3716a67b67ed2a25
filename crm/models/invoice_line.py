"""The lines of an invoice."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import TaxCategory, UnitCode
from crm.models.fields import NameField
from crm.models.invoice import InvoiceQuerySet
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import MoneyField
from hashinsight.common.scoping import ScopedQuerySet


class InvoiceLineQuerySet(ScopedQuerySet):
    """Lines of invoices."""

    scope_path = "invoice__customer_id"
    scope_filter = {"invoice__" + key: value for key, value in InvoiceQuerySet.scope_filter.items()}


@tracked()
class InvoiceLine(BaseModel):
    """One thing billed. Tax category and rate are looked up while it is a draft and frozen at issue."""

    invoice = models.ForeignKey(
        "crm.Invoice", verbose_name=_("invoice"), on_delete=models.CASCADE, related_name="lines"
    )
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    product = models.ForeignKey(
        "crm.Product", verbose_name=_("product"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    description = NameField(_("description"), max_length=500)
    service_from = models.DateField(_("service from"), null=True, blank=True)
    service_to = models.DateField(_("service to"), null=True, blank=True)
    quantity = models.DecimalField(_("quantity"), max_digits=16, decimal_places=3, default=1)
    unit_code = models.CharField(_("unit"), max_length=3, choices=UnitCode.choices, default=UnitCode.UNIT)
    unit_price = models.DecimalField(_("unit price"), max_digits=20, decimal_places=8)
    net_amount = MoneyField(_("net"), default=0, decimal_places=8, max_digits=24, editable=False)
    tax_code = models.ForeignKey(
        "crm.TaxCode", verbose_name=_("tax code"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    tax_category = models.CharField(
        _("tax category"), max_length=2, choices=TaxCategory.choices, default=TaxCategory.NOT_SUBJECT, editable=False
    )
    tax_rate = models.DecimalField(_("tax rate (%)"), max_digits=6, decimal_places=3, default=0, editable=False)
    exemption_reason = NameField(_("reason without tax"), max_length=300, blank=True, default="", editable=False)
    exemption_code = models.CharField(
        _("VATEX code"), max_length=30, blank=True, default="", db_default="", editable=False
    )
    corrects_position = models.PositiveSmallIntegerField(
        _("position of the line it takes back"), null=True, blank=True, editable=False
    )

    objects = InvoiceLineQuerySet.as_manager()

    class Meta:
        verbose_name = _("invoice line")
        verbose_name_plural = _("invoice lines")
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(quantity=0), name="crm_invoiceline_quantity_not_zero"),
            models.CheckConstraint(condition=models.Q(tax_rate__range=(0, 100)), name="crm_invoiceline_tax_range"),
        ]

    def __str__(self) -> str:
        return self.description

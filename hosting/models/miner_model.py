"""The catalogue of machines."""

from collections.abc import Collection
from typing import Self

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import MoneyField
from hashinsight.common.scoping import ScopedQuerySet
from hosting.enums import Cooling


class MinerModelQuerySet(ScopedQuerySet):
    """The catalogue; a client sees the models of own machines, and what is shipped and offered."""

    scope_path = "miners__customer_id"

    def of_customers(self, ids: Collection[int]) -> Self:
        """Through machines; what the house entered itself may have been made for one of them."""
        from hosting.models import Miner  # noqa: PLC0415  (the models name each other)

        own = Exists(Miner.objects.of_customers(ids).filter(model_id=OuterRef("pk")))
        return self.filter(own | Q(is_shipped=True, is_active=True))


@tracked(exclude=["efficiency_j_th"])
class MinerModel(BaseModel):
    """A model of a SHA-256 machine as its maker sells it; the efficiency is computed by the database."""

    name = NameField(_("model"), max_length=100)
    manufacturer = NameField(_("maker"), max_length=50)
    hashrate_ths = models.DecimalField(
        _("hashrate (TH/s)"), max_digits=12, decimal_places=4, validators=[MinValueValidator(0)]
    )
    power_w = models.DecimalField(_("power (W)"), max_digits=10, decimal_places=2, validators=[MinValueValidator(0)])
    efficiency_j_th = models.GeneratedField(
        expression=F("power_w") / F("hashrate_ths"),
        output_field=models.DecimalField(_("efficiency (J/TH)"), max_digits=14, decimal_places=4),
        db_persist=True,
        verbose_name=_("efficiency (J/TH)"),
    )
    list_price_usd = MoneyField(_("list price (USD)"), null=True, blank=True)
    released_on = models.DateField(_("released"), null=True, blank=True)
    cooling = models.CharField(_("cooling"), max_length=16, choices=Cooling.choices, default=Cooling.AIR)
    chip = NameField(_("chip"), max_length=50, blank=True, default="")
    inlet_min_c = models.SmallIntegerField(_("coldest inlet (°C)"), null=True, blank=True)
    inlet_max_c = models.SmallIntegerField(_("warmest inlet (°C)"), null=True, blank=True)
    chip_max_c = models.SmallIntegerField(
        _("chips no hotter than this to start (°C)"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("Curtailment starts no machine of this model above it; empty: the limit of the site alone."),
    )  # fmt: skip
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("An archived model stays with its machines and is offered no more.")
    )
    source = NameField(_("source of the figures"), max_length=300, blank=True, default="")
    note = NameField(_("note"), max_length=300, blank=True, default="")
    is_shipped = models.BooleanField(_("shipped with the product"), default=False, editable=False)

    objects = MinerModelQuerySet.as_manager()

    class Meta:
        verbose_name = _("miner model")
        verbose_name_plural = _("miner models")
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="hosting_minermodel_name_once",
                violation_error_message=_("There is a model of this name already."),
            ),
            models.CheckConstraint(
                condition=Q(hashrate_ths__gt=0, power_w__gt=0),
                name="hosting_minermodel_figures_positive",
                violation_error_message=_("Hashrate and power must be above zero."),
            ),
            models.CheckConstraint(condition=Q(cooling__in=Cooling.values), name="hosting_minermodel_cooling_known"),
            models.CheckConstraint(
                condition=Q(inlet_min_c__isnull=True)
                | Q(inlet_max_c__isnull=True)
                | Q(inlet_min_c__lt=F("inlet_max_c")),
                name="hosting_minermodel_inlet_range",
                violation_error_message=_("The coldest inlet must be below the warmest."),
            ),
            models.CheckConstraint(
                condition=Q(chip_max_c__isnull=True) | Q(chip_max_c__gt=0),
                name="hosting_minermodel_chip_max_positive",
                violation_error_message=_("A limit must be above zero."),
            ),
        ]
        permissions = [("export_minermodel", _("Can export miner models"))]

    def __str__(self) -> str:
        return self.name

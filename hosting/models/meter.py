"""Meters of sites: what flows through the wires, said by no machine; and what they showed at which moment.

Readings are what was measured, multiplied by the ratio of the meter's transformers: kW and kWh as they really were.
"""

from decimal import Decimal
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.ids import new_public_id
from hashinsight.common.models import BaseModel
from hashinsight.common.scoping import ScopedQuerySet
from hosting.meter_enums import (
    MeterChangeKind,
    MeterFeed,
    MeterScope,
    MeterSource,
    ModbusFunction,
    ModbusType,
    WordOrder,
)
from hosting.models.fields import EnergyField, KilowattField

LEAST_INTERVAL_S, MOST_INTERVAL_S = 10, 86_400
LEAST_RATIO, MOST_RATIO = Decimal("0.000001"), Decimal(1_000_000)


class MeterQuerySet(ScopedQuerySet):
    """Meters are the house's own affair: a client sees none, so there is no path to a customer."""

    def in_use(self, on: Any) -> Any:
        """Those that count on a day of the calendar."""
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=on), valid_from__lte=on)


def _ratio(label: Any, help_text: Any) -> models.DecimalField:
    return models.DecimalField(
        label, max_digits=16, decimal_places=6, default=Decimal(1), help_text=help_text,
        validators=[MinValueValidator(LEAST_RATIO), MaxValueValidator(MOST_RATIO)],
    )  # fmt: skip


def _register(label: Any, help_text: Any = "") -> models.PositiveIntegerField:
    return models.PositiveIntegerField(
        label, null=True, blank=True, validators=[MaxValueValidator(65_535)], help_text=help_text
    )


def _register_type(label: Any) -> models.CharField:
    return models.CharField(label, max_length=8, choices=ModbusType.choices, default=ModbusType.FLOAT32)


class _Modbus(models.Model):
    """How an edge device reads the meter over Modbus TCP; without an address it is not read that way."""

    modbus_address = models.CharField(
        _("Modbus address"), max_length=253, blank=True, default="", help_text=_("IP address or name in that network.")
    )
    modbus_port = models.PositiveIntegerField(
        _("port"), default=502, validators=[MinValueValidator(1), MaxValueValidator(65_535)]
    )
    modbus_unit = models.PositiveSmallIntegerField(_("unit"), default=1, validators=[MaxValueValidator(255)])
    modbus_function = models.PositiveSmallIntegerField(
        _("function"), choices=ModbusFunction.choices, default=ModbusFunction.INPUT
    )
    word_order = models.CharField(
        _("word order"), max_length=16, choices=WordOrder.choices, default=WordOrder.HIGH_FIRST
    )
    power_register = _register(_("register of the power"), _("Counted from 0, as it goes over the wire."))
    power_type = _register_type(_("type of the power"))
    power_scale = _ratio(_("scale of the power"), _("Makes kW of the figure: 0.001 for watts."))
    energy_register = _register(_("register of the energy"))
    energy_type = _register_type(_("type of the energy"))
    energy_scale = _ratio(_("scale of the energy"), _("Makes kWh of the figure: 0.001 for watt-hours."))

    class Meta:
        abstract = True


@tracked()
class Meter(BaseModel, _Modbus):
    """A meter of energy at a site: what it measures, how its figures are to be read, and who brings them."""

    site = models.ForeignKey("hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="meters")
    zone = models.ForeignKey(
        "hosting.Zone",
        verbose_name=_("zone"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="meters",
        help_text=_("Empty: the whole site."),
    )
    name = NameField(_("name"), max_length=100)
    serial = models.CharField(_("serial number"), max_length=100, blank=True, default="", help_text=_("Of its maker."))
    measures = models.CharField(_("measures"), max_length=8, choices=MeterScope.choices, default=MeterScope.SITE)
    feed = models.CharField(_("read by"), max_length=8, choices=MeterFeed.choices, default=MeterFeed.FILE)
    device = models.ForeignKey(
        "hosting.EdgeDevice",
        verbose_name=_("edge device"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="meters",
    )
    ratio = _ratio(
        _("ratio of the transformers"),
        _("Current ratio times voltage ratio: 1,000/5 A and 20,000/100 V make 40000. Readings are multiplied by it."),
    )
    most_kw = KilowattField(
        _("highest possible power (kW)"),
        null=True,
        blank=True,
        help_text=_("What is above is put aside. Empty: twice the capacity of the place."),
    )
    interval_s = models.PositiveIntegerField(
        _("seconds between readings"),
        default=60,
        validators=[MinValueValidator(LEAST_INTERVAL_S), MaxValueValidator(MOST_INTERVAL_S)],
    )
    valid_from = models.DateField(_("in use from"))
    valid_to = models.DateField(_("in use to"), null=True, blank=True, help_text=_("The first day it is not any more."))
    note = models.TextField(_("internal note"), blank=True, default="")

    objects = MeterQuerySet.as_manager()

    class Meta:
        verbose_name = _("meter")
        verbose_name_plural = _("meters")
        constraints = [
            models.UniqueConstraint(
                fields=["site", "name"],
                name="hosting_meter_name_once",
                violation_error_message=_("This site has a meter of this name already."),
            ),
            models.CheckConstraint(condition=Q(measures__in=MeterScope.values), name="hosting_meter_scope_known"),
            models.CheckConstraint(
                condition=Q(measures="site", zone__isnull=True) | ~Q(measures="site") & Q(zone__isnull=False),
                name="hosting_meter_zone_unless_site",
                violation_error_message=_("A meter of the whole site has no zone, any other has one."),
            ),
            models.CheckConstraint(
                condition=Q(feed="edge", device__isnull=False) | Q(feed__in=["api", "file"], device__isnull=True),
                name="hosting_meter_device_feeds",
                violation_error_message=_("An edge device is named for a meter that it reads, and for no other."),
            ),
            models.CheckConstraint(
                condition=Q(ratio__range=(LEAST_RATIO, MOST_RATIO)), name="hosting_meter_ratio_range"
            ),
            models.CheckConstraint(
                condition=Q(power_scale__range=(LEAST_RATIO, MOST_RATIO))
                & Q(energy_scale__range=(LEAST_RATIO, MOST_RATIO)),
                name="hosting_meter_scale_range",
            ),
            models.CheckConstraint(
                condition=Q(interval_s__range=(LEAST_INTERVAL_S, MOST_INTERVAL_S)), name="hosting_meter_interval_range"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")),
                name="hosting_meter_forward",
                violation_error_message=_("It ends after it begins."),
            ),
            models.CheckConstraint(
                condition=Q(modbus_address="")
                | Q(feed="edge") & (Q(power_register__isnull=False) | Q(energy_register__isnull=False)),
                name="hosting_meter_modbus_whole",
                violation_error_message=_("Modbus is for meters of an edge device, and needs a register."),
            ),
        ]
        permissions = [
            ("record_meterchange", _("Can record roll-overs and exchanges of meters")),
            ("import_meterreading", _("Can import readings of meters")),
        ]

    def __str__(self) -> str:
        return f"{self.site} / {self.name}"


class MeterReading(models.Model):
    """What a meter showed at a moment: power, the register of energy, or both; what it did not say is NULL.

    Written once: the database lets what is not known yet be added, and nothing be changed.
    """

    version: ClassVar[int] = 1

    public_id = models.UUIDField(_("public id"), default=new_public_id, unique=True, editable=False)
    meter = models.ForeignKey(Meter, verbose_name=_("meter"), on_delete=models.PROTECT, related_name="readings")
    recorded_at = models.DateTimeField(pgettext_lazy("figures", "recorded at"))
    power_kw = KilowattField(_("power (kW)"), null=True, blank=True)
    register_kwh = EnergyField(_("register (kWh)"), null=True, blank=True)
    ratio = models.DecimalField(
        _("ratio of the transformers"), max_digits=16, decimal_places=6, help_text=_("By which it was multiplied.")
    )
    source = models.SmallIntegerField(_("source"), choices=MeterSource.choices)
    received_at = models.DateTimeField(_("received at"), default=timezone.now)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("reading of a meter")
        verbose_name_plural = _("readings of meters")
        constraints = [
            models.UniqueConstraint(fields=["meter", "recorded_at"], name="hosting_meterreading_once"),
            models.CheckConstraint(
                condition=Q(power_kw__isnull=False) | Q(register_kwh__isnull=False),
                name="hosting_meterreading_says_something",
            ),
            models.CheckConstraint(
                condition=(Q(power_kw__isnull=True) | Q(power_kw__gte=0))
                & (Q(register_kwh__isnull=True) | Q(register_kwh__gte=0)),
                name="hosting_meterreading_not_negative",
            ),
        ]
        indexes = [models.Index(fields=["-recorded_at", "-id"], name="hosting_meterreading_at")]

    def __str__(self) -> str:
        return f"{self.meter_id} {self.recorded_at:%Y-%m-%d %H:%M:%S}"


@tracked()
class MeterChange(BaseModel):
    """From this moment on the register of a meter counts from another figure: it rolled over, or the meter is new."""

    meter = models.ForeignKey(Meter, verbose_name=_("meter"), on_delete=models.PROTECT, related_name="changes")
    changed_at = models.DateTimeField(_("at"))
    kind = models.CharField(_("what happened"), max_length=16, choices=MeterChangeKind.choices)
    before_kwh = EnergyField(_("last figure before (kWh)"), validators=[MinValueValidator(Decimal(0))])
    after_kwh = EnergyField(_("first figure after (kWh)"), validators=[MinValueValidator(Decimal(0))])
    serial = models.CharField(_("serial number of the new meter"), max_length=100, blank=True, default="")
    reason = NameField(_("reason"), max_length=200)

    class Meta:
        verbose_name = _("change of a meter")
        verbose_name_plural = _("changes of meters")
        ordering = ["changed_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["meter", "changed_at"],
                name="hosting_meterchange_once",
                violation_error_message=_("A change of this meter is known for this moment already."),
            ),
            models.CheckConstraint(condition=Q(kind__in=MeterChangeKind.values), name="hosting_meterchange_kind_known"),
            models.CheckConstraint(
                condition=Q(before_kwh__gte=0, after_kwh__gte=0), name="hosting_meterchange_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.meter} {self.changed_at:%Y-%m-%d %H:%M}"

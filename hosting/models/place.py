"""Where machines stand: sites, their zones, racks."""

from collections.abc import Collection
from typing import Any, Self, cast

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField, TimeZoneField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField
from hashinsight.common.scoping import ScopedQuerySet
from hosting.enums import PlaceStatus
from hosting.models.fields import KilowattField, PercentField, UnitPriceField


def _of_machines_or_terms(rows: Any, ids: Collection[int], column: str) -> Any:
    from hosting.models import HostingTerms, Miner  # noqa: PLC0415  (the models name each other)

    here = {column: OuterRef("pk")}
    return rows.filter(
        Exists(Miner.objects.of_customers(ids).filter(**here))
        | Exists(HostingTerms.objects.of_customers(ids).filter(**here))
    )


class SiteQuerySet(ScopedQuerySet):
    """Sites; a client sees those where own machines stand or own terms are agreed."""

    scope_path = "miners__customer_id"

    def of_customers(self, ids: Collection[int]) -> Self:
        """Through machines and terms."""
        return cast(Self, _of_machines_or_terms(self, ids, "site_id"))


@tracked()
class Site(BaseModel):
    """A place with a grid connection where machines are hosted.

    active    in use
    inactive  archived: kept for its history, takes no machine any more
    """

    name = NameField(_("name"), unique=True)
    location = NameField(_("location"), max_length=500, blank=True, default="")
    country = models.CharField(_("country"), max_length=2, blank=True, default="")
    time_zone = TimeZoneField(
        _("time zone"), help_text=_("Months, days and windows of price plans are reckoned in it.")
    )
    status = models.CharField(
        _("status"), max_length=16, choices=PlaceStatus.choices, default=PlaceStatus.ACTIVE, editable=False
    )
    legal_entity = models.ForeignKey(
        "crm.LegalEntity",
        verbose_name=_("our legal entity"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="sites",
    )
    capacity_kw = KilowattField(_("capacity (kW)"), help_text=_("What the grid connection gives."))
    currency = CurrencyField(_("currency"), help_text=_("Of our cost of energy here."))
    energy_cost_per_kwh = UnitPriceField(
        _("our cost of energy (per kWh)"),
        null=True,
        blank=True,
        help_text=_("What we pay, for margins and curtailment; clients pay what their price plan says."),
    )
    energy_series = models.ForeignKey(
        "marketdata.PriceSeries",
        verbose_name=_("energy prices"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="sites",
        limit_choices_to={"kind": "energy"},
        help_text=_("The market whose prices hold here; they are forecast for the next day."),
    )
    pue = models.DecimalField(
        _("PUE"),
        max_digits=5,
        decimal_places=3,
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
        help_text=_("Power of the whole site divided by that of the machines."),
    )
    collection_interval_s = models.PositiveIntegerField(
        _("seconds between readings"), default=300, validators=[MinValueValidator(10), MaxValueValidator(3600)]
    )
    internal_note = models.TextField(_("internal note"), blank=True, default="")

    objects = SiteQuerySet.as_manager()

    class Meta:
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=PlaceStatus.values), name="hosting_site_status_known"),
            models.CheckConstraint(condition=Q(capacity_kw__gte=0), name="hosting_site_capacity_not_negative"),
            models.CheckConstraint(condition=Q(pue__gte=1), name="hosting_site_pue_at_least_one"),
            models.CheckConstraint(
                condition=Q(collection_interval_s__range=(10, 3600)), name="hosting_site_interval_range"
            ),
        ]
        permissions = [("archive_site", _("Can archive sites and zones and take them into use again"))]

    def __str__(self) -> str:
        return self.name


class ZoneQuerySet(ScopedQuerySet):
    """Zones; a client sees those where own machines stand or own terms are agreed."""

    scope_path = "miners__customer_id"

    def of_customers(self, ids: Collection[int]) -> Self:
        """Through machines and terms."""
        return cast(Self, _of_machines_or_terms(self, ids, "zone_id"))


@tracked()
class Zone(BaseModel):
    """A part of a site behind one meter and one breaker: a hall, a row, a container.

    active    in use
    inactive  archived: kept for its history, takes no machine any more
    """

    site = models.ForeignKey(Site, verbose_name=_("site"), on_delete=models.PROTECT, related_name="zones")
    name = NameField(_("name"))
    status = models.CharField(
        _("status"), max_length=16, choices=PlaceStatus.choices, default=PlaceStatus.ACTIVE, editable=False
    )
    capacity_kw = KilowattField(_("capacity (kW)"), help_text=_("What the breaker or transformer gives."))
    max_utilisation_percent = PercentField(
        _("highest use (%)"),
        default=100,
        help_text=_("Of the capacity, by the nameplates of the machines placed in it; 80 is usual behind a breaker."),
    )
    phases = models.PositiveSmallIntegerField(
        _("phases"), default=3, validators=[MinValueValidator(1), MaxValueValidator(3)]
    )

    objects = ZoneQuerySet.as_manager()

    class Meta:
        verbose_name = _("zone")
        verbose_name_plural = _("zones")
        constraints = [
            models.UniqueConstraint(
                fields=["site", "name"],
                name="hosting_zone_name_once",
                violation_error_message=_("This site has a zone of this name already."),
            ),
            models.UniqueConstraint(fields=["id", "site"], name="hosting_zone_of_site"),
            models.CheckConstraint(condition=Q(status__in=PlaceStatus.values), name="hosting_zone_status_known"),
            models.CheckConstraint(condition=Q(capacity_kw__gte=0), name="hosting_zone_capacity_not_negative"),
            models.CheckConstraint(
                condition=Q(max_utilisation_percent__range=(0, 100)), name="hosting_zone_utilisation_range"
            ),
            models.CheckConstraint(condition=Q(phases__range=(1, 3)), name="hosting_zone_phases_range"),
        ]

    def __str__(self) -> str:
        return f"{self.site} / {self.name}"

    @property
    def usable_kw(self) -> Any:
        """What may be placed here, by nameplate."""
        return self.capacity_kw * self.max_utilisation_percent / 100


class RackQuerySet(ScopedQuerySet):
    """Racks; a client sees those with own machines."""

    scope_path = "miners__customer_id"

    def of_customers(self, ids: Collection[int]) -> Self:
        """Through machines."""
        from hosting.models import Miner  # noqa: PLC0415  (the models name each other)

        return self.filter(Exists(Miner.objects.of_customers(ids).filter(rack_id=OuterRef("pk"))))


@tracked()
class Rack(BaseModel):
    """A shelf in a zone with numbered slots. Building and row are words, for finding it."""

    zone = models.ForeignKey(Zone, verbose_name=_("zone"), on_delete=models.PROTECT, related_name="racks")
    building = NameField(_("building"), max_length=60, blank=True, default="")
    row = NameField(_("row"), max_length=60, blank=True, default="")
    name = NameField(_("name"), max_length=60)
    slots = models.PositiveSmallIntegerField(
        _("slots"), default=24, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    columns = models.PositiveSmallIntegerField(
        _("slots side by side"),
        default=4,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("How the map draws it."),
    )

    objects = RackQuerySet.as_manager()

    class Meta:
        verbose_name = _("rack")
        verbose_name_plural = _("racks")
        constraints = [
            models.UniqueConstraint(
                fields=["zone", "building", "row", "name"],
                name="hosting_rack_name_once",
                violation_error_message=_("There is a rack of this name already."),
            ),
            models.UniqueConstraint(fields=["id", "zone"], name="hosting_rack_of_zone"),
            models.CheckConstraint(condition=Q(slots__range=(1, 1000)), name="hosting_rack_slots_range"),
        ]
        indexes = [GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="hosting_rack_name_letters")]

    def __str__(self) -> str:
        return " ".join(part for part in (self.building, self.row, self.name) if part)


@tracked()
class SiteHoliday(BaseModel):
    """A day that price windows treat as a holiday at a site."""

    site = models.ForeignKey(Site, verbose_name=_("site"), on_delete=models.CASCADE, related_name="holidays")
    day = models.DateField(_("day"))
    name = NameField(_("name"), max_length=100)

    class Meta:
        verbose_name = _("holiday")
        verbose_name_plural = _("holidays")
        ordering = ["site_id", "day"]
        constraints = [
            models.UniqueConstraint(
                fields=["site", "day"],
                name="hosting_holiday_once",
                violation_error_message=_("This day is a holiday already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.name}"

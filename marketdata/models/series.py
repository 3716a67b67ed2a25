"""Price series of every kind: energy by market zone, exchange rates, forecasts of others."""

from datetime import datetime
from typing import Any, ClassVar, Self

import pgtrigger
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from marketdata.enums import Adapter, KnownFrom, SeriesKind
from marketdata.models.fields import SharedQuerySet

NO_CURRENCY = "XXX"  # ISO 4217


@tracked(quiet=["asked_at", "answered_at", "trouble"])
class PriceSeries(BaseModel):
    """One quantity over time: day-ahead energy of a market zone, an exchange rate, a published forecast.

    Its values are intervals; what became known when is kept, so that the past can be judged by what was known then.
    """

    code = models.SlugField(_("code"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=12, choices=SeriesKind.choices, default=SeriesKind.ENERGY)
    market_zone = models.CharField(_("market zone"), max_length=60, blank=True, default="")
    currency = models.CharField(_("currency"), max_length=3)
    unit = models.CharField(_("per"), max_length=20, default="MWh")
    step_minutes = models.PositiveSmallIntegerField(
        _("interval (minutes)"), default=60, validators=[MinValueValidator(5)]
    )
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    known_from = models.CharField(
        _("known"), max_length=12, choices=KnownFrom.choices, default=KnownFrom.END,
        help_text=_("When a value whose file or feed does not say so became known."),
    )  # fmt: skip
    source = models.CharField(_("source"), max_length=200, blank=True, default="")
    adapter = models.CharField(_("new values come"), max_length=12, choices=Adapter.choices, default=Adapter.NONE)
    url = models.URLField(_("address"), max_length=500, blank=True, default="")
    mapping = models.JSONField(
        _("where the values are"), default=dict, blank=True,
        help_text=_("Names in the answer: rows, start, end, value, currency; and divide_by for another unit."),
    )  # fmt: skip
    every_minutes = models.PositiveSmallIntegerField(_("asked every (minutes)"), default=60)
    stale_after_minutes = models.PositiveIntegerField(_("stale after (minutes)"), default=180)
    lowest = models.DecimalField(_("lowest plausible value"), max_digits=16, decimal_places=6, default=-5000)
    highest = models.DecimalField(_("highest plausible value"), max_digits=16, decimal_places=6, default=20000)
    is_active = models.BooleanField(_("active"), default=True)
    asked_at = models.DateTimeField(_("last asked"), null=True, blank=True, editable=False)
    answered_at = models.DateTimeField(_("last good answer"), null=True, blank=True, editable=False)
    trouble = models.CharField(_("last trouble"), max_length=300, blank=True, default="", editable=False)

    objects: ClassVar[Any] = SharedQuerySet.as_manager()

    class Meta:
        verbose_name = _("price series")
        verbose_name_plural = _("price series")
        ordering = ("name",)
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=SeriesKind.values), name="marketdata_series_kind_known"),
            models.CheckConstraint(
                condition=Q(step_minutes__range=(5, 1440)),
                name="marketdata_series_step",
                violation_error_message=_("An interval is between 5 minutes and a day."),
            ),
            models.CheckConstraint(
                condition=Q(lowest__lt=F("highest")),
                name="marketdata_series_bounds",
                violation_error_message=_("The lowest plausible value must be below the highest."),
            ),
            models.CheckConstraint(condition=Q(adapter__in=Adapter.values), name="marketdata_series_adapter_known"),
            models.CheckConstraint(
                condition=Q(known_from__in=KnownFrom.values), name="marketdata_series_known_from_known"
            ),
            models.CheckConstraint(
                condition=Q(adapter=Adapter.NONE) | ~Q(url=""),
                name="marketdata_series_adapter_has_url",
                violation_error_message=_("A series that is asked for needs an address."),
            ),
        ]
        permissions = [("import_priceseries", _("Can import prices"))]

    def __str__(self) -> str:
        return self.name

    @property
    def per(self) -> str:
        """Currency per unit, as it is said; what is no money (XXX) is in its unit alone."""
        return self.unit if self.currency == NO_CURRENCY else f"{self.currency}/{self.unit}"


class PointQuerySet(SharedQuerySet):
    """Values, every version of each."""

    def known(self, at: datetime) -> Self:
        """What was issued by then, but for values that whoever issued them had withdrawn by then."""
        withdrawn = PricePoint.objects.filter(
            series=OuterRef("series"), starts_at=OuterRef("starts_at"), is_withdrawn=True, issued_at__lte=at,
            version__gte=OuterRef("version"),
        )  # fmt: skip
        return self.filter(~Exists(withdrawn), issued_at__lte=at)


class PricePoint(models.Model):
    """The value of an interval as it was known from ``issued_at`` on. Never changed: a correction is a later row.

    A later row that is withdrawn says that there is no value any more, until another one follows it.
    """

    append_only = True

    series = models.ForeignKey(PriceSeries, verbose_name=_("series"), on_delete=models.PROTECT, related_name="points")
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"))
    value = models.DecimalField(_("value"), max_digits=20, decimal_places=6)
    issued_at = models.DateTimeField(_("known since"))
    version = models.PositiveSmallIntegerField(_("version"), default=1)
    is_settled = models.BooleanField(_("settled"), default=False)
    is_withdrawn = models.BooleanField(_("withdrawn"), default=False, db_default=False)
    source = models.CharField(_("source"), max_length=100, blank=True, default="")
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = PointQuerySet.as_manager()

    class Meta:
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        constraints = [
            models.UniqueConstraint(fields=["series", "starts_at", "version"], name="marketdata_point_version_once"),
            models.UniqueConstraint(fields=["series", "starts_at", "issued_at"], name="marketdata_point_issue_once"),
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="marketdata_point_interval"),
        ]
        indexes = [
            models.Index(fields=["series", "starts_at", "-issued_at"], name="marketdata_point_known"),
            models.Index(
                fields=["series", "starts_at"], condition=Q(is_withdrawn=True), name="marketdata_point_withdrawn"
            ),
        ]
        triggers = [pgtrigger.Protect(name="never_changed", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.series} {self.starts_at:%Y-%m-%d %H:%M}"

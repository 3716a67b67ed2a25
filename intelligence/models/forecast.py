"""Forecasts as they were made, and what they turned out to be worth."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.common.ids import new_public_id
from intelligence.enums import ForecastKind, Verdict
from marketdata.models.fields import SharedQuerySet


class ForecastQuerySet(SharedQuerySet):
    """Runs."""

    def current(self) -> "ForecastQuerySet":
        """The newest of each kind and series."""
        return self.filter(is_current=True)


class ForecastRun(models.Model):
    """One computation: from which days, by which model with which parameters, and the hash of what it was made from.

    The same data and model give the same run. A backtest is a run made afterwards with what was known then; it is
    scored like any other and never published as if it had been known.
    """

    version: ClassVar[int] = 1

    public_id = models.UUIDField(_("public id"), default=new_public_id, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=12, choices=ForecastKind.choices)
    series = models.ForeignKey(
        "marketdata.PriceSeries",
        verbose_name=_("price series"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="forecasts",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("asked by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Empty: made by the daily job. A forecast is everybody's, whoever asked."),
    )
    is_current = models.BooleanField(_("current"), default=False)
    is_backtest = models.BooleanField(_("backtest"), default=False)
    issued_at = models.DateTimeField(_("issued"), help_text=_("The end of the last day it knows."))
    computed_at = models.DateTimeField(_("computed at"))
    checked_at = models.DateTimeField(_("last looked at"))
    took_s = models.DecimalField(_("took (s)"), max_digits=8, decimal_places=3, null=True)
    window_from = models.DateTimeField(_("from"))
    observations = models.PositiveIntegerField(_("observations"))
    model_name = models.CharField(_("model"), max_length=60)
    model_version = models.CharField(_("version of the model"), max_length=40)
    params = models.JSONField(_("parameters"), default=dict)
    flags = models.JSONField(_("remarks"), default=list, blank=True)
    data_hash = models.CharField(_("hash of the data"), max_length=64)
    expires_at = models.DateTimeField(_("expires"))

    objects = ForecastQuerySet.as_manager()

    class Meta:
        verbose_name = _("forecast")
        verbose_name_plural = _("forecasts")
        ordering = ("-issued_at", "-id")
        indexes = [models.Index(fields=["kind", "-issued_at"], name="intelligence_run_kind")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "series", "issued_at", "model_version", "data_hash"],
                name="intelligence_run_once",
                nulls_distinct=False,
            ),
            models.UniqueConstraint(
                fields=["kind", "series"], condition=Q(is_current=True), name="intelligence_run_one_current",
                nulls_distinct=False,
            ),
            models.CheckConstraint(condition=Q(kind__in=ForecastKind.values), name="intelligence_run_kind_known"),
            models.CheckConstraint(condition=Q(observations__gte=60), name="intelligence_run_enough"),
        ]  # fmt: skip
        permissions = [("run_forecast", _("Can have forecasts made"))]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.issued_at:%Y-%m-%d}"


class ForecastPoint(models.Model):
    """What a run says of a moment: the value, its bounds, and the naive forecast beside it."""

    run = models.ForeignKey(ForecastRun, verbose_name=_("forecast"), on_delete=models.CASCADE, related_name="points")
    horizon = models.PositiveSmallIntegerField(_("horizon"), help_text=_("Days ahead; hours for energy."))
    at = models.DateTimeField(_("of"))
    value = models.DecimalField(_("value"), max_digits=30, decimal_places=8)
    lower = models.DecimalField(_("lower bound"), max_digits=30, decimal_places=8)
    upper = models.DecimalField(_("upper bound"), max_digits=30, decimal_places=8)
    naive = models.DecimalField(_("naive forecast"), max_digits=30, decimal_places=8)

    objects = SharedQuerySet.as_manager()

    class Meta:
        verbose_name = _("forecast value")
        verbose_name_plural = _("forecast values")
        ordering = ("horizon",)
        constraints = [
            models.UniqueConstraint(fields=["run", "horizon"], name="intelligence_point_once"),
            models.CheckConstraint(
                condition=Q(lower__lte=F("value"), value__lte=F("upper")), name="intelligence_point_bounds"
            ),
        ]
        indexes = [models.Index(fields=["at"], name="intelligence_point_at")]

    def __str__(self) -> str:
        return f"{self.horizon}: {self.value}"


class ForecastScore(models.Model):
    """How forecasts of a kind did at a horizon: those that are kept against what came. Errors are of logarithms."""

    kind = models.CharField(_("kind"), max_length=12, choices=ForecastKind.choices)
    series = models.ForeignKey(
        "marketdata.PriceSeries",
        verbose_name=_("price series"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
    )
    horizon = models.PositiveSmallIntegerField(_("horizon"))
    forecasts = models.PositiveIntegerField(_("forecasts"))
    mae = models.FloatField(_("mean absolute error"))
    rmse = models.FloatField(_("root mean square error"))
    naive_mae = models.FloatField(_("mean absolute error of no change"))
    skill = models.FloatField(_("skill"), null=True)
    coverage = models.FloatField(_("coverage of the interval"), null=True)
    verdict = models.CharField(_("verdict"), max_length=12, choices=Verdict.choices)
    scored_at = models.DateTimeField(_("scored at"), default=timezone.now)

    objects = SharedQuerySet.as_manager()

    class Meta:
        verbose_name = _("score of forecasts")
        verbose_name_plural = _("scores of forecasts")
        ordering = ("kind", "horizon")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "series", "horizon"], name="intelligence_score_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="intelligence_score_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.horizon}"

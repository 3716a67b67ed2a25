"""Coincident peaks: the hours of a grid whose load sets next year's charge, as a row for each version of the rule."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curtailment.engine.peaks import PeakTerms
from curtailment.enums import PeakPeriod
from curtailment.models.acting import ActingRule, rule_constraints
from hashinsight.common.audit import tracked
from hashinsight.common.ranges import ends_after_it_begins, no_overlap

INTERVALS = [(minutes, str(minutes)) for minutes in (15, 30, 60)]


def _lead(label: Any, help_text: Any) -> models.PositiveSmallIntegerField:
    return models.PositiveSmallIntegerField(
        label, default=30, validators=[MaxValueValidator(1440)], help_text=help_text
    )


@tracked(quiet=["state", "evaluated_at"])
class PeakRule(ActingRule):
    """Machines are off while the load of a grid is near the highest of its period, for that interval is charged.

    Which months and hours count, how long an interval is, how many peaks a period has: all of it is in the row, and a
    change of the market's rule is another row with a later ``valid_from``. Days are those of the site's calendar.
    """

    series = models.ForeignKey(
        "marketdata.PriceSeries",
        verbose_name=_("load of the grid"),
        on_delete=models.PROTECT,
        related_name="+",
        limit_choices_to={"kind": "load"},
    )
    forecast_series = models.ForeignKey(
        "marketdata.PriceSeries",
        verbose_name=_("forecast of the load"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        limit_choices_to={"kind": "load"},
    )
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"), null=True, blank=True, help_text=_("Exclusive; empty: for good."))
    months = ArrayField(
        models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(12)]),
        verbose_name=_("months"),
        help_text=_("Months in which a peak may be."),
    )
    interval_minutes = models.PositiveSmallIntegerField(_("interval (minutes)"), choices=INTERVALS, default=15)
    period = models.CharField(_("peaks are counted by"), max_length=8, choices=PeakPeriod.choices, default="month")
    peaks = models.PositiveSmallIntegerField(
        _("peaks in a period"), default=1, validators=[MinValueValidator(1), MaxValueValidator(50)]
    )
    one_a_day = models.BooleanField(_("one peak a day at most"), default=True)
    near_percent = models.DecimalField(
        _("near is (% of the highest so far)"),
        max_digits=5,
        decimal_places=2,
        default=97,
        validators=[MinValueValidator(50), MaxValueValidator(100)],
        help_text=_("Of several peaks the lowest of them counts."),
    )
    floor_mw = models.DecimalField(
        _("no peak below (MW)"), max_digits=14, decimal_places=3, validators=[MinValueValidator(0)]
    )
    lead_minutes = _lead(_("off before (minutes)"), _("Before an interval that is forecast to be near."))
    lag_minutes = _lead(_("off after (minutes)"), _("After an interval that was near: the next may be higher."))

    class Meta:
        verbose_name = _("peak rule")
        verbose_name_plural = _("peak rules")
        ordering = ["site__name", "name", "-valid_from"]
        constraints = [
            *rule_constraints("curtailment_peak"),
            ends_after_it_begins("curtailment_peak_period"),
            no_overlap(
                "curtailment_peak_no_overlap",
                "site",
                "name",
                message=_("Another version of this rule is valid in that period."),
            ),
            models.CheckConstraint(condition=Q(period__in=PeakPeriod.values), name="curtailment_peak_period_known"),
            models.CheckConstraint(
                condition=Q(interval_minutes__in=[minutes for minutes, _text in INTERVALS]),
                name="curtailment_peak_interval",
            ),
            models.CheckConstraint(condition=Q(goal_kw__isnull=False), name="curtailment_peak_goal"),
            models.CheckConstraint(condition=Q(near_percent__range=(50, 100)), name="curtailment_peak_near"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.valid_from})"

    @property
    def terms(self) -> PeakTerms:
        """The rule of the market, as the engine takes it."""
        return PeakTerms(
            months=tuple(sorted(self.months)), hours=self.hours, interval_minutes=self.interval_minutes,
            period=str(self.period), count=self.peaks, one_a_day=self.one_a_day, near_percent=self.near_percent,
            floor_mw=self.floor_mw, lead_minutes=self.lead_minutes, lag_minutes=self.lag_minutes,
        )  # fmt: skip

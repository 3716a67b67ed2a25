"""What all rules have that look at a series and want machines off: where, how much, when, and what holds meanwhile."""

from datetime import time
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from curtailment.engine.hours import Hours
from curtailment.enums import Goal, Selection
from hashinsight.common.models import BaseModel
from hosting.enums import StalePolicy
from hosting.models.fields import KilowattField

MINUTES_OF_A_MONTH = 44_640


def every_day() -> list[int]:
    """Monday (0) to Sunday (6)."""
    return list(range(7))


class ActingRule(BaseModel):
    """A rule that acts by itself, as far as a standing approval allows it.

    ``state`` is what it remembers between two looks at its data, so that a restart forgets nothing.
    """

    name = NameField(_("name"), max_length=100)
    site = models.ForeignKey("hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="+")
    is_active = models.BooleanField(_("active"), default=True)
    goal = models.CharField(_("goal"), max_length=8, choices=Goal.choices, default=Goal.REDUCE_BY)
    goal_kw = KilowattField(_("power (kW)"), null=True, blank=True)
    selection = models.CharField(
        _("which machines first"), max_length=16, choices=Selection.choices, default=Selection.EFFICIENCY
    )
    longest_minutes = models.PositiveIntegerField(
        _("longest time off (minutes)"),
        default=240,
        validators=[MinValueValidator(5), MaxValueValidator(MINUTES_OF_A_MONTH)],
        help_text=_("Of one plan. After it machines run, and the rule waits until its reason has passed once."),
    )
    weekdays = ArrayField(
        models.PositiveSmallIntegerField(validators=[MaxValueValidator(6)]), verbose_name=_("days"), default=every_day
    )
    time_from = models.TimeField(_("from (time of day)"), default=time(0))
    time_to = models.TimeField(
        _("to (time of day)"), default=time(0), help_text=_("Of the site's clock. The same twice: the whole day.")
    )
    priority = models.PositiveSmallIntegerField(
        _("priority"), default=100, help_text=_("The smaller, the more important: its machines go off first.")
    )
    stale_after_minutes = models.PositiveIntegerField(
        _("data are stale after (minutes)"),
        default=45,
        validators=[MinValueValidator(5), MaxValueValidator(10_080)],
        help_text=_("Counted from the end of the newest interval."),
    )
    median_times = models.DecimalField(
        _("not believed above (times the median)"),
        max_digits=7,
        decimal_places=2,
        default=5,
        validators=[MinValueValidator(Decimal("1.01"))],
        help_text=_("Of the last days. While such a value is the newest, the safe state is held."),
    )
    median_days = models.PositiveSmallIntegerField(
        _("days of the median"), default=7, validators=[MinValueValidator(1), MaxValueValidator(90)]
    )
    own_safe_state = models.CharField(
        _("our own machines, while data are stale"),
        max_length=16,
        choices=StalePolicy.choices,
        default=StalePolicy.HOLD,
        help_text=_("Machines of clients do what their terms say."),
    )
    own_safe_minutes = models.PositiveIntegerField(
        _("for at most (minutes)"), default=60, validators=[MaxValueValidator(10_080)], help_text=_("Then they run.")
    )
    state = models.JSONField(_("what it remembers"), default=dict, editable=False)
    evaluated_at = models.DateTimeField(_("last look"), null=True, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def hours(self) -> Hours:
        """When it may act."""
        return Hours(frozenset(self.weekdays), self.time_from, self.time_to, ZoneInfo(self.site.time_zone))


def rule_constraints(prefix: str) -> list[models.CheckConstraint]:
    """What must be true of every rule."""
    return [
        models.CheckConstraint(condition=Q(goal__in=Goal.values), name=f"{prefix}_goal_known"),
        models.CheckConstraint(condition=Q(selection__in=Selection.values), name=f"{prefix}_selection_known"),
        models.CheckConstraint(condition=Q(own_safe_state__in=StalePolicy.values), name=f"{prefix}_safe_known"),
        models.CheckConstraint(condition=Q(longest_minutes__range=(5, MINUTES_OF_A_MONTH)), name=f"{prefix}_longest"),
        models.CheckConstraint(condition=Q(median_times__gt=1), name=f"{prefix}_median"),
    ]

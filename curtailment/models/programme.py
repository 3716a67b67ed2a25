"""Programmes: who may call on our load, how much we committed to them and when, and what we do with their calls."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.models.fields import NameField
from curtailment.enums import Goal, OnTest, OnUnauthorised, OnUnusual, Selection
from hashinsight.common.audit import tracked
from hashinsight.common.encrypted import EncryptedField
from hashinsight.common.models import BaseModel
from hashinsight.common.ranges import ends_after_it_begins, no_overlap
from hosting.engine.windows import WindowError, parse_windows
from hosting.models.fields import KilowattField, PercentField

SECRETS = ("secret", "previous_secret")


def validate_hours(text: str) -> None:
    """A line for each window: ``6-9 workdays 14:00-20:00``."""
    try:
        parse_windows(text)
    except WindowError as error:
        raise ValidationError(
            _("Line %(line)s says no hours: %(text)s"), params={"line": error.line, "text": error.text}
        ) from error


def _limit(label: Any, *, most: int, help_text: Any = "") -> models.PositiveIntegerField:
    return models.PositiveIntegerField(
        label, null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(most)], help_text=help_text
    )


def _level(label: Any, standard: int) -> PercentField:
    return PercentField(label, default=Decimal(standard), help_text=_("Of what is committed."))


@tracked(exclude=SECRETS)
class Programme(BaseModel):
    """An agreement with somebody who may call on our load: a grid operator, an aggregator, a utility.

    What is committed to it stands in its commitments, what it calls in its dispatches. ``secret`` signs the messages
    that come by webhook; for a while after a rotation ``previous_secret`` does as well.
    """

    name = NameField(_("name"), max_length=100, unique=True)
    is_active = models.BooleanField(
        pgettext_lazy("programme", "on"), default=True, help_text=_("Off: its messages are turned away.")
    )
    priority = models.PositiveSmallIntegerField(
        _("priority"),
        default=50,
        validators=[MaxValueValidator(1000)],
        help_text=_("The smaller, the more important: whose an event is where several want it. Rules stand at 100."),
    )
    goal = models.CharField(_("goal"), max_length=8, choices=Goal.choices, default=Goal.REDUCE_BY)
    selection = models.CharField(
        _("which machines first"), max_length=16, choices=Selection.choices, default=Selection.EFFICIENCY
    )
    notice_minutes = models.PositiveIntegerField(
        _("notice we are owed (minutes)"), default=0, validators=[MaxValueValidator(10_080)]
    )
    ramp_seconds = models.PositiveIntegerField(
        _("time to get there (s)"),
        default=600,
        validators=[MaxValueValidator(86_400)],
        help_text=_("So long after its start the load has to be down. Where our ramp is slower we begin earlier."),
    )
    longest_minutes = _limit(_("longest dispatch (minutes)"), most=44_640, help_text=_("Empty: no limit."))
    calls_per_day = _limit(_("calls a day at most"), most=1_000, help_text=_("By the calendar of the site."))
    calls_per_season = _limit(
        _("calls a season at most"), most=10_000, help_text=_("A season is as long as a commitment is valid.")
    )
    allows_open_ended = models.BooleanField(
        _("may call without an end"), default=False, help_text=_("Until it is cancelled; you are reminded every day.")
    )
    on_test = models.CharField(_("a dispatch that is a test"), max_length=8, choices=OnTest.choices, default=OnTest.LOG)
    on_unauthorised = models.CharField(
        _("one that is not authorised"),
        max_length=8,
        choices=OnUnauthorised.choices,
        default=OnUnauthorised.REFUSE,
    )
    on_unusual = models.CharField(
        _("one beyond what was agreed"),
        max_length=8,
        choices=OnUnusual.choices,
        default=OnUnusual.REFUSE,
        help_text=_("Other hours, more power, less notice, longer or more often than agreed."),
    )
    on_skew = models.CharField(
        _("one sent by a wrong clock"), max_length=8, choices=OnUnusual.choices, default=OnUnusual.REFUSE
    )
    skew_seconds = models.PositiveIntegerField(
        _("a clock is wrong beyond (s)"), default=120, validators=[MinValueValidator(1), MaxValueValidator(86_400)]
    )
    level_1_percent = _level(_("level 1 (%)"), 33)
    level_2_percent = _level(_("level 2 (%)"), 66)
    level_3_percent = _level(_("level 3 (%)"), 100)
    note = NameField(_("note"), max_length=300, blank=True, default="")
    secret = EncryptedField(_("signing secret"))
    previous_secret = EncryptedField(_("previous signing secret"))
    previous_secret_until = models.DateTimeField(
        _("previous secret signs until"), null=True, blank=True, editable=False
    )
    is_drill = models.BooleanField(_("of a drill"), default=False, editable=False)

    # What the sealed columns add to the model.
    if TYPE_CHECKING:
        conceal_secret: Callable[[str], None]
        conceal_previous_secret: Callable[[str], None]
        reveal_secret: Callable[[], str]
        reveal_previous_secret: Callable[[], str]

    class Meta:
        verbose_name = _("programme")
        verbose_name_plural = _("programmes")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(goal__in=Goal.values), name="curtailment_programme_goal_known"),
            models.CheckConstraint(
                condition=Q(selection__in=Selection.values), name="curtailment_programme_selection_known"
            ),
            models.CheckConstraint(
                condition=Q(on_test__in=OnTest.values)
                & Q(on_unauthorised__in=OnUnauthorised.values)
                & Q(on_unusual__in=OnUnusual.values)
                & Q(on_skew__in=OnUnusual.values),
                name="curtailment_programme_policies_known",
            ),
        ]
        permissions = [("rotate_programme", _("Can change the signing secrets of programmes"))]

    def __str__(self) -> str:
        return self.name


@tracked()
class ProgrammeCommitment(BaseModel):
    """So much was committed to a programme at a site, for a time, in certain hours of the site's clock."""

    programme = models.ForeignKey(
        Programme, verbose_name=_("programme"), on_delete=models.PROTECT, related_name="commitments"
    )
    site = models.ForeignKey(
        "hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="programme_commitments"
    )
    kw = KilowattField(_("committed (kW)"), help_text=_("To reduce by, or to reduce to, as the programme says."))
    reserve_kw = KilowattField(
        _("kept running for it (kW)"),
        default=Decimal(0),
        help_text=_("So much load rules and schedules of less importance leave on in these hours."),
    )
    hours = models.TextField(
        _("hours"),
        blank=True,
        default="",
        max_length=2000,
        validators=[validate_hours],
        help_text=_("A line each, like 6-9 workdays 14:00-20:00; empty: always."),
    )
    valid_from = models.DateField(_("valid from"), help_text=_("First day, by the calendar of the site."))
    valid_to = models.DateField(
        _("valid to"), null=True, blank=True, help_text=_("Exclusive; empty: until further notice.")
    )

    class Meta:
        verbose_name = _("commitment")
        verbose_name_plural = _("commitments")
        ordering = ["programme_id", "site_id", "-valid_from"]
        constraints = [
            ends_after_it_begins("curtailment_commitment_period"),
            no_overlap(
                "curtailment_commitment_no_overlap",
                "programme",
                "site",
                message=_("Another commitment to this programme at this site is valid in that period."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.programme}: {self.site}, {self.kw.normalize():f} kW"

"""Periods as database ranges, begin inclusive and end exclusive, for constraints that forbid overlaps."""

from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.utils.translation import gettext_lazy as _


class DateRange(models.Func):
    """``daterange(from, to)``; an empty end is open."""

    function = "daterange"
    output_field = DateRangeField()


class MomentRange(models.Func):
    """``tstzrange(from, to)``; an empty end is open."""

    function = "tstzrange"
    output_field = DateTimeRangeField()


def no_overlap(
    name: str, *same: str, message: Any, moments: bool = False, condition: models.Q | None = None
) -> ExclusionConstraint:
    """Rows alike in ``same`` have periods ``valid_from`` to ``valid_to`` that do not overlap."""
    of = MomentRange if moments else DateRange
    period = of("valid_from", "valid_to", RangeBoundary(inclusive_lower=True, inclusive_upper=False))
    return ExclusionConstraint(
        name=name,
        expressions=[*((field, RangeOperators.EQUAL) for field in same), (period, RangeOperators.OVERLAPS)],
        condition=condition,
        violation_error_message=message,
    )


def ends_after_it_begins(name: str) -> models.CheckConstraint:
    """``valid_to`` is empty or later than ``valid_from``."""
    return models.CheckConstraint(
        condition=models.Q(valid_to__isnull=True) | models.Q(valid_to__gt=models.F("valid_from")),
        name=name,
        violation_error_message=_("A period must end after it begins."),
    )


class EpochSeconds(models.Func):
    """Seconds since 1970 of a moment, with their fraction; may stand in constraints: it depends on no setting."""

    template = "EXTRACT(EPOCH FROM %(expressions)s)"
    output_field = models.DecimalField(max_digits=20, decimal_places=6)

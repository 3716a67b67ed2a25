"""Rules that act: written by people, stopped when they are changed in what they look at, taken away or switched off."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm.domain.texts import printable
from curtailment.domain.rules.acting import Acting, Book, text_of
from curtailment.domain.rules.strikes import unit_fault
from curtailment.enums import Goal, RuleKind, StrikeBasis
from curtailment.models import PeakRule, StrikeRule
from curtailment.models.acting import ActingRule
from curtailment.models.peak import INTERVALS
from hashinsight.common.audit import audit_context
from hashinsight.common.transitions import lock_row
from marketdata.domain.exchange import usd_per
from marketdata.enums import SeriesKind

RuleT = TypeVar("RuleT", bound=ActingRule)
BEGINS_ANEW = frozenset({"site", "series", "forecast_series", "basis", "interval_minutes", "period", "months"})
MEGAWATT = "MW"


def kind_of(rule: ActingRule) -> RuleKind:
    """The kind of its keys."""
    return RuleKind.STRIKE if isinstance(rule, StrikeRule) else RuleKind.PEAK


def faults_of(rule: ActingRule, *, at: datetime) -> dict[str, str]:
    """What does not fit together, by field, in words for a form."""
    found: dict[str, str] = {}
    if not rule.weekdays:
        found["weekdays"] = _("Choose at least one day.")
    if rule.goal == Goal.REDUCE_BY and rule.goal_kw is not None and rule.goal_kw <= 0:
        found["goal_kw"] = _("State how much is to be off.")
    series: Any = getattr(rule, "series", None)
    if series is None or getattr(rule, "site", None) is None:
        return found
    if rule.stale_after_minutes < series.step_minutes:
        text = _("An interval of the series has %(minutes)s minutes: it would always be stale.")
        found["stale_after_minutes"] = text % {"minutes": series.step_minutes}
    if isinstance(rule, StrikeRule):
        found |= _faults_of_strike(rule, at=at)
    if isinstance(rule, PeakRule):
        found |= _faults_of_peak(rule)
    return found


def _faults_of_strike(rule: StrikeRule, *, at: datetime) -> dict[str, str]:
    found = {}
    if rule.series.kind != SeriesKind.ENERGY:
        found["series"] = _("This is no series of energy prices.")
    elif fault := unit_fault(rule):
        found["series"] = fault
    if rule.basis == StrikeBasis.PRICE:
        if rule.strike is None:
            found["strike"] = _("State the strike, or compare with break-even.")
        elif rule.strike <= 0:
            found["strike"] = _("A strike is above zero: energy for nothing is always worth mining.")
        if rule.goal_kw is None:
            found["goal_kw"] = _("State how much is to be off.")
    elif usd_per(rule.site.currency, at=at) is None:
        found["basis"] = _("There is no exchange rate of the last days from US dollars to the currency of the site.")
    return found


def _faults_of_peak(rule: PeakRule) -> dict[str, str]:
    found = {}
    if rule.interval_minutes not in dict(INTERVALS):
        return {"interval_minutes": _("An interval has 15, 30 or 60 minutes.")}
    for name in ("series", "forecast_series"):
        series: Any = getattr(rule, name)
        if series is None:
            continue
        if series.kind != SeriesKind.LOAD or series.unit != MEGAWATT:
            found[name] = _("This is no series of loads in MW.")
        elif rule.interval_minutes % series.step_minutes:
            found[name] = _("Its intervals of %(minutes)s minutes do not fit into those of the rule.") % {
                "minutes": series.step_minutes
            }
    if rule.valid_to is not None and rule.valid_from is not None and rule.valid_to <= rule.valid_from:
        found["valid_to"] = _("A period must end after it begins.")
    if not rule.months:
        found["months"] = _("Choose at least one month.")
    if rule.goal_kw is None:
        found["goal_kw"] = _("State how much is to be off.")
    return found


def _checked(rule: ActingRule, at: datetime) -> None:
    rule.name = printable(rule.name)
    if faults := faults_of(rule, at=at):
        raise ValidationError(faults)
    rule.full_clean()


@transaction.atomic
def create_rule(model: type[RuleT], *, by: Any, at: datetime, **fields: Any) -> RuleT:
    """A rule that looks from now on. Raises ValidationError."""
    rule = model(created_at=at, **fields)
    _checked(rule, at)
    rule.save()
    return rule


@transaction.atomic
def change_rule(rule: RuleT, *, changes: Mapping[str, Any], by: Any, at: datetime) -> RuleT:
    """Edit it. Where it looks at something else it begins anew: what it wanted before ends. Raises ValidationError."""
    locked = lock_row(rule)
    anew = bool(BEGINS_ANEW & set(changes)) or changes.get("is_active") is False
    if anew:
        _stop(locked, _("The rule was changed."), at=at)
    for name, value in changes.items():
        setattr(locked, name, value)
    _checked(locked, at)
    if changes:
        locked.save(update_fields=sorted({*changes, "state"} if anew else set(changes)))
    return locked.reload()


@transaction.atomic
def remove_rule(rule: ActingRule, *, by: Any, at: datetime) -> None:
    """It wants nothing any more, and is gone; what it decided is kept."""
    locked = lock_row(rule)
    with audit_context(reason=_("The rule was taken away.")):
        _stop(locked, _("The rule was taken away."), at=at)
        locked.delete()


def _stop(rule: ActingRule, reason: str, *, at: datetime) -> None:
    book = Book.read(rule.state)
    Acting(rule, kind_of(rule), book, at).stop(reason)
    rule.state = {"rest": {"from": text_of(at)}}  # what was before says nothing any more

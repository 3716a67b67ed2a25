"""All rules that act: which there are, one look of one of them, and what somebody has to know."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from curtailment.domain.doubts import MODELS
from curtailment.domain.rules.acting import Book
from curtailment.domain.rules.peak_watch import evaluate_peak
from curtailment.domain.rules.strikes import evaluate_strike
from curtailment.enums import Doubt
from curtailment.models import PeakRule, StrikeRule
from curtailment.models.acting import ActingRule
from hashinsight.notify.registry import Finding


def evaluate(rule: ActingRule, *, at: datetime) -> bool:
    """One look of a rule of any kind."""
    if isinstance(rule, StrikeRule):
        return evaluate_strike(rule, at=at)
    assert isinstance(rule, PeakRule)
    return evaluate_peak(rule, at=at)


def find_rule(kind: str, rule_id: int) -> ActingRule | None:
    """By its kind and key; None when it is gone."""
    model: Any = MODELS[kind]
    found: ActingRule | None = model._default_manager.select_related("site", "series").filter(pk=rule_id).first()
    return found


def active_rules() -> Iterator[ActingRule]:
    """Of every kind, the most important first."""
    for model in MODELS.values():
        rows: Any = model._default_manager.filter(is_active=True)
        yield from rows.select_related("site", "series").order_by("priority", "pk")


def stale_inputs(at: datetime) -> Iterator[Finding]:
    """Rules whose data are not to be trusted: they hold the safe state."""
    for rule in active_rules():
        book = Book.read(rule.state)
        if book.doubt and book.doubt_since:
            yield Finding(
                key=str(rule.public_id),
                title=_("%(site)s, %(rule)s: %(doubt)s")
                % {"site": rule.site, "rule": rule, "doubt": Doubt(book.doubt).label},
                text=_("%(text)s Machines do what their terms say, since %(since)s UTC.")
                % {"text": book.doubt_text, "since": f"{book.doubt_since:%Y-%m-%d %H:%M}"},
            )

"""Whether the data a rule made its plan from are still to be trusted, for whoever is about to approve it (TRUST I11).

A rule that looks holds the safe state by itself; here nobody may let a plan run that was made before they went bad.
"""

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from curtailment.domain.planning import PlanRefused
from curtailment.enums import Doubt, RuleKind
from curtailment.models import CurtailmentPlan, PeakRule, StrikeRule
from curtailment.models.acting import ActingRule

MODELS: dict[str, type[ActingRule]] = {RuleKind.STRIKE.value: StrikeRule, RuleKind.PEAK.value: PeakRule}


def lock_rule(plan: CurtailmentPlan) -> ActingRule | None:
    """The strike or peak rule that made a plan, locked: it does not look while somebody approves. None: no such rule.

    Before the plan is locked, as the rule itself does it.
    """
    kind, _colon, rest = plan.source_key.partition(":")
    model: Any = MODELS.get(kind)
    if model is None:
        return None
    try:
        rows = model._default_manager.select_for_update(of=("self",)).filter(public_id=rest.partition(":")[0])
        found: ActingRule | None = rows.first()
    except (ValidationError, ValueError):
        return None  # a key that no rule of ours has made
    return found


def refuse_doubtful(plan: CurtailmentPlan, rule: ActingRule | None, *, at: datetime) -> None:
    """Raises PlanRefused while the data of the plan's rule are missing, stale, contradictory or beyond belief.

    A plan that is made *because* they are (``stale_since``) is what the terms of its machines ask for.
    """
    if rule is None or plan.stale_since is not None:
        return
    doubt, text = doubt_of(rule, at=at)
    if doubt:
        raise PlanRefused(
            _("%(rule)s: %(doubt)s. %(text)s Its plan can be approved when they are good again.")
            % {"rule": rule, "doubt": Doubt(doubt).label, "text": text},
            code="data_doubtful",
        )


def doubt_of(rule: ActingRule, *, at: datetime) -> tuple[str, str]:
    """What the rule doubted at its last look and why; also where it has not looked since its data went stale."""
    state = rule.state
    if state.get("doubt"):
        return str(state["doubt"]), str(state.get("doubt_text", ""))
    known = state.get("rest", {}).get("known_to")
    if known is None:
        return "", ""
    known_to = datetime.fromisoformat(known)
    if at - known_to <= timedelta(minutes=rule.stale_after_minutes):
        return "", ""
    text = _("The newest interval ended at %(end)s UTC.") % {"end": f"{known_to:%Y-%m-%d %H:%M}"}
    return Doubt.STALE.value, text

"""Steps of a control are kept as long as somebody may ask about them; what was ordered and decided stays for good."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from curtailment.models import ControlSample
from hashinsight.jobs.retention import Held, RetentionKind, never_delete, register_kind


def _steps(before: datetime, _held: Held) -> QuerySet[Any]:
    rows: QuerySet[Any] = ControlSample.objects.filter(at__lt=before)
    return rows


STEPS = RetentionKind(
    name="curtailment.steps",
    label=_("Steps of controls"),
    what=_("What a site's control saw in each step, for the live page; what an event came to is kept with the event."),
    table="curtailment.ControlSample",
    moment="at",
    rows=_steps,
    keep_days=400,
    minimum_days=7,
)
KEPT = (
    "CurtailmentPlan", "CurtailmentPlanMiner", "MachineOrder", "LeaseReport", "RuleExecution", "DispatchMessage",
    "CurtailmentEvent", "EventShare", "EventMachine",
)  # fmt: skip


def register() -> None:
    """Called once from ``ready()``."""
    register_kind(STEPS)
    for model in KEPT:
        never_delete(f"curtailment.{model}", _("evidence of what was done to machines, and why"))

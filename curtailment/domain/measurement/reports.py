"""What a report of an event is made of, loaded once."""

from collections.abc import Sequence
from dataclasses import dataclass

from curtailment.domain.measurement.events import leading
from curtailment.models import CurtailmentEvent, CurtailmentPlan, EventInterval, EventMachine, EventShare


@dataclass(frozen=True)
class Story:
    """An event with all that belongs to it."""

    event: CurtailmentEvent
    plans: Sequence[CurtailmentPlan]
    shares: Sequence[EventShare]
    intervals: Sequence[EventInterval]

    @property
    def reason(self) -> str:
        """The words of the plan that wanted most."""
        first = leading(self.plans)
        return first.reason if first is not None else ""

    @property
    def cause(self) -> str:
        """The same plan's."""
        first = leading(self.plans)
        return first.get_cause_display() if first is not None else ""


def story_of(event: CurtailmentEvent) -> Story:
    """Plans by their beginning, shares by size, quarter-hours by time."""
    return Story(
        event=event,
        plans=list(event.plans.select_related("site", "created_by", "standing_approval").order_by("starts_at", "pk")),
        shares=sorted(event.shares.select_related("customer"), key=lambda one: -one.saved_kwh),
        intervals=list(event.intervals.order_by("interval_start")),
    )


def machines_of(event: CurtailmentEvent) -> list[EventMachine]:
    """All, in the order in which they were told."""
    rows = event.event_machines.select_related("miner__model", "customer")
    return list(rows.order_by("told_at", "pk"))

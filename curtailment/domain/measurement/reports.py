"""What a report of an event is made of, loaded once, and all of it of one reckoning."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.utils.translation import gettext as _

from curtailment.domain.measurement.events import leading
from curtailment.models import CurtailmentEvent, CurtailmentPlan, EventInterval, EventMachine, EventShare
from hashinsight.common.errors import DomainError

TRIES = 5
ToldT = TypeVar("ToldT", CurtailmentEvent, EventShare)
RestT = TypeVar("RestT")


class BeingReckoned(DomainError):
    """The event is reckoned again and again while it is read."""

    code = "being_reckoned"


def of_one_reckoning(load: Callable[[], tuple[ToldT, RestT]]) -> tuple[ToldT, RestT]:
    """What ``load`` reads, the event or share first: again where it was reckoned anew in between.

    A reckoning writes all of an event in one transaction with its revision, so what stands between two readings of
    the same revision is of that one. Raises BeingReckoned.
    """
    for _try in range(TRIES):
        told, rest = load()
        manager = type(told)._default_manager
        if manager.filter(pk=told.pk).values_list("revision", flat=True).first() == told.revision:
            return told, rest
    raise BeingReckoned(_("The event is being reckoned at this moment: try again."))


@dataclass(frozen=True)
class Story:
    """An event with all that belongs to it."""

    event: CurtailmentEvent
    plans: Sequence[CurtailmentPlan]
    shares: Sequence[EventShare]
    intervals: Sequence[EventInterval]
    machines: Sequence[EventMachine]

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
    """Plans by their beginning, shares by size, quarter-hours by time. Raises BeingReckoned."""

    def load() -> tuple[CurtailmentEvent, Story]:
        found = CurtailmentEvent.objects.select_related("site").get(pk=event.pk)
        return found, _story(found)

    return of_one_reckoning(load)[1]


def _story(event: CurtailmentEvent) -> Story:
    return Story(
        event=event,
        plans=list(event.plans.select_related("site", "created_by", "standing_approval").order_by("starts_at", "pk")),
        shares=sorted(event.shares.select_related("customer"), key=lambda one: -one.saved_kwh),
        intervals=list(event.intervals.order_by("interval_start")),
        machines=machines_of(event),
    )


def machines_of(event: CurtailmentEvent) -> list[EventMachine]:
    """All, in the order in which they were told."""
    rows = event.event_machines.select_related("miner__model", "customer")
    return list(rows.order_by("told_at", "pk"))

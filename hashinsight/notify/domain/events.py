"""What the relay hands over: each event becomes deliveries in the transaction of its inbox entry."""

from collections.abc import Sequence
from datetime import datetime

from hashinsight.events.consumers import Event
from hashinsight.notify.domain.occurrence import of_event
from hashinsight.notify.domain.routing import live_rules, route

GROUP = "notify"


def consume(events: Sequence[Event], *, at: datetime) -> None:
    """Write what the rules ask for, the rules read once; an event told twice writes nothing new."""
    rules = live_rules()
    for event in events if rules else ():
        route(of_event(event), at=at, rules=rules)

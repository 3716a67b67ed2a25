"""Models of outbox, inbox and relay."""

from hashinsight.events.models.dead_letter import DeadLetter
from hashinsight.events.models.held import HeldDelivery
from hashinsight.events.models.inbox import InboxEntry
from hashinsight.events.models.outbox import WAKE_CHANNEL, OutboxEvent
from hashinsight.events.models.relay import RelayProcess, Replay

__all__ = ["WAKE_CHANNEL", "DeadLetter", "HeldDelivery", "InboxEntry", "OutboxEvent", "RelayProcess", "Replay"]

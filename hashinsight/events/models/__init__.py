"""Models of the outbox."""

from hashinsight.events.models.outbox import OutboxEvent

__all__ = ["OutboxEvent"]

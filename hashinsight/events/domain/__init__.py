"""Writing events."""

from hashinsight.events.domain.outbox import publish

__all__ = ["publish"]

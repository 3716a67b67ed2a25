"""Writing events."""

from hashinsight.events.domain.outbox import Fact, publish, publish_many

__all__ = ["Fact", "publish", "publish_many"]

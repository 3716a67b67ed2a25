"""Events to Kafka: one topic per type of aggregate, keyed by the aggregate, confirmed before anything is marked.

The message is laid out as Debezium's outbox event router would: the payload as value, the event's id and what
describes it as headers, the aggregate's id as key, so that one partition has the events of an aggregate in order.
"""

import importlib.util
import json
from collections.abc import Mapping, Sequence
from typing import Any

from hashinsight.events.consumers import ConsumerUnavailable, Event

PACKAGE = "confluent_kafka"


def is_installed() -> bool:
    """Whether the extra (``requirements/kafka.txt``) is there."""
    return importlib.util.find_spec(PACKAGE) is not None


class KafkaSink:
    """A producer made when first needed, one per process; ``options`` are librdkafka's."""

    def __init__(self, options: Mapping[str, Any], *, topic_prefix: str, timeout: float) -> None:
        self.options = dict(options)
        self.topic_prefix = topic_prefix
        self.timeout = timeout
        self._producer: Any = None

    def __call__(self, events: Sequence[Event]) -> None:
        """Send them in order and wait for every broker's word; raises ConsumerUnavailable when one is missing.

        After a failure the producer is thrown away with what it still holds, so that nothing of this attempt
        arrives behind the next one.
        """
        errors: list[str] = []
        confirmed: list[int] = []

        def heard(error: Any, _message: Any) -> None:
            if error is None:
                confirmed.append(1)
            else:
                errors.append(str(error))

        try:
            producer = self._ready()
            for event in events:
                self._send(producer, event, heard)
            producer.flush(self.timeout)
        except Exception as error:
            self._forget()
            raise ConsumerUnavailable(f"{type(error).__name__}: {error}") from error
        if len(confirmed) != len(events):
            self._forget()
            raise ConsumerUnavailable(errors[0] if errors else f"no answer within {self.timeout:g} s")

    def _send(self, producer: Any, event: Event, heard: Any) -> None:
        headers = {
            "id": str(event.event_id),
            "type": event.kind,
            "version": str(event.schema_version),
            "tenant_id": "" if event.customer_id is None else str(event.customer_id),
            "request_id": event.request_id,
        }
        message = {
            "topic": f"{self.topic_prefix}{event.aggregate_type}",
            "key": event.aggregate_id.encode(),
            "value": json.dumps(event.payload, ensure_ascii=False, separators=(",", ":")).encode(),
            "headers": headers,
            "timestamp": int(event.created_at.timestamp() * 1000),
            "on_delivery": heard,
        }
        try:
            producer.produce(**message)
        except BufferError:  # the queue is full: let the broker catch up once
            producer.poll(self.timeout)
            producer.produce(**message)
        producer.poll(0)

    def _ready(self) -> Any:
        if self._producer is None:
            from confluent_kafka import Producer  # noqa: PLC0415  (an extra, loaded where it is used)

            timeout = int(self.timeout * 1000)
            fixed = {"enable.idempotence": True, "acks": "all", "message.timeout.ms": timeout, "linger.ms": 5}
            self._producer = Producer({**self.options, **fixed})
        return self._producer

    def _forget(self) -> None:
        if self._producer is not None:
            self._producer.purge(in_queue=True, in_flight=True)
            self._producer.flush(1.0)
            self._producer = None

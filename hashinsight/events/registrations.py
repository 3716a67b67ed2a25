"""What the events make known at start: the consumers of the house itself."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import transaction

from hashinsight.common.tiles import make_stale
from hashinsight.events.clients.kafka import KafkaSink
from hashinsight.events.consumers import EVERYTHING, Consumer, Event, Lane, register_consumer


def _freshen_start_page(events: Sequence[Event]) -> None:
    """After the commit, for the cache knows no rollback; a cache that is down costs a minute, not the event."""
    about = {event.kind.partition(".")[0] for event in events}
    transaction.on_commit(lambda: make_stale(about), robust=True)


def kafka_options() -> dict[str, Any]:
    """librdkafka's names for our settings."""
    options: dict[str, Any] = {
        "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
        "security.protocol": settings.KAFKA_SECURITY_PROTOCOL,
        "client.id": "hashinsight",
    }
    if settings.KAFKA_SECURITY_PROTOCOL.startswith("SASL"):
        options["sasl.mechanism"] = settings.KAFKA_SASL_MECHANISM
        options["sasl.username"] = settings.KAFKA_SASL_USERNAME
        options["sasl.password"] = settings.KAFKA_SASL_PASSWORD
    if settings.KAFKA_SSL_CA_FILE:
        options["ssl.ca.location"] = settings.KAFKA_SSL_CA_FILE
    return options


def register() -> None:
    """Called once from ``ready()``."""
    register_consumer(
        Consumer(
            group="start_page",
            description="Has the figures of the start page counted anew once something happened to what they count.",
            kinds=EVERYTHING,
            handle=_freshen_start_page,
            repeatable=True,
        )
    )
    if settings.KAFKA_BOOTSTRAP_SERVERS:
        register_consumer(kafka_consumer())


def kafka_consumer() -> Consumer:
    """Everything, to Kafka."""
    sink = KafkaSink(kafka_options(), topic_prefix=settings.KAFKA_TOPIC_PREFIX, timeout=settings.KAFKA_TIMEOUT_SECONDS)
    return Consumer(
        group="kafka",
        description="Copies every event to Kafka, to the topic of its type of aggregate.",
        kinds=EVERYTHING,
        handle=sink,
        repeatable=True,
        lane=Lane.SINK,
    )

"""System checks: Kafka is set up whole, or not at all."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from hashinsight.events.clients import kafka


@register()
def check_kafka(**kwargs: Any) -> list[CheckMessage]:
    """Package there, login complete."""
    if not settings.KAFKA_BOOTSTRAP_SERVERS:
        return []
    found: list[CheckMessage] = []
    if not kafka.is_installed():
        found.append(
            Error(
                "KAFKA_BOOTSTRAP_SERVERS is set, but the package confluent-kafka is not installed.",
                hint="pip install --require-hashes -r requirements/kafka.txt",
                id="events.E001",
            )
        )
    is_sasl = settings.KAFKA_SECURITY_PROTOCOL.startswith("SASL")
    if is_sasl and not (settings.KAFKA_SASL_USERNAME and settings.KAFKA_SASL_PASSWORD):
        found.append(
            Error(
                "KAFKA_SECURITY_PROTOCOL asks for a login, but KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD is empty.",
                hint="Set both, or another protocol.",
                id="events.E002",
            )
        )
    return found


@register(Tags.security, deploy=True)
def check_kafka_is_encrypted(**kwargs: Any) -> list[CheckMessage]:
    """Events tell who pays what: no plain line on a server."""
    if not settings.KAFKA_BOOTSTRAP_SERVERS or settings.KAFKA_SECURITY_PROTOCOL in {"SSL", "SASL_SSL"}:
        return []
    return [
        Warning(
            "Events go to Kafka unencrypted.",
            hint="Set KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL.",
            id="events.W003",
        )
    ]

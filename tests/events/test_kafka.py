"""Kafka: librdkafka's own mock cluster speaks the real protocol; a second client reads back what arrived."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from hashinsight.env import env_choice, env_servers
from hashinsight.events import checks, registrations
from hashinsight.events.clients import kafka
from hashinsight.events.clients.kafka import KafkaSink
from hashinsight.events.consumers import Lane
from hashinsight.events.models import HeldDelivery
from tests.events.tools import consumer, count, relay, retry, statuses, use

confluent_kafka = pytest.importorskip("confluent_kafka", reason="requirements/kafka.txt is not installed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Addresses of the mock brokers, alive as long as the producer that made them."""
    owner = confluent_kafka.Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 2})
    brokers = owner.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    owner.flush(1)


def read_back(cluster: str, topic: str, number: int) -> list[Any]:
    reader = confluent_kafka.Consumer(
        {"bootstrap.servers": cluster, "group.id": f"reads-{topic}", "auto.offset.reset": "earliest",
         "session.timeout.ms": 6000}
    )  # fmt: skip
    parts = reader.list_topics(topic, timeout=10).topics[topic].partitions  # no group to join, which takes seconds
    reader.assign([confluent_kafka.TopicPartition(topic, one, confluent_kafka.OFFSET_BEGINNING) for one in parts])
    found: list[Any] = []
    try:
        for _ in range(100):
            message = reader.poll(0.2)
            if message is not None and message.error() is None:
                found.append(message)
            if len(found) == number:
                break
    finally:
        reader.close()
    return found


@pytest.mark.django_db
def test_events_arrive_keyed_and_in_order_and_only_then_count_as_sent(
    cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = consumer("kafka", KafkaSink({"bootstrap.servers": cluster}, topic_prefix="one.", timeout=10), lane=Lane.SINK)
    use(monkeypatch, sink)
    events = count("a", 1, 2, 3) + count("b", 4)
    relay()
    assert statuses() == ["held"] * 4

    assert retry(sink).count == 4

    assert statuses() == ["processed"] * 4
    messages = read_back(cluster, "one.test", 4)
    by_key: dict[str, list[Any]] = {}
    for message in messages:
        by_key.setdefault(message.key().decode(), []).append(message)
    assert {key: [json.loads(m.value())["number"] for m in found] for key, found in by_key.items()} == {
        "a": [1, 2, 3],
        "b": [4],
    }
    assert len({message.partition() for message in by_key["a"]}) == 1
    assert [dict(m.headers())["id"].decode() for m in by_key["a"]] == [str(e.event_id) for e in events[:3]]
    assert dict(messages[0].headers())["type"] == b"test.counted"


@pytest.mark.django_db
def test_brokers_that_do_not_answer_cost_no_attempt_and_lose_nothing(
    cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = KafkaSink({"bootstrap.servers": "127.0.0.1:9"}, topic_prefix="two.", timeout=1)
    sink = consumer("kafka", handle, lane=Lane.SINK)
    use(monkeypatch, sink)
    count("a", 1, 2)
    relay()

    assert retry(sink).unavailable != ""
    assert list(HeldDelivery.objects.values_list("attempts", flat=True)) == [0, 0]
    assert statuses() == ["held"] * 2

    handle.options = {"bootstrap.servers": cluster}
    handle.timeout = 10
    assert retry(sink).count == 2
    assert [json.loads(m.value())["number"] for m in read_back(cluster, "two.test", 2)] == [1, 2]


def test_kafka_is_a_consumer_only_where_it_is_set_up(settings: Any) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = "k1.example:9092"
    settings.KAFKA_SECURITY_PROTOCOL = "SASL_SSL"
    settings.KAFKA_SASL_USERNAME, settings.KAFKA_SASL_PASSWORD = "u", "p"
    settings.KAFKA_SSL_CA_FILE = "/ca.pem"
    one = registrations.kafka_consumer()
    assert (one.group, one.lane, one.wants("invoice.issued")) == ("kafka", Lane.SINK, True)
    assert registrations.kafka_options() == {
        "bootstrap.servers": "k1.example:9092",
        "security.protocol": "SASL_SSL",
        "client.id": "hashinsight",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": "p",
        "ssl.ca.location": "/ca.pem",
    }


def test_wrong_set_ups_are_found(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def ids() -> list[str | None]:
        return [found.id for found in [*checks.check_kafka(), *checks.check_kafka_is_encrypted()]]

    assert ids() == []
    settings.KAFKA_BOOTSTRAP_SERVERS = "k1.example:9092"
    assert ids() == ["events.W003"]
    settings.KAFKA_SECURITY_PROTOCOL = "SASL_SSL"
    assert ids() == ["events.E002"]
    settings.KAFKA_SASL_USERNAME, settings.KAFKA_SASL_PASSWORD = "u", "p"
    assert ids() == []
    monkeypatch.setattr(kafka, "PACKAGE", "there_is_no_such_package")
    assert ids() == ["events.E001"]


@pytest.mark.parametrize("text", ["k1", "k1:", ":9092", "k1:0", "k1:99999", "kafka://k1:9092", "k1:9092,k2"])
def test_nonsense_for_addresses_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SERVERS", text)
    with pytest.raises(ImproperlyConfigured, match="host:port"):
        env_servers("SERVERS")


def test_sensible_addresses_and_choices_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVERS", "k1.example:9092, [::1]:9093")
    assert env_servers("SERVERS") == "k1.example:9092,[::1]:9093"
    monkeypatch.setenv("CHOICE", "b")
    assert env_choice("CHOICE", "a", ("a", "b")) == "b"
    monkeypatch.setenv("CHOICE", "B")
    with pytest.raises(ImproperlyConfigured, match="one of a, b"):
        env_choice("CHOICE", "a", ("a", "b"))

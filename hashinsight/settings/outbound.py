"""Calls to the outside: notifications and events."""

from hashinsight.env import env_choice, env_int, env_networks, env_ports, env_servers, env_str

# Ports besides 443, and networks of our own that webhooks may reach (there also by plain http, on any port).
OUTBOUND_PORTS = env_ports("OUTBOUND_PORTS")
OUTBOUND_ALLOWED_NETWORKS = env_networks("OUTBOUND_ALLOWED_NETWORKS")
# A channel that has failed for this many days without a single success is switched off, and somebody is told.
NOTIFY_DISABLE_AFTER_DAYS = env_int("NOTIFY_DISABLE_AFTER_DAYS", 5, minimum=4, maximum=60)
# Below this share of free space (percent) under the folder of our files an alert is raised.
NOTIFY_DISK_FREE_PERCENT = env_int("NOTIFY_DISK_FREE_PERCENT", 10, minimum=1, maximum=90)

# How many events a relay takes at once, and how it treats a consumer that fails: seconds before the second attempt,
# doubled from attempt to attempt up to the longest wait; after the last attempt the event is a dead letter.
EVENT_BATCH = env_int("EVENT_BATCH", 1_000, minimum=1, maximum=10_000)
EVENT_MAX_ATTEMPTS = env_int("EVENT_MAX_ATTEMPTS", 12, minimum=1, maximum=1000)
EVENT_BACKOFF_SECONDS = env_int("EVENT_BACKOFF_SECONDS", 2, minimum=1, maximum=3600)
EVENT_LONGEST_BACKOFF_SECONDS = env_int("EVENT_LONGEST_BACKOFF_SECONDS", 900, minimum=1, maximum=86_400)
# Empty: no Kafka. Otherwise every event goes there as well, to the topic of its type of aggregate.
KAFKA_BOOTSTRAP_SERVERS = env_servers("KAFKA_BOOTSTRAP_SERVERS")
KAFKA_TOPIC_PREFIX = env_str("KAFKA_TOPIC_PREFIX", "hashinsight.")
KAFKA_SECURITY_PROTOCOL = env_choice(
    "KAFKA_SECURITY_PROTOCOL", "PLAINTEXT", ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
)
KAFKA_SASL_MECHANISM = env_choice("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512", ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"))
KAFKA_SASL_USERNAME = env_str("KAFKA_SASL_USERNAME", "")
KAFKA_SASL_PASSWORD = env_str("KAFKA_SASL_PASSWORD", "")
KAFKA_SSL_CA_FILE = env_str("KAFKA_SSL_CA_FILE", "")
KAFKA_TIMEOUT_SECONDS = env_int("KAFKA_TIMEOUT_SECONDS", 10, minimum=1, maximum=120)
# A contract that renews itself is told of so many days before the last day for notice.
CONTRACT_NOTICE_AHEAD_DAYS = env_int("CONTRACT_NOTICE_AHEAD_DAYS", 30, minimum=1, maximum=365)

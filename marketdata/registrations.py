"""What market data make known at start: event kinds, jobs, alerts, retention."""

from hashinsight.events.registry import EventKind
from hashinsight.events.registry import register as register_kind
from hashinsight.notify.enums import Severity
from hashinsight.notify.registry import AlertKind, register_alert_kind
from marketdata import periodic, retention
from marketdata.domain.watching import stale_market, stale_series

EVENT_KINDS = [
    EventKind(
        "network.snapshot_created",
        "A snapshot of the network was kept, good or not.",
        {
            "snapshot_id": "string", "recorded_at": "string", "is_valid": "boolean", "reason": "string",
            "btc_price_usd": "string?", "difficulty": "string?", "hashrate_ehs": "string?",
        },
    ),
    EventKind(
        "market.days_noted",
        "Closes of days are new or were corrected.",
        {"first_day": "string", "last_day": "string", "days": "integer", "origin": "string"},
    ),
    EventKind(
        "market.indicators_reckoned",
        "Indicators of days were reckoned.",
        {"first_day": "string", "last_day": "string", "days": "integer", "signal": "string?"},
    ),
    EventKind(
        "price_series.values_stored",
        "A price series has new or corrected values.",
        {
            "series_id": "string", "code": "string", "new": "integer", "changed": "integer", "first_at": "string",
            "last_at": "string",
        },
    ),
]  # fmt: skip

ALERTS = [
    (AlertKind("market.stale", "No good market data for 45 minutes.", "network", Severity.WARNING), stale_market),
    (AlertKind("price_series.stale", "A price series has no new values.", "series", Severity.WARNING), stale_series),
]


def register() -> None:
    """Called once from ``ready()``."""
    for kind in EVENT_KINDS:
        register_kind(kind)
    for alert, look in ALERTS:
        register_alert_kind(alert, watch=look)
    periodic.register()
    retention.register()

"""What intelligence makes known at start: event kinds, jobs, retention."""

from hashinsight.events.registry import EventKind
from hashinsight.events.registry import register as register_kind
from intelligence import periodic, retention

EVENT_KINDS = [
    EventKind(
        "intelligence.forecast_generated",
        "A forecast was made and published as a series.",
        {
            "forecast_id": "string", "kind": "string", "issued_at": "string", "horizons": "integer",
            "last_value": "string",
        },
    ),
]  # fmt: skip


def register() -> None:
    """Called once from ``ready()``."""
    for kind in EVENT_KINDS:
        register_kind(kind)
    periodic.register()
    retention.register()

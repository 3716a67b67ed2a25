"""What intelligence makes known at start: event kinds, jobs, retention."""

from hashinsight.events.consumers import Consumer, register_consumer
from hashinsight.events.registry import EventKind
from hashinsight.events.registry import register as register_kind
from intelligence import periodic, retention
from intelligence.domain.portfolio import take_events

EVENT_KINDS = [
    EventKind(
        "intelligence.forecast_generated",
        "A forecast was made and published as a series.",
        {
            "forecast_id": "string", "kind": "string", "issued_at": "string", "horizons": "integer",
            "last_value": "string",
        },
    ),
    *(
        EventKind(
            f"user_miner.{what}",
            f"Machines a person reckons with were {what}.",
            {"user_miner_id": "string", "quantity": "integer", "status": "string"},
        )
        for what in ("created", "changed", "deleted")
    ),
    EventKind(
        "miner.portfolio_updated",
        "The portfolio of a person was reckoned anew.",
        {"machines": "integer", "daily_net_usd": "string?", "computed_at": "string"},
    ),
]  # fmt: skip


def register() -> None:
    """Called once from ``ready()``."""
    for kind in EVENT_KINDS:
        register_kind(kind)
    register_consumer(
        Consumer(
            group="intelligence.portfolio",
            description="Reckons the portfolio of a person anew after a change or a good snapshot of the network.",
            kinds=frozenset(
                {"user_miner.created", "user_miner.changed", "user_miner.deleted", "network.snapshot_created"}
            ),
            handle=take_events,
            repeatable=True,
        )
    )
    periodic.register()
    retention.register()

"""Pages of the hosting business."""

from hosting.admin import (
    alert_rule,
    edge,
    lease_key,
    meter,
    miner,
    miner_model,
    miner_secret,
    place,
    price_plan,
    terms,
    ticket,
    usage,
)

__all__ = [
    "alert_rule", "edge", "lease_key", "meter", "miner", "miner_model", "miner_secret", "place", "price_plan", "terms",
    "ticket", "usage",
]  # fmt: skip

"""Pages of the hosting business."""

from hosting.admin import miner, miner_model, place, price_plan, terms, ticket

__all__ = ["miner", "miner_model", "place", "price_plan", "terms", "ticket"]

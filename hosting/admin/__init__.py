"""Pages of the hosting business."""

from hosting.admin import miner, miner_model, place, price_plan, terms, ticket, usage

__all__ = ["miner", "miner_model", "place", "price_plan", "terms", "ticket", "usage"]

"""Pages of the hosting business."""

from hosting.admin import edge, miner, miner_model, place, price_plan, terms, ticket, usage

__all__ = ["edge", "miner", "miner_model", "place", "price_plan", "terms", "ticket", "usage"]

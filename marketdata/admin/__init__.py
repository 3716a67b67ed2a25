"""Pages of market data in the back office."""

from marketdata.admin import coin, day, series, snapshot

__all__ = ["coin", "day", "series", "snapshot"]

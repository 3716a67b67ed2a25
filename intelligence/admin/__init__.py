"""Pages of intelligence in the back office."""

from intelligence.admin import forecast

__all__ = ["forecast"]

"""Time series: rollups, demand, usage."""

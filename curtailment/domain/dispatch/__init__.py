"""Programmes and their dispatches: heard, judged, turned into plans, drilled."""

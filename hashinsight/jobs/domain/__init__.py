"""Writes of the jobs app."""

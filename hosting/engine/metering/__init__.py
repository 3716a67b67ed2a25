"""Readings of meters: how they come in, which of them are believed, and what they say of quarter-hours."""

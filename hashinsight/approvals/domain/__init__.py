"""Asking, deciding, and the gate the acts themselves pass."""

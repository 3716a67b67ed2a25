"""Arithmetic of the relay."""

"""Arithmetic of notifications: signatures, waiting times, quiet hours, patterns. Plain Python."""

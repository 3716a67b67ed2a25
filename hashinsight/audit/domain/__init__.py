"""Sealing and verifying."""

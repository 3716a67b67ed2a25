"""Bases of the admin: every page of the back office is built on these."""

"""Approvals in the API: for staff only."""

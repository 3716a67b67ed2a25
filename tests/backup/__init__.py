"""Backups, restores, drills, and the hold."""

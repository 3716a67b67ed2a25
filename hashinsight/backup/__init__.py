"""Backups, restores, and what may happen after one."""

"""Every write of the backups."""

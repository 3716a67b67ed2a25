"""Outside systems that take events."""

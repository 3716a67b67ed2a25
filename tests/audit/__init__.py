"""The sealed history."""

"""Outside sources: where an address is."""

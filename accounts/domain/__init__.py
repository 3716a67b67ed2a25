"""Everything that changes people, their access, their keys and their roles."""

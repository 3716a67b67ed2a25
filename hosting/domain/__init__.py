"""Writing to the hosting tables: one function per verb."""

"""The collections of the commercial truth."""

"""Forms of the hosting pages."""

"""Meters of sites: keeping them, taking their readings in, and what they say of the load of a site."""
